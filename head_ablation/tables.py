"""Tables from ablation results: every answer, every condition, Figure 8's curves, the key results.

`samples_table` and `levels_table` read the results; `curves_table` and `key_results_table` are made
from those two. The baseline belongs to no method: one row an experiment, however many methods. Only where given
results of several methods disagree about it, each method has its own.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from head_ablation.statistics import Difference, mover_difference, paired_difference, wilson

Result = Mapping[str, Any]
EXPERIMENT = ["model", "question", "tokens"]
CONDITION = ["method", *EXPERIMENT, "arm", "level", "draw"]
ARMS = {"baseline": 0, "top": 1, "random": 2}  # order of rows; other arms follow
CONTRASTS = {
    "top_drop": ("baseline", "top"),
    "random_drop": ("baseline", "random"),
    "gap": ("random", "top"),
}
WHOLE = dict.fromkeys(["tokens", "level", "draw"], "int64")
CONDITION_TYPES = dict.fromkeys(CONDITION, "str") | WHOLE
SAMPLE_TYPES = {
    **dict.fromkeys(["filename", "cluster", "gold", "text"], "str"),
    **dict.fromkeys(["answerable", "counted", "correct", "correct_study"], "boolean"),
}
LEVEL_TYPES = {
    **dict.fromkeys(["correct", "total", "unanswerable", "companies"], "int64"),
    **dict.fromkeys(["accuracy", "accuracy_low", "accuracy_high", "accuracy_drop"], "float64"),
    "correct_study": "Int64",  # missing in the published files
    **dict.fromkeys(["accuracy_study", "majority_accuracy"], "float64"),
}


def samples_table(results: Sequence[Result]) -> pd.DataFrame:
    """One row per prompt and condition. Baseline rows have level 0, draw 0 and, unless methods disagree, no method.

    Prompts that do not count are listed too. Results without samples (the published files) give no rows.

    Raises:
        ValueError: naming the experiment, where results disagree with each other or themselves.
    """
    rows = [
        condition | {field: sample.get(field) for field in SAMPLE_TYPES} | {"counted": _counts_in(sample)}
        for condition, entry, _ in _conditions(results)
        for sample in entry.get("samples", [])
    ]
    return _typed(rows, CONDITION_TYPES | SAMPLE_TYPES)


def levels_table(results: Sequence[Result]) -> pd.DataFrame:
    """One row per experiment and condition; accuracies are fractions of the prompts that count.

    `companies` counts distinct companies with a prompt that counts (without samples: prompts);
    `accuracy_low` and `accuracy_high` are the Wilson 95 % interval with n = companies;
    `accuracy_drop` is baseline minus ablated accuracy, a fraction; `unanswerable` the prompts that do not count.

    Raises:
        ValueError: as `samples_table`.
    """
    rows = [key | _level_values(entry, result) for key, entry, result in _conditions(results)]
    return _typed(rows, CONDITION_TYPES | LEVEL_TYPES)


def curves_table(levels: pd.DataFrame, by: Sequence[str] = ("question",)) -> pd.DataFrame:
    """The data behind Figure 8: mean accuracy per method, `by`, arm and level (0 = baseline).

    Draws are averaged within each experiment first, then experiments. `low` and `high` are the
    Wilson 95 % interval with n = the largest number of companies among the pooled experiments,
    because experiments that differ in model or length ask about the same companies.

    Args:
        levels: a `levels_table`.
        by: what a curve stands for, beside method and arm; `EXPERIMENT` for single experiments.
    """
    one = ["method", *EXPERIMENT]
    ablated = levels[levels["arm"] != "baseline"]
    baselines = _baselines(levels, ablated[one].drop_duplicates()).set_index(one)
    shown = ["accuracy", "companies", "majority_accuracy"]
    start = ablated[[*one, "arm"]].drop_duplicates().assign(level=0, draw=0)
    cells = pd.concat([start.join(baselines[shown], on=one), ablated], join="inner")
    cells = cells.join(baselines["accuracy"].rename("baseline_accuracy"), on=one)
    values = {"accuracy": "mean", "companies": "max", "majority_accuracy": "mean"}
    values |= {"baseline_accuracy": "mean"}
    keep = {name: (name, how) for name, how in values.items()}
    single = cells.groupby(["method", *EXPERIMENT, "arm", "level"], as_index=False).agg(
        **keep, draws=("draw", "nunique")
    )
    curves = single.groupby(["method", *by, "arm", "level"], as_index=False).agg(
        **keep, experiments=("accuracy", "size"), draws=("draws", "min")
    )
    limits = [wilson(*row) for row in zip(curves["accuracy"], curves["companies"], strict=True)]
    curves["low"], curves["high"] = [low for low, _ in limits], [high for _, high in limits]
    return _ordered(curves, ["method", *by])


def key_results_table(levels: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """Per method and level, in percentage points: drop of top heads, of random heads, and the gap.

    Each number is the mean over the experiments that have both sides (draws averaged first). Its
    95 % interval is paired by company where every condition of the method has samples, a company
    weighing as much as its answers do in that mean; otherwise it is unpaired, with n = the largest
    number of companies. `prompts` and `unanswerable` are summed over experiments.

    Args:
        levels: a `levels_table`.
        samples: the `samples_table` of the same results; it may be empty.
    """
    rows = []
    for method in levels["method"].dropna().unique():
        own, answers = _with_baseline(levels, method), _with_baseline(samples, method)
        paired = len(answers[CONDITION].drop_duplicates()) == len(own)
        accuracies = _company_accuracies(answers) if paired else _experiment_accuracies(own)
        for level in sorted(set(own["level"]) - {0}):
            row = {"method": method, "level": level} | _counts(own, answers, level, paired)
            for name, arms in CONTRASTS.items():
                sides = [(arm, 0 if arm == "baseline" else level) for arm in arms]
                found = _contrast(accuracies, sides, None if paired else row["companies"])
                for suffix, value in zip(["", "_low", "_high"], found, strict=True):
                    row[f"{name}_points{suffix}"] = 100 * value
            rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else ["method", "level"])


def key_results_markdown(key_results: pd.DataFrame, labels: Mapping[str, str] | None = None) -> str:
    """The key results as a short Markdown page: per method what its numbers rest on, and a table.

    Args:
        key_results: a `key_results_table`.
        labels: names to show for methods; a method that has none is shown by its key.
    """
    page = ["# Key results", "", "Changes of accuracy in percentage points (95 % interval)."]
    page += ["The gap is the accuracy with random heads ablated minus that with top heads ablated."]
    for method, rows in key_results.groupby("method", sort=False):
        page += ["", f"## {(labels or {}).get(str(method), method)}", "", _basis(rows), ""]
        page += ["| heads ablated | drop, top heads | drop, random heads | gap |"]
        page += ["|---:|---:|---:|---:|"]
        for _, row in rows.iterrows():
            page += [f"| {row['level']} | {' | '.join(_points(row, name) for name in CONTRASTS)} |"]
    return "\n".join([*page, ""])


def summary(curves: pd.DataFrame) -> str:
    """The numbers that matter, per method and question: baseline, top and random (if any) at the highest level."""
    lines = []
    for (method, question), rows in curves.groupby(["method", "question"], sort=False):
        highest = rows[rows["level"] == rows["level"].max()].set_index("arm")["accuracy"]
        ablated = ", ".join(f"{arm} {highest[arm]:.0%}" for arm in ("top", "random") if arm in highest)
        lines.append(
            f"{method}, {question}: baseline {rows['baseline_accuracy'].iloc[0]:.0%}; with"
            f" {rows['level'].max()} heads ablated: {ablated}"
        )
    return "\n".join(lines)


def experiment_of(result: Result) -> tuple[str, str, str, int]:
    """The method and experiment that a result is of."""
    method = result.get("ranking_method") or result["method"].removesuffix("_ablation_incremental")
    return method, result["model_key"], result["question"], result["total_tokens"]


def entries(result: Result) -> Iterator[tuple[str, int, int, Result]]:
    """Every condition of one result, several draws one by one: arm, level, draw and entry."""
    suffix = "_heads_ablations"
    yield "baseline", 0, 0, result["baseline"]
    for arm in [key.removesuffix(suffix) for key in result if key.endswith(suffix)]:
        for entry in result[arm + suffix]:
            for place, one in enumerate(entry.get("draws") or [entry]):
                yield arm, entry["num_heads"], one.get("draw", place), one


def _conditions(results: Sequence[Result]) -> Iterator[tuple[dict[str, Any], Result, Result]]:
    """Every condition once, checked: its key, its entry, the result it stands in."""
    baselines: dict[tuple[Any, ...], Result] = {}
    apart = _experiments_apart(results)
    seen = set()
    # Baselines with samples go first, so that one of those is kept.
    for result in sorted(results, key=lambda result: "samples" not in result["baseline"]):
        method, *experiment = experiment_of(result)
        for arm, level, draw, entry in entries(result):
            shared = arm == "baseline" and tuple(experiment) not in apart
            key = (None if shared else method, *experiment, arm, level, draw)
            name = "/".join(str(part) for part in key if part is not None)
            _check_entry(name, entry, result["baseline"])
            if arm == "baseline":
                _refuse_disagreement(name, baselines.setdefault(key, entry), entry)
            elif key in seen:
                raise ValueError(f"{name}: two results hold this condition; expected one")
            if key not in seen:
                yield dict(zip(CONDITION, key, strict=True)), entry, result
            seen.add(key)


def _experiments_apart(results: Sequence[Result]) -> set[tuple[Any, ...]]:
    """The experiments about whose baseline the results disagree. Results of our own runs, with a protocol, may not."""
    groups = defaultdict(list)
    for result in results:
        groups[experiment_of(result)[1:]].append(result)
    apart = set()
    for experiment, members in groups.items():
        for first, second in combinations(members, 2):
            if "protocol" in first and "protocol" in second:
                name = "/".join(map(str, experiment))
                _refuse_disagreement(name, first["baseline"], second["baseline"])
            elif _disagreement(first["baseline"], second["baseline"]):
                apart.add(experiment)
    return apart


def _check_entry(name: str, entry: Result, baseline: Result) -> None:
    """Refuse counts that are impossible, or, where there are samples, that disagree with them or the baseline."""
    correct, total = entry["correct"], entry["total"]
    if not 0 <= correct <= total or total == 0:
        raise ValueError(f"{name}: {correct} correct of {total} prompts")
    if total != baseline["total"] and ("samples" in entry or "samples" in baseline):
        raise ValueError(f"{name}: {total} prompts count, {baseline['total']} in its baseline")
    if "samples" in entry:
        found = [bool(sample["correct"]) for sample in entry["samples"] if _counts_in(sample)]
        if (sum(found), len(found)) != (correct, total):
            raise ValueError(
                f"{name}: samples have {sum(found)} correct of {len(found)} that count, "
                f"but correct and total say {correct} of {total}"
            )


def _counts_in(sample: Result) -> bool:
    """Whether the answer counts: unless it says so itself, if its prompt is answerable."""
    return bool(sample.get("counted", sample["answerable"]))


def _refuse_disagreement(name: str, first: Result, second: Result) -> None:
    if found := _disagreement(first, second):
        raise ValueError(f"{name}: results disagree about the baseline{found}")


def _disagreement(first: Result, second: Result) -> str:
    """In what two baselines of one experiment are not the same answers; empty if in nothing."""
    one, two = (f"{entry['correct']} of {entry['total']} correct" for entry in (first, second))
    if one != two:
        return f": {one}, and {two}"
    pairs = zip(first.get("samples", []), second.get("samples", []), strict=False)
    changed = [sample["filename"] for sample, other in pairs if sample != other]
    return f"'s answers to {changed}" if changed else ""


def _level_values(entry: Result, result: Result) -> dict[str, Any]:
    """The measured columns of one row of `levels_table`."""
    correct, total = entry["correct"], entry["total"]
    baseline = result["baseline"]
    samples = entry.get("samples", [])
    companies = len({sample["cluster"] for sample in samples if _counts_in(sample)}) or total
    low, high = wilson(correct / total, companies)
    study = entry.get("correct_study")
    return {
        "correct": correct,
        "total": total,
        "unanswerable": len(samples) - total if samples else result.get("unanswerable", 0),
        "companies": companies,
        "accuracy": correct / total,
        "accuracy_low": low,
        "accuracy_high": high,
        "accuracy_drop": baseline["correct"] / baseline["total"] - correct / total,
        "correct_study": study,
        "accuracy_study": None if study is None else study / total,
        "majority_accuracy": (result.get("majority_answer") or {}).get("accuracy"),
    }


def _typed(rows: list[dict[str, Any]], types: Mapping[str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(types)).astype(dict(types))
    return _ordered(frame, [*EXPERIMENT, "method"])


def _ordered(frame: pd.DataFrame, first: Sequence[str]) -> pd.DataFrame:
    """Rows by `first`, then arm (as in ARMS), level and draw; rows alike keep their order."""
    place = frame["arm"].map(ARMS).fillna(len(ARMS))
    keys = [*first, "_place", "arm", "level", *(["draw"] if "draw" in frame else [])]
    ordered = frame.assign(_place=place).sort_values(keys, kind="stable", na_position="first")
    return ordered.drop(columns="_place").reset_index(drop=True)


def _with_baseline(frame: pd.DataFrame, method: str) -> pd.DataFrame:
    """The method's rows and the baseline rows of its experiments."""
    own = frame[(frame["method"] == method) & (frame["arm"] != "baseline")]
    return pd.concat([_baselines(frame, own[["method", *EXPERIMENT]].drop_duplicates()), own])


