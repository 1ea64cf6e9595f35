"""Years from 1600 to 2099."""

from __future__ import annotations

import re

from head_ablation.prompts.matchers.matcher import Matcher, Mention

_YEAR = re.compile(r"(?<!\d)(?:1[6-9]\d\d|20\d\d)(?!\d|,\d)")


def _years(text: str) -> list[Mention]:
    return [(match[0], *match.span()) for match in _YEAR.finditer(text)]


YEAR = Matcher(
    name="year",
    description="the first year of the answer's first line is the gold one",
    mentions=_years,
    expected="a year from 1600 to 2099",
    version=2,
)
