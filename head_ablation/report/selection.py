"""Which answers stand on the page: all of them, or as many as its byte budget takes, those that flipped first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from head_ablation.common.files import canonical_json
from head_ablation.prompts.matchers import MATCHERS
from head_ablation.prompts.samples import Sample
from head_ablation.results.flips import PROMPT, Change
from head_ablation.results.rows import EXPERIMENT

BUDGET = 4_500_000  # bytes of answers and passages; the page, with what draws its charts, stays under 8 MB
MARGIN = 3000  # characters of a passage that are shown before and behind the answer
CONDITION = ["arm", "level", "draw"]

Passages = Mapping[str, Mapping[str, Sample]]


def selected(
    changed: pd.DataFrame, passages: Passages, matchers: Mapping[str, str], budget: int = BUDGET
) -> dict[str, Any]:
    """The answers as columns, with the prompts, texts and passages that they name by number.

    Args:
        changed: as `changes` gives it.
        passages: question -> filename -> sample; it may lack some, or all.
        matchers: question -> the kind of its answers.
        budget: bytes that the result may have as JSON in UTF-8.
    """
    ordered = changed.assign(flipped=changed["change"].isin([Change.LOST, Change.GAINED]))
    ordered = ordered.sort_values("flipped", ascending=False, kind="stable")
    excerpts = Excerpts(passages, matchers)
    rows = len(ordered)
    while True:
        found = _encoded(ordered.head(rows).sort_index(), excerpts)
        size = len(canonical_json(found).encode())
        if size <= budget or not rows:
            return found
        rows = int(rows * min(0.95 * budget / size, 0.9))


def _encoded(rows: pd.DataFrame, excerpts: Excerpts) -> dict[str, Any]:
    experiments, conditions, texts, shown = Numbers(), Numbers(), Numbers(), Numbers()
    prompts: list[dict[str, Any]] = []
    place = rows.groupby(PROMPT, sort=False).ngroup()
    for row in rows.drop_duplicates(PROMPT).to_dict("records"):
        experiment = experiments.of(tuple(row[key] for key in ("method", *EXPERIMENT)))
        excerpt = dict(excerpts.of(row["question"], row["filename"]))
        passage = {"passage": shown.of(excerpt.pop("text"))} if excerpt else {}
        prompts.append(_prompt(row, experiment, texts.of(row["base_text"])) | passage | excerpt)
    return {
        "experiments": experiments.values,
        "prompts": prompts,
        "prompt": place.tolist(),
        "condition": [conditions.of(key) for key in rows[CONDITION].itertuples(index=False, name=None)],
        "conditions": conditions.values,
        "text": [texts.of(text) for text in rows["text"]],
        "change": rows["change"].tolist(),
        "texts": texts.values,
        "passages": shown.values,
    }


def _prompt(row: Mapping[Any, Any], experiment: int, base: int) -> dict[str, Any]:
    return {
        "experiment": experiment,
        "filename": row["filename"],
        "company": row["company"],
        "gold": row["gold"],
        "base": base,
        "right": bool(row["base_correct"]),
    }


class Excerpts:
    """Passages as the page shows them, each worked out once."""

    def __init__(self, passages: Passages, matchers: Mapping[str, str]):
        self._passages = passages
        self._matchers = matchers
        self._known: dict[tuple[str, str], dict[str, Any]] = {}

    def of(self, question: str, filename: str) -> dict[str, Any]:
        """The excerpt for a prompt; empty if there is no passage."""
        key = (question, filename)
        if key not in self._known:
            sample = self._passages.get(question, {}).get(filename)
            self._known[key] = excerpt(sample, self._matchers[question]) if sample else {}
        return self._known[key]


def excerpt(sample: Sample, matcher: str) -> dict[str, Any]:
    """A passage, cut around its answer if it is long.

    Returns:
        `text`; `cut`, the characters left out before and behind it; `span` of the answer, if it is stated; `others`,
        spans of other values of its kind; `alternatives`, if there are any. Spans count as JavaScript does.
    """
    start, end = sample.answer_span or (0, 0)
    first, last = max(0, start - MARGIN), min(len(sample.passage), max(end, 1) + MARGIN)
    text = sample.passage[first:last]
    found: dict[str, Any] = {"text": text, "cut": [first, len(sample.passage) - last]}
    if sample.answer_span:
        found["span"] = _utf16_span(text, start - first, end - first)
    if others := _others(text, sample, matcher):
        found["others"] = others
    return found | ({"alternatives": list(sample.alternatives)} if sample.alternatives else {})


def _others(text: str, sample: Sample, matcher: str) -> list[list[int]]:
    kind = MATCHERS[matcher]
    right = {value for gold in (sample.gold, *sample.alternatives) for value in kind.gold_values(gold)}
    return [_utf16_span(text, start, end) for value, start, end in kind.mentions(text) if value not in right]


def _utf16_span(text: str, start: int, end: int) -> list[int]:
    """A span in units of UTF-16: characters beyond U+FFFF count twice."""
    return [_utf16(text[:start]), _utf16(text[:end])]


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


class Numbers:
    """Values, each with a number, from 0, that stands in its place."""

    def __init__(self) -> None:
        self._number: dict[Any, int] = {}

    def of(self, value: Any) -> int:
        """The value's number; a new one gets the next."""
        return self._number.setdefault(value, len(self._number))

    @property
    def values(self) -> Sequence[Any]:
        """The values in the order of their numbers."""
        return list(self._number)
