"""States of the US, by name or postal code."""

from __future__ import annotations

import re

from head_ablation.prompts.matchers.matcher import Matcher, Mention

STATES = dict(
    entry.split(" ", 1)
    for entry in (
        "AL Alabama; AK Alaska; AZ Arizona; AR Arkansas; CA California; CO Colorado; CT Connecticut; "
        "DE Delaware; FL Florida; GA Georgia; HI Hawaii; ID Idaho; IL Illinois; IN Indiana; IA Iowa; "
        "KS Kansas; KY Kentucky; LA Louisiana; ME Maine; MD Maryland; MA Massachusetts; MI Michigan; "
        "MN Minnesota; MS Mississippi; MO Missouri; MT Montana; NE Nebraska; NV Nevada; "
        "NH New Hampshire; NJ New Jersey; NM New Mexico; NY New York; NC North Carolina; "
        "ND North Dakota; OH Ohio; OK Oklahoma; OR Oregon; PA Pennsylvania; RI Rhode Island; "
        "SC South Carolina; SD South Dakota; TN Tennessee; TX Texas; UT Utah; VT Vermont; VA Virginia; "
        "WA Washington; WV West Virginia; WI Wisconsin; WY Wyoming; DC District of Columbia; "
        "PR Puerto Rico; VI Virgin Islands; GU Guam; AB Alberta; BC British Columbia; MB Manitoba; "
        "NB New Brunswick; NL Newfoundland; NS Nova Scotia; ON Ontario; PE Prince Edward Island; QC Quebec; "
        "SK Saskatchewan"
    ).split("; ")
)
"""Postal code -> name: states, federal district, three territories, and the provinces some 10-K filers name."""

_NAMES = "|".join(sorted(STATES.values(), key=len, reverse=True))
# Not a state: Kansas City (Missouri), Michigan City (Indiana), rivers and valleys.
_STATE = re.compile(
    r"\b(?P<dc>Washington,?\s+D\.?\s?C\b)"
    rf"|\b(?P<name>{_NAMES})\b(?!(?<=Kansas)\s+City|(?<=Michigan)\s+City|\s+(?:River|Valley)\b)",
    re.IGNORECASE,
)
# Postal codes are words too (IN, OR, ME): they count only at the start of the line or after a comma.
_POSTAL = re.compile(rf"(?:^\W*|,\s*)(?P<code>{'|'.join(STATES)})\b(?!\.?\w)")


def _states(text: str) -> list[Mention]:
    title = {name.lower(): name for name in STATES.values()}
    named = [
        (STATES["DC"] if match["dc"] else title[match["name"].lower()], *match.span())
        for match in _STATE.finditer(text)
    ]
    codes = [(STATES[match["code"]], *match.span("code")) for match in _POSTAL.finditer(text)]
    return sorted(named + codes, key=lambda mention: mention[1])


US_STATE = Matcher(
    name="us_state",
    description="the first state of the answer's first line, by name or postal code, is the gold one",
    mentions=_states,
    expected="a US state, by name or postal code",
)
