"""Given ablation results: read, checked, taken in as they are.

Only their form is checked. Numbers that contradict each other are the audit's to report: a result that is wrong in
this way is still what was published.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from head_ablation.config_schema import departures
from head_ablation.files import read_json
from head_ablation.problems import Problem, refuse

SCHEMA = Path(__file__).resolve().parents[1] / "schemas" / "ablation_result.schema.yaml"
Place = str | Path
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
    methods: Sequence[str]
    models: Sequence[str]
    model_name: str
    question: str
    tokens: int
    levels: Sequence[int]


def read_result(path: Place, expected: ResultExpectation) -> dict[str, Any]:
    """The result file's content as it is, but `ranking_method` and `model_key` are the study's.

    Raises:
        StudyError: with every way in which the file is not a result of this method and experiment.
    """
    content = read_json(path)
    refuse(result_problems(path, content, expected))
    return {**content, "ranking_method": expected.method, "model_key": expected.models[0]}


def result_problems(path: Place, content: Any, expected: ResultExpectation) -> list[Problem]:
    """Everything wrong with a result: its form, what it says it is about, its levels, impossible counts."""
    if not isinstance(content, dict):
        return [Problem(path, "file", type(content).__name__, "a JSON object, an ablation result")]
    return [
        *departures(content, _schema(), str(path)),
        *_identity_problems(path, content, expected),
        *_level_problems(path, content, expected),
        *_count_problems(path, content),
        *_number_problems(path, "", content),
    ]


@cache
def _schema() -> dict[str, Any]:
    return yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))


def _identity_problems(path: Place, content: Mapping[str, Any], expected: ResultExpectation) -> Iterator[Problem]:
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


def _level_problems(path: Place, content: Mapping[str, Any], expected: ResultExpectation) -> Iterator[Problem]:
    wanted = f"{', '.join(map(str, expected.levels))}: each of the study's levels once"
    for field in ("top_heads_ablations", "random_heads_ablations"):
        entries = content.get(field)
        if isinstance(entries, list) and entries:  # the schema wants top heads; a random arm may be missing
            found = [str(entry.get("num_heads")) for entry in entries if isinstance(entry, dict)]
            if sorted(found) != sorted(map(str, expected.levels)):
                yield Problem(path, f"{field}[*].num_heads", ", ".join(found), wanted)


def _count_problems(path: Place, content: Mapping[str, Any]) -> Iterator[Problem]:
    parts = {"baseline": content.get("baseline")}
    for field in ("top_heads_ablations", "random_heads_ablations"):
        parts |= _listed(field, content.get(field))
    for place, entry in parts.items():
        if isinstance(entry, dict):
            correct, total = entry.get("correct"), entry.get("total")
            if isinstance(correct, int) and isinstance(total, int) and correct > total:
                yield Problem(path, f"{place}.correct", correct, f"at most {total}, its total")


def _listed(field: str, entries: Any) -> dict[str, Any]:
    """Place -> entry, draws included."""
    found = {f"{field}[{index}]": entry for index, entry in enumerate(entries if isinstance(entries, list) else [])}
    for place, entry in list(found.items()):
        if isinstance(entry, dict) and "draws" in entry:
            found |= _listed(f"{place}.draws", entry["draws"])
    return found


def _number_problems(path: Place, place: str, value: Any) -> Iterator[Problem]:
    """Python writes NaN and Infinity into JSON; no number of a result may be one."""
    if isinstance(value, float) and not math.isfinite(value):
        yield Problem(path, place, value, "a finite number")
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _number_problems(path, f"{place}.{key}".lstrip("."), part)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _number_problems(path, f"{place}[{index}]", part)
