"""What became of each answer under ablation: each answer beside the baseline's to the same prompt."""

from __future__ import annotations

from enum import IntEnum

import pandas as pd

from head_ablation.results.rows import EXPERIMENT, baseline_rows

TEXTS = ["filename", "company", "gold", "text"]  # which given results may lack
PROMPT = ["method", *EXPERIMENT, "filename"]
FLIPS = [*PROMPT, "arm", "level", "draw", "company", "gold", "base_text", "text", "change"]


class Change(IntEnum):
    """What became of an answer; the number stands in the page's data."""

    LOST = 0, "right → wrong"
    GAINED = 1, "wrong → right"
    KEPT = 2, "right → right"
    MISSED = 3, "wrong → wrong"

    words: str

    def __new__(cls, number: int, words: str) -> Change:
        made = int.__new__(cls, number)
        made._value_, made.words = number, words
        return made


def changes(samples: pd.DataFrame) -> pd.DataFrame:
    """The answers that count, of all conditions but the baseline, with `base_text`, `base_correct` and `change`.

    Args:
        samples: a `samples_table`; it may be empty.
    """
    counted = samples[samples["counted"].astype(bool)].fillna(dict.fromkeys(TEXTS, ""))
    ablated = counted[counted["arm"] != "baseline"]
    asked = ablated[["method", *EXPERIMENT]].drop_duplicates()
    base = baseline_rows(counted, asked)[[*PROMPT, "text", "correct"]]
    base = base.rename(columns={"text": "base_text", "correct": "base_correct"})
    both = ablated.merge(base, on=PROMPT, validate="many_to_one")
    right, was = both["correct"].astype(bool), both["base_correct"].astype(bool)
    both["change"] = Change.MISSED.value
    for change, rows in {Change.LOST: was & ~right, Change.GAINED: ~was & right, Change.KEPT: was & right}.items():
        both.loc[rows, "change"] = change.value
    return both


def flips_table(samples: pd.DataFrame) -> pd.DataFrame:
    """The answers that ablation turned, from right to wrong or back, in the order of the samples: one row each, with
    the baseline's answer (`base_text`), the ablated one (`text`), and which way it went (`change`, in words).

    Args:
        samples: a `samples_table`; it may be empty.
    """
    changed = changes(samples)
    turned = changed[changed["change"].isin([Change.LOST, Change.GAINED])]
    words = {change.value: change.words for change in Change}
    return turned.assign(change=turned["change"].map(words).astype("str"))[FLIPS].reset_index(drop=True)


def counts(changed: pd.DataFrame) -> dict[Change, int]:
    """How many answers became what."""
    found = changed["change"].value_counts()
    return {change: int(found.get(change.value, 0)) for change in Change}
