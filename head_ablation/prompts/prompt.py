"""A prompt: a question as token ids, with the spans of passage and answer, and its file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from head_ablation.common.files import canonical_json, read_jsonl, sha256_text

Span = tuple[int, int]


@dataclass(frozen=True)
class Prompt:
    """A question as token ids.

    Attributes:
        filename, company, gold: of the sample.
        token_ids: [T].
        passage_span: positions [start, end) of the passage.
        answer_span: positions [start, end) of the answer; None if the passage in the prompt lacks it.
        answerable: whether the whole answer stands in the prompt.
        reason: empty, or why not: `cut off` (the passage was too long) or `not stated`.
        alternatives, ambiguous: of the sample.
    """

    filename: str
    company: str
    gold: str
    token_ids: list[int]
    passage_span: tuple[int, int]
    answer_span: tuple[int, int] | None
    answerable: bool = field(init=False)
    reason: str = ""
    alternatives: tuple[str, ...] = ()
    ambiguous: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "answerable", self.answer_span is not None)
        start, end = self.passage_span
        if not 0 <= start <= end <= len(self.token_ids):
            raise ValueError(f"passage span {start}-{end} in a prompt of {len(self.token_ids)} tokens")

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Prompt:
        """From a line of a prompts file."""
        values = {key: value for key, value in row.items() if key != "answerable"}
        spans = {key: tuple(values[key]) if values[key] else None for key in ("passage_span", "answer_span")}
        return cls(**{**values, **spans, "alternatives": tuple(values["alternatives"])})

    @property
    def golds(self) -> tuple[str, ...]:
        """All answers that are right, the ground truth's first."""
        return (self.gold, *self.alternatives)

    def to_json(self) -> dict[str, Any]:
        """A line of a prompts file."""
        return asdict(self)


def read_prompts(path: str | Path) -> list[Prompt]:
    """The prompts of a prompts file."""
    return [Prompt.from_json(row) for row in read_jsonl(path)]


COUNTED = ("answerable", "all")
"""Which prompts count: the values of a config's `scoring.count`."""


def counted_prompts(prompts: Iterable[Prompt], count: str) -> list[Prompt]:
    """The prompts that count: those whose whole answer stands in them, or all. Only these are read by the model.

    Args:
        prompts: of an experiment.
        count: one of `COUNTED`.
    """
    return [prompt for prompt in prompts if prompt.answerable or count == "all"]


def prompts_digest(prompts: Iterable[Prompt]) -> str:
    """A digest of what the model is asked: filenames and token ids of all prompts, in order."""
    return sha256_text(canonical_json([[prompt.filename, prompt.token_ids] for prompt in prompts]))
