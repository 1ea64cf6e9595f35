"""The published study's verdict, whatever the kind of answer."""

from __future__ import annotations

import re

from head_ablation.prompts.matchers.matcher import whole_number, without_leading_zeros


def published_rule(generation: str, gold: str) -> bool:
    """The published study's verdict: the normalised gold is the generation or a substring of it, in any line.

    It lets "Virginia" pass for "West Virginia" and an employee count of 0 for any number with a 0 in it.
    """
    return _normalised(whole_number(gold)) in _normalised(generation)


def _normalised(text: str) -> str:
    """Lower case, without commas, dots and apostrophes; a whole number without leading zeros."""
    plain = re.sub(r"[,.']", "", text.lower().strip())
    return without_leading_zeros(plain) if re.fullmatch(r"\d+", plain) else plain
