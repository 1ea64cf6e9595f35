"""When an answer is right. Typed matchers read the first line of what the model said and judge its first mention.

The first year, number or state of the line must be the gold one, so that hedging ("Ohio or Delaware") is wrong and
"Virginia" is not found in "West Virginia". The published study's rule, the gold value as a substring anywhere, is
kept as `study_rule`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

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
_INTEGER = re.compile(r"(?<![\w.,])(?:\d{1,3}(?:,\d{3})+|\d+)(?!\d|[.,]\d|\w)")
_YEAR = re.compile(r"(?<!\d)(?:1[6-9]\d\d|20\d\d)(?!\d|,\d)")

Mention = tuple[str, int, int]
"""A value in canonical form and the character span where it stands."""


@dataclass(frozen=True)
class Matcher:
    """A kind of answer.

    Attributes:
        mentions: text -> the values of this kind that it mentions, in order of position.
        expected: what a gold value must be, for error messages.
    """

    mentions: Callable[[str], list[Mention]]
    expected: str

    def gold_values(self, gold: str) -> list[str]:
        """The acceptable values of a gold entry such as "14200.0", "Delaware" or "Texas, Georgia".

        Raises:
            ValueError: no value of this kind in `gold`; says what was found and expected.
        """
        values = [value for value, _, _ in self.mentions(_whole(gold))]
        if not values:
            raise ValueError(f"found '{gold}'; expected {self.expected}")
        return values

    def is_correct(self, generation: str, gold: str) -> bool:
        """Whether the first mention in the generation's first line is one of the gold values."""
        mentions = self.mentions(first_line(generation))
        return bool(mentions) and mentions[0][0] in self.gold_values(gold)

    def find(self, text: str, gold: str) -> tuple[int, int] | None:
        """The character span of the first mention of a gold value in `text`, or None."""
        values = self.gold_values(gold)
        spans = ((start, end) for value, start, end in self.mentions(text) if value in values)
        return next(spans, None)


def _whole(gold: str) -> str:
    """A gold value as written, but for the decimals of a whole number: tables read with gaps say 1929.0."""
    return re.sub(r"(?<=\d)\.0+$", "", gold.strip())


def first_line(generation: str) -> str:
    """The first line that says anything."""
    return generation.strip().split("\n", 1)[0].strip()


def _integers(text: str) -> list[Mention]:
    return [(str(int(match[0].replace(",", ""))), *match.span()) for match in _INTEGER.finditer(text)]


def _years(text: str) -> list[Mention]:
    return [(match[0], *match.span()) for match in _YEAR.finditer(text)]


def _states(text: str) -> list[Mention]:
    title = {name.lower(): name for name in STATES.values()}
    named = [
        (STATES["DC"] if match["dc"] else title[match["name"].lower()], *match.span())
        for match in _STATE.finditer(text)
    ]
    codes = [(STATES[match["code"]], *match.span("code")) for match in _POSTAL.finditer(text)]
    return sorted(named + codes, key=lambda mention: mention[1])


def _normalised(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s]", "", text).casefold().split())


@dataclass(frozen=True)
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


MATCHERS: dict[str, Matcher] = {
    "integer": Matcher(_integers, "a whole number such as 14200 or 14,200"),
    "year": Matcher(_years, "a year from 1600 to 2099"),
    "us_state": Matcher(_states, "a US state, by name or postal code"),
    "text": TextMatcher(lambda _: [], "some text"),
}


def study_rule(generation: str, gold: str) -> bool:
    """The published study's verdict: the normalised gold is the generation or a substring of it, in any line.

    It lets "Virginia" pass for "West Virginia" and an employee count of 0 for any number with a 0 in it.
    """
    return _study_normalised(_whole(gold)) in _study_normalised(generation)


def _study_normalised(text: str) -> str:
    """Lower case, without commas, dots and apostrophes; a whole number without leading zeros."""
    plain = re.sub(r"[,.']", "", text.lower().strip())
    return str(int(plain)) if re.fullmatch(r"\d+", plain) else plain
