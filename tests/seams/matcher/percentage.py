"""Percentages, with a percent sign or in words."""

from __future__ import annotations

import re

from head_ablation.prompts.matchers.matcher import Matcher, Mention

_PERCENTAGE = re.compile(r"(?<![\w.,])(\d+(?:\.\d+)?)\s*(?:%|per\s?cent\b)", re.IGNORECASE)


def _percentages(text: str) -> list[Mention]:
    return [(f"{float(match[1]):g}", *match.span()) for match in _PERCENTAGE.finditer(text)]


PERCENTAGE = Matcher(
    name="percentage",
    description="the first percentage of the answer's first line is the gold one",
    mentions=_percentages,
    expected="a percentage such as 12.5 % or 12.5 percent",
)
