"""Plain text: the gold words stand in the answer's first line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from head_ablation.prompts.matchers.matcher import Matcher, first_line


def _normalised(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s]", "", text).casefold().split())


@dataclass(frozen=True, kw_only=True)
class TextMatcher(Matcher):
    """Plain text: the gold words stand, as whole words, in the first line."""

    def gold_values(self, gold: str) -> list[str]:
        if not _normalised(gold):
            raise ValueError(f"found '{gold}'; expected {self.expected}")
        return [_normalised(gold)]

    def is_correct(self, generation: str, gold: str) -> bool:
        return f" {self.gold_values(gold)[0]} " in f" {_normalised(first_line(generation))} "

    def find(self, text: str, gold: str) -> tuple[int, int] | None:
        words = r"\W+".join(re.escape(word) for word in re.findall(r"\w+", gold))
        match = re.search(rf"\b{words}\b", text, re.IGNORECASE)
        return match.span() if match else None


TEXT = TextMatcher(
    name="text",
    description="the gold words stand, as whole words, in the answer's first line",
    mentions=lambda _: [],
    expected="some text",
)
