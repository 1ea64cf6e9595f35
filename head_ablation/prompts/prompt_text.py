"""A prompt as a person reads it: the text that its token ids are, with the places of passage and answer in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from head_ablation.prompts.prompt import Prompt, Span
from head_ablation.prompts.tokenizer import PromptTokenizer

CUT_CHARACTER = "\ufffd"  # what the first bytes of a character decode to


@dataclass(frozen=True)
class PromptText:
    """The text of a prompt. The model reads the ids; nothing is made from this text.

    Attributes:
        filename, gold, alternatives: of the prompt.
        text: what all its token ids decode to, control tokens written out.
        passage_span: characters [start, end) of the passage.
        answer_span: characters [start, end) of the answer; None if the passage in the prompt lacks it.
    """

    filename: str
    gold: str
    text: str
    passage_span: Span
    answer_span: Span | None
    alternatives: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> PromptText:
        """From a line of a file of prompts' texts."""
        spans = {key: tuple(row[key]) if row[key] else None for key in ("passage_span", "answer_span")}
        return cls(**{**row, **spans, "alternatives": tuple(row["alternatives"])})

    def to_json(self) -> dict[str, Any]:
        """A line of a file of prompts' texts."""
        return asdict(self)


def prompt_text(prompt: Prompt, tokenizer: PromptTokenizer) -> PromptText:
    """The text of a prompt, by the tokenizer of the model that reads it."""
    text = tokenizer.decode_with_specials(prompt.token_ids)

    def characters(span: Span) -> Span:
        start, end = (_characters_before(prompt, place, text, tokenizer) for place in span)
        return start, end

    return PromptText(
        filename=prompt.filename,
        gold=prompt.gold,
        text=text,
        passage_span=characters(prompt.passage_span),
        answer_span=characters(prompt.answer_span) if prompt.answer_span else None,
        alternatives=prompt.alternatives,
    )


def _characters_before(prompt: Prompt, place: int, text: str, tokenizer: PromptTokenizer) -> int:
    """How many whole characters of the text the tokens before a place write."""
    before = tokenizer.decode_with_specials(prompt.token_ids[:place])
    return len(before if text.startswith(before) else before.rstrip(CUT_CHARACTER))
