"""Writes the planted model's filings: what one says of its company and of the subsidiary, among other sentences."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from head_ablation.common.yaml_files import read_yaml
from head_ablation.planted.texts import FOLDER, read_rows


def filings(folder: Path = FOLDER) -> Iterator[dict[str, str]]:
    """The rows of filings.jsonl, one for each company.

    Args:
        folder: with companies.csv and passages.yaml.
    """
    phrases = read_yaml(folder / "passages.yaml")
    for row in read_rows(folder / "companies.csv"):
        yield {**{key: row[key] for key in ("filename", "cik", "year")}, "section_1": _text(row, phrases)}


def _text(row: Mapping[str, str], phrases: Mapping[str, Any]) -> str:
    """The opening, then all other sentences in an order that follows from the file's name."""
    rng = random.Random(row["filename"])
    sentences = rng.sample(phrases["others"], phrases["others_per_filing"])
    for column, of_kind in phrases["facts"].items():
        sentences += [of_kind["company"].format(value=row[column])]
        sentences += [of_kind["subsidiary"].format(value=row[f"subsidiary_{column}"])]
    rng.shuffle(sentences)
    opening = phrases["opening"].format(name=row["name"], goods=rng.choice(phrases["goods"]))
    return " ".join([opening, *sentences])
