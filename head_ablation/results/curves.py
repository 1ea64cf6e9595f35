"""Figure 8's curves from the levels table: mean accuracy per method, question, arm and level."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from head_ablation.heads.arms import ARMS
from head_ablation.results.rows import EXPERIMENT, baseline_rows, ordered
from head_ablation.results.statistics import wilson


def curves_table(levels: pd.DataFrame, by: Sequence[str] = ("question",)) -> pd.DataFrame:
    """The data behind Figure 8: mean accuracy per method, `by`, arm and level (0 = baseline).

    Draws are averaged within each experiment first, then experiments, of however many models and lengths: `models` and
    `experiments` count them. By question that is the published study's Figure 8; where `models` is above 1, no model
    need have such an accuracy. `low` and `high` are the
    Wilson 95 % interval with n = the largest number of companies among the pooled experiments,
    because experiments that differ in model or length ask about the same companies. `undecided` counts the experiments
    in which the ranking does not decide the heads of the level: it takes a part of heads of equal score, or heads that
    never scored.

    Args:
        levels: a `levels_table`.
        by: what a curve stands for, beside method and arm; `EXPERIMENT` for single experiments.
    """
    one = ["method", *EXPERIMENT]
    ablated = levels[levels["arm"] != "baseline"]
    baselines = baseline_rows(levels, ablated[one].drop_duplicates()).set_index(one)
    shown = ["accuracy", "companies", "majority_accuracy", "tied", "unscored"]
    start = ablated[[*one, "arm"]].drop_duplicates().assign(level=0, draw=0)
    cells = pd.concat([start.join(baselines[shown], on=one), ablated], join="inner")
    cells = cells.join(baselines["accuracy"].rename("baseline_accuracy"), on=one)
    cells["undecided"] = ((cells["tied"] > 0) | (cells["unscored"] > 0)).fillna(False).astype("int64")
    values = {"accuracy": "mean", "companies": "max", "majority_accuracy": "mean"}
    values |= {"baseline_accuracy": "mean"}
    keep = {name: (name, how) for name, how in values.items()}
    single = cells.groupby(["method", *EXPERIMENT, "arm", "level"], as_index=False).agg(
        **keep, draws=("draw", "nunique"), undecided=("undecided", "max")
    )
    curves = single.groupby(["method", *by, "arm", "level"], as_index=False).agg(
        **keep,
        models=("model", "nunique"),
        experiments=("accuracy", "size"),
        draws=("draws", "min"),
        undecided=("undecided", "sum"),
    )
    limits = [wilson(*row) for row in zip(curves["accuracy"], curves["companies"], strict=True)]
    curves["low"], curves["high"] = [low for low, _ in limits], [high for _, high in limits]
    return ordered(curves, ["method", *by])


def summary(curves: pd.DataFrame) -> str:
    """The numbers that matter, per method and question: baseline and each arm at the highest level."""
    lines = []
    for (method, question), rows in curves.groupby(["method", "question"], sort=False):
        highest = rows[rows["level"] == rows["level"].max()].set_index("arm")["accuracy"]
        undecided = rows.loc[rows["level"] == rows["level"].max(), "undecided"].max()
        ablated = ", ".join(f"{arm} {highest[arm]:.0%}" for arm in [arm.name for arm in ARMS] if arm in highest)
        lines.append(
            f"{method}, {question}{_pooled(rows)}: baseline {rows['baseline_accuracy'].iloc[0]:.0%}; with"
            f" {rows['level'].max()} heads ablated: {ablated}"
            + (
                f" (in {undecided} of {rows['experiments'].max()} experiments a tie decides the heads)"
                * bool(undecided)
            )
        )
    return "\n".join(lines)


def _pooled(rows: pd.DataFrame) -> str:
    """That a mean is one over models, if it is."""
    models = rows["models"].max()
    return f" (mean of {models} models)" if models > 1 else ""
