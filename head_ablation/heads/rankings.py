"""Rankings: a method's ordered heads for one experiment ("Phase 2" output), read, checked and written."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from head_ablation.common.files import is_finite_number, read_json
from head_ablation.common.problems import Problem, refuse
from head_ablation.heads.head import Head, ModelShape


@dataclass(frozen=True)
class Expectation:
    """What a ranking file must agree with.

    Attributes:
        models: accepted values of `model_key`.
        model_name: the model's name; a file that states it may call the model by any key.
        question, tokens: of the experiment.
        heads_needed: the highest level.
        shape: the model's grid, or None where it is not known yet.
    """

    models: tuple[str, ...]
    model_name: str
    question: str
    tokens: int
    heads_needed: int
    shape: ModelShape | None = None


@dataclass(frozen=True)
class RankingIdentity:
    """What a ranking file says it ranks, in the published study's words."""

    method: str
    model_key: str
    model_name: str
    question: str
    question_prompt: str
    total_tokens: int
    needle_position: float


def read_ranking(path: str | Path, expected: Expectation) -> dict[str, Any]:
    """The ranking file's content, as it is, unknown keys included.

    Raises:
        StudyError: with every way in which the file is not a ranking of this experiment.
    """
    content = read_json(path)
    refuse(ranking_problems(path, content, expected))
    return content


def ranked_heads(ranking: Mapping[str, Any]) -> list[Head]:
    """The heads of a checked ranking, best first."""
    return [Head.parse(entry["head"]) for entry in ranking["head_rankings"]]


def reason_unranked(ranking: Mapping[str, Any]) -> str | None:
    """Why a detected ranking has no heads; None if it has."""
    return ranking.get("unranked")


def ranking_problems(path: str | Path, content: Any, expected: Expectation) -> list[Problem]:
    """Everything wrong with a ranking: its form, heads, scores, ranks, and what it says it ranks."""
    entries = content.get("head_rankings") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        found = "no list of objects" if entries is not None else "nothing"
        return [Problem(path, "head_rankings", found, 'a list of {"head", "score", "rank"}')]
    return [
        *_identity_problems(path, content, expected),
        *_head_problems(path, entries, expected),
        *_score_problems(path, entries),
        *_rank_problems(path, entries),
    ]


def _identity_problems(path: str | Path, content: Mapping[str, Any], expected: Expectation) -> Iterator[Problem]:
    accepted: dict[str, Sequence[Any]] = {"question": [expected.question], "total_tokens": [expected.tokens]}
    if content.get("model_name") != expected.model_name:
        accepted["model_key"] = expected.models
    for field, values in accepted.items():
        if field in content and content[field] not in values:
            wanted = " or ".join(repr(value) for value in dict.fromkeys(values))
            yield Problem(path, field, repr(content[field]), f"{wanted}, as its path says")


def _head_problems(path: str | Path, entries: Sequence[Mapping[str, Any]], expected: Expectation) -> Iterator[Problem]:
    seen: dict[Head, int] = {}
    for index, entry in enumerate(entries):
        field, name = f"head_rankings[{index}].head", entry.get("head")
        try:
            head = Head.parse(str(name))
        except ValueError:
            yield Problem(path, field, repr(name), "a head written like L15H30")
            continue
        if expected.shape and head not in expected.shape:
            yield Problem(path, field, name, f"a head of the model ({expected.shape.grid()})")
        if head in seen:
            yield Problem(path, field, f"{name}, already at [{seen[head]}]", "each head once")
        seen.setdefault(head, index)
    if len(entries) < expected.heads_needed:
        wanted = f"at least {expected.heads_needed}, the highest level"
        yield Problem(
            path,
            "head_rankings",
            f"{len(entries)} heads",
            wanted,
            "Lower the levels or rank more heads.",
        )


def _score_problems(path: str | Path, entries: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    previous = math.inf
    for index, entry in enumerate(entries):
        field, score = f"head_rankings[{index}].score", entry.get("score")
        if not is_finite_number(score):
            yield Problem(path, field, repr(score), "a finite number")
            continue
        if score > previous:
            yield Problem(path, field, f"{score} after {previous}", "scores in descending order")
        previous = score


def _rank_problems(path: str | Path, entries: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    for index, entry in enumerate(entries):
        if "rank" in entry and entry["rank"] != index + 1:
            field = f"head_rankings[{index}].rank"
            yield Problem(path, field, entry["rank"], f"{index + 1}, its place in the list")
