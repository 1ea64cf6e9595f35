"""Whole numbers, with or without thousands separators."""

from __future__ import annotations

import re

from head_ablation.prompts.matchers.matcher import Matcher, Mention

_INTEGER = re.compile(r"(?<![\w.,])(?:\d{1,3}(?:,\d{3})+|\d+)(?!\d|[.,]\d|\w)")


def _integers(text: str) -> list[Mention]:
    return [(str(int(match[0].replace(",", ""))), *match.span()) for match in _INTEGER.finditer(text)]


INTEGER = Matcher(
    name="integer",
    description="the first whole number of the answer's first line is the gold one",
    mentions=_integers,
    expected="a whole number such as 14200 or 14,200",
)
