"""Two studies, or two methods of one, side by side: accuracy under the same conditions, answers to the same prompts.

The sides are called a and b. A condition is the same if arm, level and draw are; draws are averaged before anything is
compared. What only one side has is part of no number and is named (`only_one_has`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from head_ablation.common.experiment import Experiment
from head_ablation.common.problems import Problem, some
from head_ablation.results.published_format import condition_name
from head_ablation.results.rows import EXPERIMENT, ORDER, baseline_rows
from head_ablation.results.statistics import CONFIDENCE, Difference, paired_difference

CELL = [*EXPERIMENT, "arm", "level"]
CONDITION = [*CELL, "draw"]
PROMPT = ["filename", "company"]
ALL = "all questions"
"""The group of all; no question has a name with a space."""

PAIRED, UNPAIRED, ONE = "paired by company", "unpaired", "one measurement"


@dataclass(frozen=True)
class Side:
    """What one method has in one study, the baseline of its experiments among it.

    Attributes:
        levels: rows of a `levels_table`.
        samples: rows of a `samples_table` that count; none where the results have no answers.
    """

    levels: pd.DataFrame
    samples: pd.DataFrame

    @classmethod
    def of(cls, levels: pd.DataFrame, samples: pd.DataFrame, method: str) -> Side:
        """The rows of one method in a study's tables."""
        return cls(_of_method(levels, method), _of_method(samples[samples["counted"].astype(bool)], method))

    @property
    def experiments(self) -> set[Experiment]:
        """The experiments that have an ablated condition."""
        return {Experiment(*map(_plain, key)) for key in self.levels[EXPERIMENT].drop_duplicates().to_numpy()}

    @property
    def conditions(self) -> dict[str, set[Experiment]]:
        """The name of each condition -> the experiments that have it."""
        found: dict[str, set[Experiment]] = {}
        for *experiment, arm, level, draw in self.levels[CONDITION].itertuples(index=False):
            found.setdefault(condition_name(arm, level, draw), set()).add(Experiment(*experiment))
        return found


def table_problems(file: str, levels: pd.DataFrame, samples: pd.DataFrame) -> Iterator[Problem]:
    """Where a study's answers are not those that its levels count; a condition without any answer is no problem.

    Args:
        file: the samples', for messages.
        levels: a `levels_table`.
        samples: a `samples_table`.
    """
    key = ["method", *CONDITION]
    for row in samples.index[samples.duplicated([*key, *PROMPT])]:
        place = _place(samples.loc[row])
        yield Problem(file, place, f"two answers to {samples['filename'][row]}", "one of each condition")
    counted = samples[samples["counted"].astype(bool)].assign(correct=lambda rows: rows["correct"].astype("int64"))
    found = counted.groupby(key, dropna=False)["correct"].agg(found_correct="sum", found_total="size").reset_index()
    both = levels.merge(found, on=key)
    differs = (both["correct"] != both["found_correct"]) | (both["total"] != both["found_total"])
    for _, row in both[differs].iterrows():
        said = f"{row['found_correct']} correct of {row['found_total']}"
        yield Problem(file, _place(row), said, f"{row['correct']} of {row['total']}, as in levels.csv beside it")


def only_one_has(one: Side, other: Side) -> list[str]:
    """What `one` has and `other` lacks, in words: experiments; of the experiments of both, conditions."""
    common = one.experiments & other.experiments
    lacking = sorted(one.experiments - other.experiments)
    lines = [f"experiments: {some(lacking)}"] if lacking else []
    wholly, partly = [], []
    for name, experiments in one.conditions.items():
        missing = sorted(experiments & common - other.conditions.get(name, set()))
        if missing and len(missing) == len(experiments & common):
            wholly.append(name)
        elif missing:
            partly.append(f"condition {name}, in {len(missing)} of {len(experiments & common)}: {some(missing)}")
    return [*lines, *([f"conditions: {', '.join(wholly)}"] if wholly else []), *partly]