def _baselines(frame: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
    """The baseline rows of methods and experiments, by method: its own, else those that all methods share."""
    rows = frame[frame["arm"] == "baseline"].rename(columns={"method": "owner"})
    rows = asked.merge(rows, on=EXPERIMENT)
    return rows[rows["owner"].isna() | (rows["owner"] == rows["method"])].drop(columns="owner")


def _counts(own: pd.DataFrame, answers: pd.DataFrame, level: int, paired: bool) -> dict[str, Any]:
    """What one row of the key results rests on."""
    ablated = own[own["level"] == level]
    experiments = ablated.drop_duplicates(EXPERIMENT)
    answered = answers[answers["counted"] & (answers["level"] == level)]
    draws = ablated[ablated["arm"] == "random"].groupby(EXPERIMENT).size()
    return {
        "experiments": len(experiments),
        "companies": answered["cluster"].nunique() if paired else experiments["companies"].max(),
        "prompts": experiments["total"].sum(),
        "unanswerable": experiments["unanswerable"].sum(),
        "draws": draws.min() if len(draws) else 0,
        "interval": "paired by company" if paired else "unpaired",
    }


def _experiment_accuracies(levels: pd.DataFrame) -> pd.DataFrame:
    """Accuracy, draws averaged.  # [experiment, (arm, level)]"""
    return levels.pivot_table("accuracy", EXPERIMENT, ["arm", "level"])


def _company_accuracies(answers: pd.DataFrame) -> pd.DataFrame:
    """Accuracy, draws and filings averaged, and `share`.  # [(experiment, company), (arm, level)]

    `share` is the company's part of the experiment's prompts: the mean over companies with that
    weight is the experiment's accuracy.
    """
    answered = answers[answers["counted"]].astype({"correct": "float64"})
    index = [*EXPERIMENT, "cluster"]
    prompts = answered[answered["arm"] == "baseline"].groupby(index).size()
    accuracies = answered.pivot_table("correct", index, ["arm", "level"])
    accuracies["share", 0] = prompts / prompts.groupby(EXPERIMENT).transform("sum")
    return accuracies


def _contrast(accuracies: pd.DataFrame, sides: list[tuple[str, int]], unpaired_n: int | None) -> Difference:
    """Difference of two conditions over the experiments that have both; NaN where none has."""
    pair = accuracies.reindex(columns=sides).dropna()
    if pair.empty:
        return Difference(math.nan, math.nan, math.nan)
    if unpaired_n is not None:
        return mover_difference(pair[sides[0]].mean(), pair[sides[1]].mean(), unpaired_n)
    share = accuracies.loc[pair.index, ("share", 0)]
    weights = share.groupby("cluster").sum()
    means = pair.mul(share, axis=0).groupby("cluster").sum().div(weights, axis=0).clip(0, 1)
    return paired_difference(means[sides[0]], means[sides[1]], weights)


def _basis(rows: pd.DataFrame) -> str:
    """One sentence: n, what was left out, which interval."""
    spans = {}
    for name in ["companies", "experiments", "prompts", "unanswerable", "draws"]:
        low, high = rows[name].min(), rows[name].max()
        spans[name] = f"{low}" if low == high else f"{low}-{high}"
    return (
        f"n = {spans['companies']} companies; experiments: {spans['experiments']}; "
        f"prompts that count: {spans['prompts']} ({spans['unanswerable']} unanswerable left out); "
        f"random draws per level: {spans['draws']}. Intervals: Newcombe 1998, from Wilson limits "
        f"with n = companies, {rows['interval'].iloc[0]}."
    )


def _points(row: pd.Series, name: str) -> str:
    """A difference and its interval in percentage points, as a table cell."""
    value, low, high = (row[f"{name}_points{suffix}"] for suffix in ["", "_low", "_high"])
    return "-" if math.isnan(value) else f"{value:z.1f} ({low:z.1f} to {high:z.1f})"
