"""Given ablation results: read, checked, taken in as they are.

Only their form is checked. Numbers that contradict each other are the audit's to report: a result that is wrong in
this way is still what was published.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from head_ablation.common.experiment import Experiment
from head_ablation.common.files import is_finite_number, read_json
from head_ablation.common.problems import Problem, refuse
from head_ablation.common.schema import departures
from head_ablation.common.yaml_files import read_schema
from head_ablation.heads.arms import ARMS
from head_ablation.heads.rankings import RankingIdentity

SUFFIX = "_heads_ablations"
ARM_FIELDS = tuple(arm.name + SUFFIX for arm in ARMS)
_KINDS = {"string": str, "boolean": bool, "array": list}  # of what a sample holds
OLD_KEYS = {"correct_study": "correct_published", "cluster": "company"}
File = str | Path
Key = tuple[str, str, str, int]  # method, model, question, tokens


@dataclass(frozen=True)
class ResultExpectation:
    """What a given result must agree with.

    Attributes:
        method: the study's name of its method.
        methods: all methods of the study.
        models: accepted values of `model_key`, the study's own first.
        model_name: accepted as well: the full name of the model.
        question, tokens: of the experiment.
        levels: the study's levels.
    """

    method: str
    methods: tuple[str, ...]
    models: tuple[str, ...]
    model_name: str
    question: str
    tokens: int
    levels: tuple[int, ...]


@dataclass(frozen=True)
class ResultIdentity(RankingIdentity):
    """What an ablation result says it is about.

    Attributes:
        ranking_method: the study's name of the method.
        heads_source: where its ranking comes from: a path template or a detector.
    """

    ranking_method: str
    heads_source: str | None


def read_result(path: File, expected: ResultExpectation) -> dict[str, Any]:
    """The result file's content as it is, but `ranking_method` and `model_key` are the study's.

    Raises:
        StudyError: with every way in which the file is not a result of this method and experiment.
    """
    content = _respelled(read_json(path))
    refuse(result_problems(path, content, expected))
    return {**content, "ranking_method": expected.method, "model_key": expected.models[0]}


def _respelled(content: Any) -> Any:
    """Older results of this workflow say `study` for the published study, and `cluster` for a company."""
    if isinstance(content, list):
        return [_respelled(part) for part in content]
    if not isinstance(content, dict):
        return content
    renamed = {OLD_KEYS.get(key, key): _respelled(part) for key, part in content.items()}
    return {**renamed, "scoring_rule": "published"} if renamed.get("scoring_rule") == "study" else renamed


def result_problems(path: File, content: Any, expected: ResultExpectation) -> list[Problem]:
    """Everything wrong with a result: its form, what it says it is about, its levels, impossible counts."""
    form = form_problems(path, content)
    if not isinstance(content, dict):
        return form
    return [
        *form,
        *_identity_problems(path, content, expected),
        *_level_problems(path, content, expected),
        *_count_problems(path, content),
    ]


def form_problems(path: File, content: Any) -> list[Problem]:
    """Every field in which content has not the form of a result, and numbers that are none."""
    if not isinstance(content, dict):
        return [Problem(path, "file", type(content).__name__, "a JSON object, an ablation result")]
    content = _without_right_samples(content)
    form = departures(content, _schema(), str(path))
    named = {problem.field for problem in form}
    return [*form, *(problem for problem in _number_problems(path, "", content) if problem.field not in named)]


@cache
def _schema() -> dict[str, Any]:
    """The schema file, with the fields of every arm, registered or not."""
    schema = read_schema("ablation_result")
    entries = schema["properties"]["random_heads_ablations"]
    return {**schema, "patternProperties": {f"{SUFFIX}$": entries}}


def _without_right_samples(content: Any) -> Any:
    """The content without lists of samples of the right form: nearly all of a result, and slow to hold to a schema."""
    if isinstance(content, list):
        return [_without_right_samples(part) for part in content]
    if not isinstance(content, dict):
        return content
    kept = {key: part for key, part in content.items() if not (key == "samples" and _are_samples(part))}
    return {key: _without_right_samples(part) for key, part in kept.items()}


def _are_samples(content: Any) -> bool:
    schema = _schema()["$defs"]["counts"]["properties"]["samples"]["items"]
    kinds = {key: _KINDS[rule["type"]] for key, rule in schema["properties"].items()}
    return isinstance(content, list) and all(
        isinstance(sample, dict)
        and sample.keys() >= {*schema["required"]}
        and all(isinstance(value, kinds.get(key, object)) for key, value in sample.items())
        and all(isinstance(text, str) for text in sample.get("alternatives", []))
        for sample in content
    )


def _identity_problems(path: File, content: Mapping[str, Any], expected: ResultExpectation) -> Iterator[Problem]:
    accepted: dict[str, tuple[Any, ...]] = {"question": (expected.question,), "total_tokens": (expected.tokens,)}
    if content.get("model_name") != expected.model_name:
        accepted["model_key"] = tuple(expected.models)
    for field, values in accepted.items():
        if field in content and content[field] not in values:
            wanted = " or ".join(repr(value) for value in values)
            yield Problem(path, field, repr(content[field]), f"{wanted}, as its path says")
    method = str(content.get("method")).removesuffix("_ablation_incremental")
    if method != expected.method and method in expected.methods:
        yield Problem(path, "method", repr(content["method"]), f"a result of '{expected.method}', as its path says")


def _level_problems(path: File, content: Mapping[str, Any], expected: ResultExpectation) -> Iterator[Problem]:
    wanted = f"{', '.join(map(str, expected.levels))}: each of the study's levels once"
    for field in ARM_FIELDS:
        entries = content.get(field)
        if isinstance(entries, list) and entries:  # the schema wants top heads; a random arm may be missing
            found = [str(entry.get("num_heads")) for entry in entries if isinstance(entry, dict)]
            if sorted(found) != sorted(map(str, expected.levels)):
                yield Problem(path, f"{field}[*].num_heads", ", ".join(found), wanted)


def _count_problems(path: File, content: Mapping[str, Any]) -> Iterator[Problem]:
    parts = {"baseline": content.get("baseline")}
    for field in ARM_FIELDS:
        parts |= _listed(field, content.get(field))
    for place, entry in parts.items():
        if isinstance(entry, dict):
            correct, total = entry.get("correct"), entry.get("total")
            if isinstance(correct, int) and isinstance(total, int) and correct > total:
                yield Problem(path, f"{place}.correct", correct, f"at most {total}, its total")


def _listed(field: str, entries: Any) -> dict[str, Any]:
    """Field -> entry, draws included."""
    found = {f"{field}[{index}]": entry for index, entry in enumerate(entries if isinstance(entries, list) else [])}
    for place, entry in list(found.items()):
        if isinstance(entry, dict) and "draws" in entry:
            found |= _listed(f"{place}.draws", entry["draws"])
    return found


def _number_problems(path: File, place: str, value: Any) -> Iterator[Problem]:
    """Python writes NaN and Infinity into JSON; no number of a result may be one."""
    if isinstance(value, int | float) and not isinstance(value, bool) and not is_finite_number(value):
        yield Problem(path, place, value, "a finite number")
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _number_problems(path, f"{place}.{key}".lstrip("."), part)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _number_problems(path, f"{place}[{index}]", part)


Result = Mapping[str, Any]


def experiment_of(result: Result) -> tuple[str, str, str, int]:
    """The method and experiment that a result is of."""
    method = result.get("ranking_method") or result["method"].removesuffix("_ablation_incremental")
    return method, result["model_key"], result["question"], result["total_tokens"]


def condition_name(arm: str, level: int, draw: int) -> str:
    """A condition as its head set is named, e.g. top-5 or random-5-0; the baseline by its name."""
    if arm == "baseline":
        return arm
    drawn = arm in ARMS and ARMS[arm].is_drawn
    return f"{arm}-{level}-{draw}" if drawn else f"{arm}-{level}"


def result_place(result: Result) -> str:
    """The file of a result below results/<study>/."""
    method, *experiment = experiment_of(result)
    return f"ablation/{method}/{Experiment(*experiment)}.json"  # type: ignore[arg-type]


def remade(result: Result) -> str:
    """What to do about a result that is wrong: results of own runs, which have a protocol, are scored again."""
    if "protocol" in result:
        return "Remove this file below results/<study>/ and run again: its answers are scored again, without a GPU"
    return "Mend the given file (results_from) and run again"


def entries(result: Result) -> Iterator[tuple[str, int, int, Result]]:
    """Every condition of one result, several draws one by one: arm, level, draw and entry."""
    yield "baseline", 0, 0, result["baseline"]
    for arm in [key.removesuffix(SUFFIX) for key in result if key.endswith(SUFFIX)]:
        for entry in result[arm + SUFFIX]:
            for place, one in enumerate(entry.get("draws") or [entry]):
                yield arm, entry["num_heads"], one.get("draw", place), one