def accuracy_table(a: Side, b: Side, one_baseline: bool = False) -> pd.DataFrame:
    """Per group (a question, or all) and condition: accuracy in a and b, and b minus a with its 95 % interval.

    Accuracies are means over the experiments that have the condition on both sides, draws averaged first. The interval
    is paired by company (`statistics.paired_difference`, a company weighing as much as its answers do in that mean) if
    in each of these experiments both sides answered the same filings of the same companies; otherwise it is unpaired:
    Newcombe's hybrid score interval, with n = the largest number of companies on each side.

    Args:
        a, b: the sides.
        one_baseline: the baseline of both is the same measurement, so that a difference of 0 is no result.

    Returns:
        A row for each: `group, arm, level, accuracy_a, accuracy_b, difference, low, high` (fractions), `companies_a,
        companies_b, experiments, prompts_a, prompts_b, interval, unpaired` (experiments that could not be paired).
    """
    cells = _cells(a).add_suffix("_a").join(_cells(b).add_suffix("_b"), how="inner")
    cells["paired"] = (cells["prompts_a"] == cells["prompts_b"]) & (cells["prompts_a"].map(len) > 0)
    means = _company_means(a).add_suffix("_a").join(_company_means(b).add_suffix("_b"), how="inner")
    rows = []
    for key, own in _grouped(cells.reset_index()):
        own = own.set_index(CELL)
        row = {**key, "accuracy_a": own["accuracy_a"].mean(), "accuracy_b": own["accuracy_b"].mean()}
        row |= {"experiments": len(own), "prompts_a": own["total_a"].sum(), "prompts_b": own["total_b"].sum()}
        row |= {"unpaired": [str(Experiment(*cell[:3])) for cell in own.index[~own["paired"]]]}
        if one_baseline and key["arm"] == "baseline":
            found = (ONE, Difference(math.nan, math.nan, math.nan), (own["companies_a"].max(),) * 2)
        elif own["paired"].all():
            found = (PAIRED, *_paired(means, own.index))
        else:
            found = (UNPAIRED, *_unpaired(own))
        row |= dict(zip(["interval", "difference", "companies"], found, strict=True))
        rows.append(row)
    return _with_columns(rows)


def answers_table(a: Side, b: Side) -> pd.DataFrame:
    """Per group (a question, or all) and condition: answers of a and b to the same prompt, held against each other.

    Returns:
        A row for each: `group, arm, level, answers`; `texts`, those whose text both sides have, and `same`, those of
        them with the same text; `both, only_a, only_b, none`, by who is right; `gold`, those whose gold answers differ.
    """
    shown = [*CONDITION, *PROMPT, "gold", "text", "correct"]
    pairs = a.samples[shown].merge(b.samples[shown], on=[*CONDITION, *PROMPT], suffixes=("_a", "_b"))
    right_a, right_b = pairs["correct_a"].astype(bool), pairs["correct_b"].astype(bool)
    pairs["texts"] = pairs["text_a"].notna() & pairs["text_b"].notna()
    pairs["same"] = pairs["texts"] & (pairs["text_a"] == pairs["text_b"])
    pairs["both"], pairs["none"] = right_a & right_b, ~right_a & ~right_b
    pairs["only_a"], pairs["only_b"] = right_a & ~right_b, ~right_a & right_b
    pairs["gold"] = pairs["gold_a"].fillna("") != pairs["gold_b"].fillna("")
    counts = ["texts", "same", "both", "only_a", "only_b", "none", "gold"]
    rows = [
        {**key, "answers": len(own)} | {name: int(own[name].sum()) for name in counts} for key, own in _grouped(pairs)
    ]
    return pd.DataFrame(rows, columns=["group", "arm", "level", "answers", *counts])


def _of_method(frame: pd.DataFrame, method: str) -> pd.DataFrame:
    """The method's rows and the baseline rows of its experiments."""
    own = frame[(frame["method"] == method) & (frame["arm"] != "baseline")]
    return pd.concat([baseline_rows(frame, own[["method", *EXPERIMENT]].drop_duplicates()), own], ignore_index=True)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else int(value)


