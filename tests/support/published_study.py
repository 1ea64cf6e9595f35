"""The published study's rankings, results and split, where they lie beside the checkout; tests skip without them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from project import PROJECT

FOLDER = PROJECT.parent / "shared" / "data" / "study"
MODEL_DIR = "llama3_instruct"
RANKINGS = sorted((FOLDER / "rankings" / "wu24" / MODEL_DIR).glob("*/tokens_*.json"))
RESULTS = sorted((FOLDER / "published" / "wu24" / MODEL_DIR).glob("*/tokens_*.json"))

needs_published_study = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the published study's files are not beside this checkout"
)


def experiment_of(path: Path) -> tuple[str, int]:
    """(question, tokens) from a path such as inc_year/tokens_2048.json."""
    return path.parent.name, int(path.stem.removeprefix("tokens_"))


def load(path: Path) -> Any:
    """A JSON file's content, read without the library under test."""
    return json.loads(path.read_text(encoding="utf-8"))
