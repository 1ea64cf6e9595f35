"""Where finished ablation results contradict themselves, each other, their rankings, or the expected head sets."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Any, NamedTuple

from head_ablation.heads.arms import ARMS
from head_ablation.heads.arms.arm import Arm, Sets
from head_ablation.heads.head import Head, HeadSet
from head_ablation.results.published_format import SUFFIX, Key, Result, condition_name, entries, experiment_of

TOLERANCE = 1e-4  # given accuracies may be rounded to four decimals
CHOSEN = "heads are those that the study chooses"


class Kind:
    """What is checked about results, in words that say how it should be; the arms add a rule each."""

    ACCURACY = "accuracy is correct / total"
    DROP = "accuracy_drop is baseline accuracy minus accuracy"
    COUNT = "num_heads is the number of heads"
    NAMES = "heads and heads_str are the same heads"
    REPEATED = "no head is listed twice"
    TOTAL = "total is the baseline's total, and that is test_samples"
    LEVELS = "ablation_levels are the levels that are listed"
    MODEL = "model_name is the study's"
    QUESTION = "question_prompt is the study's"
    PROMPTS = "all experiments of a question have as many prompts"
    BASELINE = "all results of an experiment have the same baseline"

    @classmethod
    def all(cls) -> list[str]:
        """Every kind, in the order of the audit's table."""
        form = [cls.ACCURACY, cls.DROP, cls.COUNT, cls.NAMES, cls.REPEATED]
        said = [cls.LEVELS, cls.MODEL, cls.QUESTION]
        return [*form, *(arm.rule for arm in ARMS), cls.TOTAL, *said, cls.PROMPTS, cls.BASELINE]


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


def checks(
    results: Sequence[Result],
    rankings: Mapping[Key, Sequence[Head]],
    excluded: int,
    stated: Mapping[Key, Mapping[str, str]] = MappingProxyType({}),
) -> Iterator[Check]:
    """Every check made, and the contradiction where it fails: results against themselves, each other, their rankings.

    What is wrong in one place is one contradiction: other checks allow what the place should have said.

    Args:
        results: checked ones.
        rankings: heads, best first; may lack some.
        excluded: so many of a ranking's first heads may not be drawn at random; without a ranking, those of the
            result's own highest top set.
        stated: model_name and question_prompt as the study has them; may lack some.
    """
    for result in results:
        ranked = rankings.get(experiment_of(result), [])
        yield from _number_checks(result)
        yield from _head_checks(result)
        for arm in ARMS:
            yield from _arm_checks(arm, result, ranked, excluded)
        yield from _statement_checks(result, stated.get(experiment_of(result), {}))
    yield from _same(Kind.PROMPTS, results, lambda result: result["question"], _prompts)
    yield from _same(Kind.BASELINE, results, lambda result: experiment_of(result)[1:], _baseline)


def _check(holds: bool, kind: str, result: Result, condition: str, found: object, expected: object) -> Check:
    experiment = "/".join(map(str, experiment_of(result)))
    return kind, None if holds else Contradiction(kind, experiment, condition, str(found), str(expected))


def _number_checks(result: Result) -> Iterator[Check]:
    base, usual = result["baseline"], _usual_total(result)
    for condition, entry in [("baseline", base), *_arms(result), *_pooled(result)]:
        yield _near(Kind.ACCURACY, result, condition, entry["accuracy"], _accuracies(entry, usual)[1:])
        if condition != "baseline":
            yield _near(Kind.DROP, result, condition, entry["accuracy_drop"], _drops(entry, base, usual))
    totals = {"test_samples": result["test_samples"], "baseline": base["total"]}
    for condition, total in [*totals.items(), *((condition, entry["total"]) for condition, entry in _arms(result))]:
        yield _check(total == usual, Kind.TOTAL, result, condition, total, usual)


def _usual_total(result: Result) -> int:
    """The total that most parts of a result state."""
    totals = [result["baseline"]["total"], result["test_samples"], *(entry["total"] for _, entry in _arms(result))]
    return Counter(totals).most_common(1)[0][0]


def _accuracies(entry: Result, usual: int) -> list[float]:
    """What an entry's accuracy may be, if one of its three numbers is wrong: as stated, then as counted."""
    counted = [entry["correct"] / entry["total"], *([] if entry.get("draws") else [entry["correct"] / usual])]
    return [entry["accuracy"], *counted]


def _drops(entry: Result, base: Result, usual: int) -> list[float]:
    """What an entry's drop may be: the mean of its draws', or the difference of accuracies."""
    drops = [draw["accuracy_drop"] for draw in entry.get("draws") or []]
    means = [sum(drops) / len(drops)] if drops else []
    return [*means, *(a - b for a, b in product(_accuracies(base, usual), _accuracies(entry, usual)))]


def _near(kind: str, result: Result, condition: str, found: float, expected: Sequence[float]) -> Check:
    near = any(abs(found - value) <= TOLERANCE for value in expected)
    return _check(near, kind, result, condition, f"{found:.4f}", f"{expected[0]:.4f}")


