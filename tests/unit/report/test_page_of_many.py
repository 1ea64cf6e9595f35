"""The page of a study of about 100,000 answers stays small."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from report_factory import PASSAGE, small_results, write_study

from head_ablation.report.page import page
from head_ablation.report.sources import read_sources

pytestmark = pytest.mark.slow

BYTES = 8_000_000


def test_a_page_of_100_000_answers_takes_few_megabytes(tmp_path: Path) -> None:
    """Two models, four questions, four lengths, three methods, two levels, three draws, 121 companies."""
    kinds = {"questions": ("inc_year", "inc_state", "a", "b"), "models": ("instruct", "base")}
    kinds |= {"lengths": (2048, 4096, 6144, 8192), "methods": ("wu24", "one", "two")}
    passage = PASSAGE + " More words of a filing that say little of it." * 120
    task = write_study(tmp_path, small_results(**kinds, draws=3, companies=121), passage=passage)
    start = time.process_time()
    sources = read_sources(tmp_path, task, None, [])
    text = page(sources)
    seconds = time.process_time() - start
    print(f"{len(sources.samples)} answers: {seconds:.1f} CPU seconds, {len(text.encode()) / 1e6:.1f} MB")
    assert len(sources.samples) > 95_000
    assert len(text.encode()) < BYTES