def _place(row: pd.Series) -> str:
    method = "" if pd.isna(row["method"]) else f"{row['method']}, "
    experiment = Experiment(row["model"], row["question"], row["tokens"])
    return f"{method}{experiment}, {condition_name(row['arm'], row['level'], row['draw'])}"


def _cells(side: Side) -> pd.DataFrame:
    """Accuracy with draws averaged, companies, prompts that count, and which ones.  # [(experiment, arm, level)]"""
    found = side.levels.groupby(CELL).agg(
        accuracy=("accuracy", "mean"), companies=("companies", "max"), total=("total", "max")
    )
    asked = side.samples[[*CELL, *PROMPT]].drop_duplicates().groupby(CELL)[PROMPT]
    prompts: dict[Any, Any] = {key: frozenset(rows.itertuples(index=False, name=None)) for key, rows in asked}
    return found.assign(prompts=[prompts.get(key, frozenset()) for key in found.index])


def _company_means(side: Side) -> pd.DataFrame:
    """Accuracy of each company, draws and filings averaged.  # [(experiment, arm, level, company)]

    `share` is the company's part of the experiment's prompts: the mean over companies with that weight is the
    experiment's accuracy.
    """
    answered = side.samples.astype({"correct": "float64"})
    found = answered.groupby([*CELL, "company"]).agg(mean=("correct", "mean"), answers=("correct", "size"))
    found["share"] = found["answers"] / found.groupby(CELL)["answers"].transform("sum")
    return found[["mean", "share"]]


def _grouped(frame: pd.DataFrame) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """The rows of each group and condition: question by question, then all of them if there are several."""
    questions = sorted(frame["question"].unique())
    for group in [*questions, *([ALL] if len(questions) > 1 else [])]:
        own = frame if group == ALL else frame[frame["question"] == group]
        arms = sorted(own["arm"].unique(), key=lambda arm: (ORDER.get(arm, len(ORDER)), arm))
        for arm in arms:
            for level, rows in own[own["arm"] == arm].groupby("level"):
                yield {"group": group, "arm": arm, "level": level}, rows


def _paired(means: pd.DataFrame, cells: pd.Index) -> tuple[Difference, tuple[int, int]]:
    """b minus a, and the number of companies, over cells in which both sides answered the same prompts."""
    own = means[means.reset_index("company").index.isin(cells)]
    share = own["share_a"]  # the same in b: the same prompts
    weights = share.groupby("company").sum()
    sides = own[["mean_a", "mean_b"]].mul(share, axis=0).groupby("company").sum()
    sides = sides.div(weights, axis=0).clip(0, 1)
    return paired_difference(sides["mean_b"], sides["mean_a"], weights), (len(sides), len(sides))


def _unpaired(cells: pd.DataFrame) -> tuple[Difference, tuple[int, int]]:
    """b minus a, and the largest number of companies on each side.

    Source: Newcombe 1998, Statistics in Medicine 17:873-890, method 10; statsmodels.
    """
    from statsmodels.stats.proportion import confint_proportions_2indep  # slow to import

    p, q = float(cells["accuracy_b"].mean()), float(cells["accuracy_a"].mean())
    n, m = int(cells["companies_b"].max()), int(cells["companies_a"].max())
    low, high = confint_proportions_2indep(p * n, n, q * m, m, method="newcomb", alpha=1 - CONFIDENCE)
    return Difference(p - q, min(float(low), p - q), max(float(high), p - q)), (m, n)


def _with_columns(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The rows as a table; a difference and its limits, and the companies of both sides, in columns of their own."""
    for row in rows:
        row["difference"], row["low"], row["high"] = row["difference"]
        row["companies_a"], row["companies_b"] = row.pop("companies")
    return pd.DataFrame(rows)