def _head_checks(result: Result) -> Iterator[Check]:
    for condition, entry in [*_arms(result), *_pooled(result)]:
        heads, named = _heads(entry), _named(entry)
        twice = [head for head, times in Counter(heads).items() if times > 1]
        number = entry["num_heads"]
        yield _check(number == len(heads), Kind.COUNT, result, condition, number, f"{len(heads)}, as listed")
        yield _check(named == heads or bool(twice), Kind.NAMES, result, condition, *_difference(named, heads))
        yield _check(not twice, Kind.REPEATED, result, condition, f"{_names(twice)} again", "each head once")


def _arm_checks(arm: Arm, result: Result, ranked: Sequence[Head], excluded: int) -> Iterator[Check]:
    """The arm's rule, of either list of heads: that the two are not the same is a contradiction of its own."""
    highest_top = max((heads for _, heads in _sets(result, "top")), key=len, default=set())
    by_list, by_name = (
        {one.condition: one for one in arm.judge(Sets(_sets(result, arm.name, read), ranked, excluded, highest_top))}
        for read in (_heads, _named)
    )
    for condition, (_, holds, found, expected) in by_list.items():
        words = (_names(found), expected) if isinstance(expected, str) else _difference(found, expected)
        either = holds or (condition in by_name and by_name[condition].holds)
        yield _check(either, arm.rule, result, condition, *words)


def _statement_checks(result: Result, stated: Mapping[str, str]) -> Iterator[Check]:
    """What a result says of itself: its levels, its model, its question."""
    levels = sorted({level for _, level, _, _ in entries(result) if level})
    counted = sorted({len(_heads(entry)) for _, entry in _arms(result)})  # if it is a num_heads that is wrong
    said = sorted(result["ablation_levels"])
    yield _check(said in (levels, counted), Kind.LEVELS, result, "", _listed(said), f"{_listed(levels)}, as listed")
    for kind, field in ((Kind.MODEL, "model_name"), (Kind.QUESTION, "question_prompt")):
        if field in stated:
            yield _check(result.get(field) == stated[field], kind, result, "", result.get(field), stated[field])


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
    return _usual_total(result) + result.get("unanswerable", 0)


def _baseline(result: Result) -> str:
    """Where correct is not accuracy x total, which is a contradiction of its own, what the accuracy says."""
    usual, base = _usual_total(result), result["baseline"]
    near = abs(base["accuracy"] - base["correct"] / usual) <= TOLERANCE
    correct = base["correct"] if near or not _is_whole(base["accuracy"] * usual) else round(base["accuracy"] * usual)
    return f"{correct} of {usual} correct"


def _is_whole(number: float) -> bool:
    return abs(number - round(number)) <= 0.01


def _arms(result: Result) -> list[Named]:
    """Every ablated condition by the name its head set has, e.g. top-5 or random-5-0, and its entry."""
    return [(condition_name(arm, level, draw), entry) for arm, level, draw, entry in entries(result) if level]


def _pooled(result: Result) -> list[Named]:
    """The entries that stand for several draws."""
    arms = [(arm.name, result.get(f"{arm.name}{SUFFIX}", [])) for arm in ARMS]
    return [(f"{arm}-{entry['num_heads']}", entry) for arm, given in arms for entry in given if entry.get("draws")]


def _sets(result: Result, arm: str, read: Callable[[Result], list[Head]] | None = None) -> list[tuple[str, set[Head]]]:
    read = read or _heads
    return [(name, set(read(entry))) for name, entry in _arms(result) if name.startswith(f"{arm}-")]


def _heads(entry: Result) -> list[Head]:
    return [Head(*pair) for pair in entry["heads"]]


def _named(entry: Result) -> list[Head]:
    return [Head.parse(name) for name in entry["heads_str"]]


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _names(heads: Any) -> str:
    return ", ".join(map(str, sorted(heads))) or "none"


def _difference(found: Sequence[Head] | set[Head], expected: Sequence[Head] | set[Head]) -> tuple[str, str]:
    """What only the one has, and what only the other has."""
    if set(found) == set(expected):
        return "another order or number", "the same"
    return _names(set(found) - set(expected)), _names(set(expected) - set(found))


class Agreement(NamedTuple):
    """The head sets of one arm beside those that the study chooses.

    Attributes:
        same: so many are exactly those.
        compared: of so many.
        others: those that are not: what only the result has, and what only the study would have.
    """

    same: int
    compared: int
    others: list[Contradiction]


def head_set_agreement(
    results: Sequence[Result], expected: Mapping[Key, Mapping[str, HeadSet]]
) -> dict[str, Agreement]:
    """Per arm: how many head sets are exactly the expected ones, of how many, and which are not.

    Args:
        results: checked ones.
        expected: for each method and experiment: condition, such as top-5 or random-5-0, and its heads. A condition
            without expected heads is not counted.
    """
    compared: dict[str, list[Contradiction | None]] = defaultdict(list)
    for result in results:
        own = expected.get(experiment_of(result), {})
        for condition, entry in _arms(result):
            if condition in own:
                heads, chosen = _heads(entry), list(own[condition])
                words = _difference(heads, chosen)
                _, other = _check(sorted(heads) == chosen, CHOSEN, result, condition, *words)
                compared[condition.split("-")[0]].append(other)
    return {arm: Agreement(found.count(None), len(found), [*filter(None, found)]) for arm, found in compared.items()}
