"""Where finished ablation results contradict themselves, each other, their rankings, or the expected head sets."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from head_ablation.heads.arms import ARMS
from head_ablation.heads.arms.arm import Arm, Sets
from head_ablation.heads.head import Head, HeadSet
from head_ablation.results.published_format import SUFFIX, Key, Result, entries, experiment_of

TOLERANCE = 1e-4  # given accuracies may be rounded to four decimals


class Kind:
    """What is checked about results, in words that say how it should be; the arms add a rule each."""

    ACCURACY = "accuracy is correct / total"
    DROP = "accuracy_drop is baseline accuracy minus accuracy"
    COUNT = "num_heads is the number of heads"
    NAMES = "heads and heads_str are the same heads"
    REPEATED = "no head is listed twice"
    TOTAL = "total is the baseline's total, and that is test_samples"
    PROMPTS = "all experiments of a question have as many prompts"
    BASELINE = "all results of an experiment have the same baseline"

    @classmethod
    def all(cls) -> list[str]:
        """Every kind, in the order of the audit's table."""
        form = [cls.ACCURACY, cls.DROP, cls.COUNT, cls.NAMES, cls.REPEATED]
        return [*form, *(arm.rule for arm in ARMS), cls.TOTAL, cls.PROMPTS, cls.BASELINE]


@dataclass(frozen=True)
class Contradiction:
    """Where results are not as they should be."""

    kind: str
    experiment: str
    condition: str
    found: str
    expected: str


Check = tuple[str, Contradiction | None]
Named = tuple[str, Result]  # condition, entry


def checks(results: Sequence[Result], rankings: Mapping[Key, Sequence[Head]], excluded: int) -> Iterator[Check]:
    """Every check made, and the contradiction where it fails: results against themselves, each other, their rankings.

    Args:
        results: checked ones.
        rankings: heads, best first; may lack some.
        excluded: so many of a ranking's first heads may not be drawn at random; without a ranking, those of the
            result's own highest top set.
    """
    for result in results:
        ranked = rankings.get(experiment_of(result), [])
        yield from _number_checks(result)
        yield from _head_checks(result)
        for arm in ARMS:
            yield from _arm_checks(arm, result, ranked, excluded)
    yield from _same(Kind.PROMPTS, results, lambda result: result["question"], _prompts)
    yield from _same(Kind.BASELINE, results, lambda result: experiment_of(result)[1:], _baseline)


def _check(holds: bool, kind: str, result: Result, condition: str, found: object, expected: object) -> Check:
    experiment = "/".join(map(str, experiment_of(result)))
    return kind, None if holds else Contradiction(kind, experiment, condition, str(found), str(expected))


def _number_checks(result: Result) -> Iterator[Check]:
    base = result["baseline"]
    for condition, entry in [("baseline", base), *_arms(result), *_pooled(result)]:
        yield _near(Kind.ACCURACY, result, condition, entry["accuracy"], entry["correct"] / entry["total"])
        if condition != "baseline":
            drops = [draw["accuracy_drop"] for draw in entry.get("draws") or []]
            expected = sum(drops) / len(drops) if drops else base["accuracy"] - entry["accuracy"]
            yield _near(Kind.DROP, result, condition, entry["accuracy_drop"], expected)
    for condition, entry in [("baseline", base), *_arms(result)]:
        total = result["test_samples"] if condition == "baseline" else base["total"]
        yield _check(entry["total"] == total, Kind.TOTAL, result, condition, entry["total"], total)


def _near(kind: str, result: Result, condition: str, found: float, expected: float) -> Check:
    near = abs(found - expected) <= TOLERANCE
    return _check(near, kind, result, condition, f"{found:.4f}", f"{expected:.4f}")


