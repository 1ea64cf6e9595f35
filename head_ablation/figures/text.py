"""How wide a text is drawn, and lines that fit a width: what a page's layout rests on."""

from __future__ import annotations

import re
from functools import cache

from matplotlib.cbook import is_math_text
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

NO_BREAK = "\u00a0"
"""A space that ends no line."""
N_COMPANIES = f"n{NO_BREAK}={NO_BREAK}companies"
WORD = re.compile(r"(?:\$[^$\n]*\$|[^ \t])+")
"""What no line break may part: letters without a space but a no-break space, a whole formula."""
SLACK = 1.06  # drawn letters are hinted to whole pixels: at 100 dots an inch, lines grow by 5.5 %


@cache
def width_of(text: str, size: float) -> float:
    """Inches that one line of text takes at a size in points."""
    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=size), is_math_text(text))
    return float(width) * SLACK / 72


def wrapped(text: str, width: float, size: float) -> list[str]:
    """The lines of a text that fit a width in inches; a word too long for a line is parted, a formula is not."""
    return [line for part in text.split("\n") for line in _filled(WORD.findall(part), width, size)]


def _filled(words: list[str], width: float, size: float) -> list[str]:
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(longer, size) <= width:
            lines[-1] = longer
        else:
            lines += _parted(word, width, size)
    return lines


def _parted(word: str, width: float, size: float) -> list[str]:
    if "$" in word or len(word) == 1 or width_of(word, size) <= width:
        return [word]
    most = next(count for count in range(len(word) - 1, 0, -1) if count == 1 or width_of(word[:count], size) <= width)
    cut = max(word.rfind(mark, 1, most) + 1 for mark in "-_/") or most
    return [word[:cut], *_parted(word[cut:], width, size)]
