"""Labels that can be drawn."""

from __future__ import annotations

import unicodedata

DRAWABLE = "a name that can be drawn: without control characters, with whole formulas between dollar signs, if any"


def label_problem(label: str) -> str | None:
    """Why a label cannot stand in a figure, in words; None if it can.

    An SVG file holds no control characters; matplotlib reads what stands between two dollar signs as a formula, and
    leaves names that begin with an underscore out of a legend.
    """
    control = [character for character in label if unicodedata.category(character) == "Cc" and character != "\n"]
    if control or "\ufffe" in label or "\uffff" in label:
        return "has control characters"
    if label.startswith("_"):
        return "begins with '_', so that legends leave it out"
    return _formula_problem(label) if label.count("$") > 1 else None


def _formula_problem(label: str) -> str | None:
    from matplotlib.cbook import is_math_text
    from matplotlib.mathtext import MathTextParser

    try:
        if is_math_text(label):
            MathTextParser("path").parse(label)
    except ValueError as error:
        return f"has a formula that cannot be read ({' '.join(str(error).split()[:12])})"
    return None
