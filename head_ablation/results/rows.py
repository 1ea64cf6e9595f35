"""Tables from ablation results: every answer, every condition, Figure 8's curves, the key results.

`samples_table` and `levels_table` read the results; `curves_table` and `key_results_table` are made
from those two. The baseline belongs to no method: one row an experiment, however many methods. Only where given
results of several methods disagree about it, each method has its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import pandas as pd

from head_ablation.common.experiment import Experiment
from head_ablation.common.problems import Problem, refuse, some
from head_ablation.heads.arms import ARMS
from head_ablation.heads.ranking_facts import RankingFacts
from head_ablation.results.published_format import (
    Result,
    condition_name,
    entries,
    experiment_of,
    remade,
    result_place,
)
from head_ablation.results.statistics import wilson

EXPERIMENT = ["model", "question", "tokens"]
CONDITION = ["method", *EXPERIMENT, "arm", "level", "draw"]
ORDER = {"baseline": 0, **{arm.name: place for place, arm in enumerate(ARMS, start=1)}}  # of rows
WHOLE = dict.fromkeys(["tokens", "level", "draw"], "int64")
CONDITION_TYPES = dict.fromkeys(CONDITION, "str") | WHOLE
SAMPLE_TYPES = {
    **dict.fromkeys(["filename", "company", "gold", "text"], "str"),
    **dict.fromkeys(["answerable", "counted", "ambiguous", "correct", "correct_published"], "boolean"),
}
LEVEL_TYPES = {
    **dict.fromkeys(["correct", "total", "unanswerable", "companies", "ambiguous", "ambiguous_correct"], "int64"),
    **dict.fromkeys(["accuracy", "accuracy_low", "accuracy_high", "accuracy_drop"], "float64"),
    "correct_published": "Int64",  # missing in the published files
    **dict.fromkeys(["accuracy_published", "majority_accuracy"], "float64"),
    **dict.fromkeys(["ranking_prompts", "tied", "unscored"], "Int64"),  # of top heads whose ranking is known
}


@dataclass(frozen=True)
class TablesTask:
    """What the tables say besides what is in the results: `{method}/{experiment}` -> what its ranking rests on."""

    rankings: Mapping[str, RankingFacts] = field(default_factory=dict)


NOTHING = TablesTask()


def samples_table(results: Sequence[Result]) -> pd.DataFrame:
    """One row per prompt and condition. Baseline rows have level 0, draw 0 and, unless methods disagree, no method.

    Prompts that do not count were not asked and have no row, but in results of earlier versions, which asked them.
    Results without samples (the published files) give no rows.

    Raises:
        StudyError: naming each result and condition, where results disagree with each other or themselves.
    """
    rows = [
        condition | {field: sample.get(field) for field in SAMPLE_TYPES} | {"counted": _counts_in(sample)}
        for condition, entry, _ in _conditions(results)
        for sample in entry.get("samples", [])
    ]
    return _typed(rows, CONDITION_TYPES | SAMPLE_TYPES)


def levels_table(results: Sequence[Result], task: TablesTask = NOTHING) -> pd.DataFrame:
    """One row per experiment and condition; accuracies are fractions of the prompts that count.

    `companies` counts distinct companies with a prompt that counts (without samples: prompts);
    `accuracy_low` and `accuracy_high` are the Wilson 95 % interval with n = companies;
    `accuracy_drop` is baseline minus ablated accuracy, a fraction; `unanswerable` the prompts that do not count;
    `ambiguous` those that count though their text allows another reading, `ambiguous_correct` the right ones of them.
    Of top heads whose ranking is known: `ranking_prompts`, the prompts behind it; `tied`, so many heads of equal score
    that the level takes only a part of; `unscored`, those of the level that never scored.

    Raises:
        StudyError: as `samples_table`.
    """
    rows = [
        key | _level_values(entry, result) | _ranking_values(key, task) for key, entry, result in _conditions(results)
    ]
    return _typed(rows, CONDITION_TYPES | LEVEL_TYPES)


def unranked_experiments(results: Sequence[Result]) -> dict[str, str]:
    """`{method}/{experiment}` -> why no head could be ranked, of the results that say so."""
    found = {experiment_of(result): result["unranked"] for result in results if "unranked" in result}
    return {f"{key[0]}/{Experiment(*key[1:])}": reason for key, reason in found.items()}


def _conditions(results: Sequence[Result]) -> list[tuple[dict[str, Any], Result, Result]]:
    """Every condition once, checked: its key, its entry, the result it stands in."""
    apart = _experiments_apart(results)
    found: dict[tuple[Any, ...], tuple[Result, Result]] = {}
    problems = list(_own_disagreements(results))
    # Baselines with samples go first, so that one of those is kept.
    for result in sorted(results, key=lambda result: "samples" not in result["baseline"]):
        method, *experiment = experiment_of(result)
        for arm, level, draw, entry in entries(result):
            shared = arm == "baseline" and tuple(experiment) not in apart
            key = (None if shared else method, *experiment, arm, level, draw)
            problems += _entry_problems(result, condition_name(arm, level, draw), entry)
            if key not in found:
                found[key] = (entry, result)
            elif arm != "baseline":
                problems.append(_problem(result, condition_name(arm, level, draw), "two results of it", "one"))
            elif not shared:
                problems += _disagreements(found[key][1], result)
    refuse(problems)
    return [(dict(zip(CONDITION, key, strict=True)), *held) for key, held in found.items()]


def _experiments_apart(results: Sequence[Result]) -> set[tuple[Any, ...]]:
    """The experiments about whose baseline given results disagree."""
    return {
        experiment_of(first)[1:]
        for first, second in _pairs(results)
        if not _are_own(first, second) and _disagreement(first["baseline"], second["baseline"])
    }


def _own_disagreements(results: Sequence[Result]) -> Iterator[Problem]:
    """Where results of own runs disagree about a baseline, which they have in common."""
    for first, second in _pairs(results):
        if _are_own(first, second):
            yield from _disagreements(first, second)


def _pairs(results: Sequence[Result]) -> Iterator[tuple[Result, Result]]:
    """All pairs of results of one experiment."""
    groups = defaultdict(list)
    for result in results:
        groups[experiment_of(result)[1:]].append(result)
    for members in groups.values():
        yield from combinations(members, 2)


def _are_own(*results: Result) -> bool:
    """Whether results are of own runs, which have a protocol."""
    return all("protocol" in result for result in results)


def _problem(result: Result, field: str, found: object, expected: str) -> Problem:
    return Problem(result_place(result), field, found, expected, remade(result))


def _entry_problems(result: Result, condition: str, entry: Result) -> Iterator[Problem]:
    """Counts that are impossible, or, where there are samples, that disagree with them or the baseline."""
    correct, total, baseline = entry["correct"], entry["total"], result["baseline"]
    if not 0 <= correct <= total or total == 0:
        yield _problem(result, condition, f"{correct} correct of {total} prompts", "at most all, of 1 or more")
        return
    if total != baseline["total"] and ("samples" in entry or "samples" in baseline):
        expected = f"{baseline['total']}, as in its baseline"
        yield _problem(result, condition, f"{total} prompts that count", expected)
    if "samples" in entry:
        found = [bool(sample["correct"]) for sample in entry["samples"] if _counts_in(sample)]
        if (sum(found), len(found)) != (correct, total):
            expected = f"{sum(found)} of {len(found)}, as its samples that count say"
            yield _problem(result, condition, f"{correct} correct of {total}", expected)


def _counts_in(sample: Result) -> bool:
    """Whether the answer counts: unless it says so itself, if its prompt is answerable."""
    return bool(sample.get("counted", sample["answerable"]))


def _disagreements(first: Result, second: Result) -> Iterator[Problem]:
    if found := _disagreement(first["baseline"], second["baseline"]):
        expected = f"{found[0]}, as in {result_place(first)}"
        yield _problem(second, "baseline", found[1], expected)


def _disagreement(first: Result, second: Result) -> tuple[str, str] | None:
    """In what two baselines of one experiment are not the same answers: what each says; None if in nothing."""
    one, two = (f"{entry['correct']} of {entry['total']} correct" for entry in (first, second))
    if one != two:
        return one, two
    others = {sample["filename"]: sample for sample in second.get("samples", [])}
    both = [sample for sample in first.get("samples", []) if sample["filename"] in others]
    changed = [sample["filename"] for sample in both if sample != others[sample["filename"]]]
    return ("the same answers", f"other answers to {some(changed)}") if changed else None


def _level_values(entry: Result, result: Result) -> dict[str, Any]:
    """The measured columns of one row of `levels_table`."""
    correct, total = entry["correct"], entry["total"]
    baseline = result["baseline"]
    samples = entry.get("samples", [])
    companies = len({sample["company"] for sample in samples if _counts_in(sample)}) or total
    ambiguous = [sample for sample in samples if _counts_in(sample) and sample.get("ambiguous")]
    low, high = wilson(correct / total, companies)
    published = entry.get("correct_published")
    return {
        "correct": correct,
        "total": total,
        "unanswerable": result.get("unanswerable", len(samples) - total if samples else 0),
        "companies": companies,
        "ambiguous": len(ambiguous),
        "ambiguous_correct": sum(bool(sample["correct"]) for sample in ambiguous),
        "accuracy": correct / total,
        "accuracy_low": low,
        "accuracy_high": high,
        "accuracy_drop": baseline["correct"] / baseline["total"] - correct / total,
        "correct_published": published,
        "accuracy_published": None if published is None else published / total,
        "majority_accuracy": (result.get("majority_answer") or {}).get("accuracy"),
    }


def _ranking_values(condition: Mapping[str, Any], task: TablesTask) -> dict[str, int | None]:
    experiment = Experiment(*(condition[key] for key in EXPERIMENT))
    facts = task.rankings.get(f"{condition['method']}/{experiment}")
    if facts is None or condition["arm"] != "top":
        return {}
    cut = next((cut for cut in facts.cuts if cut.level == condition["level"]), None)
    return {
        "ranking_prompts": facts.prompts,
        "tied": cut.tied if cut else 0,
        "unscored": cut.unscored if cut else 0,
    }


def _typed(rows: list[dict[str, Any]], types: Mapping[str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(types)).astype(dict(types))
    return ordered(frame, [*EXPERIMENT, "method"])


def ordered(frame: pd.DataFrame, first: Sequence[str]) -> pd.DataFrame:
    """Rows by `first`, then arm (as registered), level and draw; rows alike keep their order."""
    place = frame["arm"].map(ORDER).fillna(len(ORDER))
    keys = [*first, "_place", "arm", "level", *(["draw"] if "draw" in frame else [])]
    ordered = frame.assign(_place=place).sort_values(keys, kind="stable", na_position="first")
    return ordered.drop(columns="_place").reset_index(drop=True)


def baseline_rows(frame: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
    """The baseline rows of methods and experiments, by method: its own, else those that all methods share."""
    rows = frame[frame["arm"] == "baseline"].rename(columns={"method": "owner"})
    rows = asked.merge(rows, on=EXPERIMENT)
    return rows[rows["owner"].isna() | (rows["owner"] == rows["method"])].drop(columns="owner")
