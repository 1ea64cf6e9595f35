"""Tables as CSV files, read with the types that they were written with."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from head_ablation.common.files import write_text
from head_ablation.results.rows import CONDITION_TYPES, LEVEL_TYPES

COUNTS = ("experiments", "prompts", "draws", "undecided")
TYPES = {**CONDITION_TYPES, **LEVEL_TYPES, **dict.fromkeys(COUNTS, "int64"), "interval": "str"}
"""Column -> type, of all tables; a column that is not listed holds decimal numbers."""


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Writes a table as CSV, whole or not at all; a missing value is an empty field."""
    write_text(path, table.to_csv(index=False))


def read_table(path: str | Path) -> pd.DataFrame:
    """A table that `write_table` wrote. A name such as `None`, `1` or `007` stays the text it is; numbers are exact."""
    header = pd.read_csv(path, nrows=0).columns
    types = {column: TYPES.get(column, "float64") for column in header}
    return pd.read_csv(path, dtype=types, keep_default_na=False, na_values=[""])
