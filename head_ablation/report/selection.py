"""Which answers stand on the page: all of them, or as many as its byte budget takes, those that flipped first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pandas as pd

from head_ablation.common.experiment import Experiment
from head_ablation.common.files import canonical_json
from head_ablation.prompts.matchers import MATCHERS
from head_ablation.prompts.prompt_text import PromptText
from head_ablation.results.flips import PROMPT, Change
from head_ablation.results.rows import EXPERIMENT

BUDGET = 4_500_000  # bytes of answers and prompts; the page, with what draws its charts, stays under 8 MB
MARGIN = 3000  # characters of a passage that are shown before and behind the answer
END = 400  # characters that are shown at the beginning and at the end of a prompt
EDGE = 100  # characters of filler that are shown beside the passage
CONDITION = ["arm", "level", "draw"]

Prompts = Mapping[Experiment, Mapping[str, PromptText]]


def selected(
    changed: pd.DataFrame, prompts: Prompts, matchers: Mapping[str, str], budget: int = BUDGET
) -> dict[str, Any]:
    """The answers as columns, with the prompts, texts and parts of prompts that they name by number.

    Args:
        changed: as `changes` gives it.
        prompts: experiment -> filename -> text; it may lack some, or all.
        matchers: question -> the kind of its answers.
        budget: bytes that the result may have as JSON in UTF-8.
    """
    ordered = changed.assign(flipped=changed["change"].isin([Change.LOST, Change.GAINED]))
    ordered = ordered.sort_values("flipped", ascending=False, kind="stable")
    excerpts = Excerpts(prompts, matchers)
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
        found = dict(excerpts.of(Experiment(*(row[key] for key in EXPERIMENT)), row["filename"]))
        for part in PARTS:
            found |= {part: [shown.of(text) for text in found[part]]} if part in found else {}
        prompts.append(_prompt(row, experiment, texts.of(row["base_text"])) | found)
    return {
        "experiments": experiments.values,
        "prompts": prompts,
        "prompt": place.tolist(),
        "condition": [conditions.of(key) for key in rows[CONDITION].itertuples(index=False, name=None)],
        "conditions": conditions.values,
        "text": [texts.of(text) for text in rows["text"]],
        "change": rows["change"].tolist(),
        "texts": texts.values,
        "parts": shown.values,
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
    """Prompts as the page shows them, each worked out once."""

    def __init__(self, prompts: Prompts, matchers: Mapping[str, str]):
        self._prompts = prompts
        self._matchers = matchers
        self._known: dict[tuple[Experiment, str], dict[str, Any]] = {}

    def of(self, experiment: Experiment, filename: str) -> dict[str, Any]:
        """The excerpt of a prompt; empty if its text is not known."""
        key = (experiment, filename)
        if key not in self._known:
            prompt = self._prompts.get(experiment, {}).get(filename)
            self._known[key] = excerpt(prompt, self._matchers[experiment.question]) if prompt else {}
        return self._known[key]


PARTS = ("before", "passage", "behind")
"""Of a prompt, each a text or two; between two, what is left out."""


def excerpt(prompt: PromptText, matcher: str) -> dict[str, Any]:
    """A prompt without the middle of its filler, and with its passage cut around the answer if it is long.

    Returns:
        `before`, `passage`, `behind`: the texts of these parts; `folded`: the characters left out between the two texts
        of `before`, before and behind that of `passage`, and between those of `behind`; of the passage's text, `span`
        of the answer, if it is there, and `others`, spans of other values of its kind; `alternatives`, if there are
        any. Spans count as JavaScript does.
    """
    start, end = prompt.passage_span
    first, last = prompt.answer_span or (start, start)
    cut, kept = max(start, first - MARGIN), min(end, max(last, start + 1) + MARGIN)
    before, folded_before = _folded(prompt.text[:start], END, EDGE)
    behind, folded_behind = _folded(prompt.text[end:], EDGE, END)
    text = prompt.text[cut:kept]
    found: dict[str, Any] = {"before": before, "passage": [text], "behind": behind}
    found["folded"] = [folded_before, cut - start, end - kept, folded_behind]
    if prompt.answer_span:
        found["span"] = _utf16_span(text, first - cut, last - cut)
    if others := _others(text, (prompt.gold, *prompt.alternatives), matcher):
        found["others"] = others
    return found | ({"alternatives": list(prompt.alternatives)} if prompt.alternatives else {})


def _folded(text: str, head: int, tail: int) -> tuple[list[str], int]:
    """A text as its first and last characters, and how many are left out between them."""
    left_out = len(text) - head - tail
    return ([text[:head], text[-tail:]], left_out) if left_out > 0 else ([text], 0)


@cache
def _others(text: str, golds: tuple[str, ...], matcher: str) -> list[list[int]]:
    kind = MATCHERS[matcher]
    right = {value for gold in golds for value in kind.gold_values(gold)}
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
