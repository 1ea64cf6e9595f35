"""What a matcher is: it finds values of one kind in text, and judges the first one of an answer's first line."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from head_ablation.common.registry import Entry
from head_ablation.prompts.matchers.answer import answer_line

Mention = tuple[str, int, int]
"""A value in canonical form and the character span where it stands."""

SPACE = r"(?:\s|&nbsp;|&#160;)+"
"""White space between words, however a filing writes it."""

WORD_START, WORD_END = r"(?<![^\W_])", r"(?![^\W_])"
"""As \\b, but an underscore is no part of a word: filings underline with it."""

_LIST = re.compile(r"[;|\n]|(?<!\d)/|/(?!\d)|(?<=\d{4})/")  # not the slashes of 5/4/1929

_DECIMAL = re.compile(r"[-+]?\d*\.\d*[1-9]\d*")  # 1905.5 is no year, though it begins like one


@dataclass(frozen=True, kw_only=True)
class Matcher(Entry):
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
            ValueError: no value of this kind in `gold`, or in a part of the list; says what was found and expected.
        """
        written = [part for part in _LIST.split(whole_number(gold)) if part.strip()]
        parts = [self.mentions(part) for part in written]
        if not parts or not all(parts) or any(_DECIMAL.fullmatch(part.strip()) for part in written):
            raise self.refusal(gold)
        return list(dict.fromkeys(value for part in parts for value, _, _ in part))

    def refusal(self, gold: str, found: str = "") -> ValueError:
        """The error that refuses a gold entry; `found` says more about it."""
        return ValueError(f"found '{gold}'{found}; expected {self.expected}")

    def is_correct(self, generation: str, gold: str) -> bool:
        """Whether the first mention in the generation's first line is one of the gold values."""
        mentions = self.mentions(answer_line(generation))
        return bool(mentions) and mentions[0][0] in self.gold_values(gold)

    def find(self, text: str, gold: str) -> tuple[int, int] | None:
        """The character span of the first mention of a gold value in `text`, or None."""
        values = self.gold_values(gold)
        spans = ((start, end) for value, start, end in self.mentions(text) if value in values)
        return next(spans, None)


def without_leading_zeros(digits: str) -> str:
    """A whole number, however long, in ASCII digits and without leading zeros."""
    return "".join(str(int(digit)) for digit in digits).lstrip("0") or "0"


def whole_number(gold: str) -> str:
    """A gold value as written, but for the decimals of a whole number: tables read with gaps say 1929.0."""
    return re.sub(r"(?<=\d)\.0+$", "", gold.strip())
