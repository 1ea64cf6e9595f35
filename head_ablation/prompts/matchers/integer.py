"""Whole numbers, with or without thousands separators."""

from __future__ import annotations

import re

from head_ablation.prompts.matchers.matcher import WORD_END, WORD_START, Matcher, Mention, without_leading_zeros

_DIGITS = r"\d{1,3}(?:,\d{3})+|\d+"
_END = rf"(?![.,]?\d)(?:{WORD_END}|(?=[a-z]{{4}}))"  # filings lose white space: 101people (but not 19th, 10km)
# 1,200.00 is a whole number too, unless it is a sum of money.
_INTEGER = re.compile(rf"{WORD_START}(?<![.,])(?:(?<!\$)(?P<decimal>{_DIGITS})\.0+|(?P<whole>{_DIGITS})){_END}")


def _integers(text: str) -> list[Mention]:
    return [
        (without_leading_zeros((match["decimal"] or match["whole"]).replace(",", "")), *match.span())
        for match in _INTEGER.finditer(text)
    ]


INTEGER = Matcher(
    name="integer",
    description="the first whole number of the answer's first line is the gold one",
    mentions=_integers,
    expected="a whole number such as 14200 or 14,200",
    version=2,
)
