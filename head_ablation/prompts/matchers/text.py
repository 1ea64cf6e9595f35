"""Plain text: the gold words stand in the answer's first line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from head_ablation.prompts.matchers.answer import answer_line
from head_ablation.prompts.matchers.matcher import WORD_END, WORD_START, Matcher


def _normalised(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s]", "", text).casefold().split())


@dataclass(frozen=True, kw_only=True)
class TextMatcher(Matcher):
    """Plain text: the gold words stand, as whole words, in the first line. A gold entry is one text, never a list."""

    def gold_values(self, gold: str) -> list[str]:
        if not _normalised(gold):
            raise self.refusal(gold)
        return [_normalised(gold)]

    def is_correct(self, generation: str, gold: str) -> bool:
        return f" {self.gold_values(gold)[0]} " in f" {_normalised(answer_line(generation))} "

    def find(self, text: str, gold: str) -> tuple[int, int] | None:
        words = r"(?:\W|_|&nbsp;|&#160;)+".join(re.escape(word) for word in re.findall(r"[^\W_]+", gold))
        match = re.search(f"{WORD_START}{words}{WORD_END}", text, re.IGNORECASE)
        return match.span() if match else None


TEXT = TextMatcher(
    name="text",
    description="the gold words stand, as whole words, in the answer's first line",
    mentions=lambda _: [],
    expected="some text",
    version=2,
)