def _head_checks(result: Result) -> Iterator[Check]:
    for condition, entry in [*_arms(result), *_pooled(result)]:
        heads, named = _heads(entry), [Head.parse(name) for name in entry["heads_str"]]
        twice = [head for head, times in Counter(heads).items() if times > 1]
        number = entry["num_heads"]
        yield _check(number == len(heads), Kind.COUNT, result, condition, number, f"{len(heads)}, as listed")
        yield _check(named == heads, Kind.NAMES, result, condition, *_difference(named, heads))
        yield _check(not twice, Kind.REPEATED, result, condition, f"{_names(twice)} again", "each head once")


def _arm_checks(arm: Arm, result: Result, ranked: Sequence[Head], excluded: int) -> Iterator[Check]:
    highest_top = max((heads for _, heads in _sets(result, "top")), key=len)
    for condition, holds, found, expected in arm.judge(Sets(_sets(result, arm.name), ranked, excluded, highest_top)):
        words = (_names(found), expected) if isinstance(expected, str) else _difference(found, expected)
        yield _check(holds, arm.rule, result, condition, *words)


def _same(
    kind: str, results: Sequence[Result], group: Callable[[Result], Hashable], value: Callable[[Result], Hashable]
) -> Iterator[Check]:
    """Whether all results of a group say what most of them do; a result alone is not checked."""
    groups = defaultdict(list)
    for result in results:
        groups[group(result)].append(result)
    for members in groups.values():
        usual = Counter(map(value, members)).most_common(1)[0][0]
        for result in members if len(members) > 1 else []:
            yield _check(value(result) == usual, kind, result, "baseline", value(result), usual)


def _prompts(result: Result) -> int:
    return result["baseline"]["total"] + result.get("unanswerable", 0)


def _baseline(result: Result) -> str:
    return "{correct} of {total} correct".format(**result["baseline"])


def _arms(result: Result) -> list[Named]:
    """Every ablated condition by the name its head set has, e.g. top-5 or random-5-0, and its entry."""
    return [(_condition(arm, level, draw), entry) for arm, level, draw, entry in entries(result) if level]


def _condition(arm: str, level: int, draw: int) -> str:
    drawn = arm in ARMS and ARMS[arm].is_drawn
    return f"{arm}-{level}-{draw}" if drawn else f"{arm}-{level}"


def _pooled(result: Result) -> list[Named]:
    """The entries that stand for several draws."""
    arms = [(arm.name, result.get(f"{arm.name}{SUFFIX}", [])) for arm in ARMS]
    return [(f"{arm}-{entry['num_heads']}", entry) for arm, given in arms for entry in given if entry.get("draws")]


def _sets(result: Result, arm: str) -> list[tuple[str, set[Head]]]:
    return [(name, set(_heads(entry))) for name, entry in _arms(result) if name.startswith(f"{arm}-")]


def _heads(entry: Result) -> list[Head]:
    return [Head(*pair) for pair in entry["heads"]]


def _names(heads: Any) -> str:
    return ", ".join(map(str, sorted(heads))) or "none"


def _difference(found: Sequence[Head] | set[Head], expected: Sequence[Head] | set[Head]) -> tuple[str, str]:
    """What only the one has, and what only the other has."""
    if set(found) == set(expected):
        return "another order or number", "the same"
    return _names(set(found) - set(expected)), _names(set(expected) - set(found))


def head_set_agreement(
    results: Sequence[Result], expected: Mapping[Key, Mapping[str, HeadSet]]
) -> dict[str, tuple[int, int]]:
    """Per arm: how many head sets are exactly the expected ones, of how many.

    Args:
        results: checked ones.
        expected: for each method and experiment: condition, such as top-5 or random-5-0, and its heads. A condition
            without expected heads is not counted.
    """
    same = defaultdict(list)
    for result in results:
        own = expected.get(experiment_of(result), {})
        for condition, entry in _arms(result):
            if condition in own:
                same[condition.split("-")[0]].append(sorted(_heads(entry)) == list(own[condition]))
    return {arm: (sum(found), len(found)) for arm, found in same.items()}
