"""Files that say they were written in the future: Snakemake takes what is made from them for out of date, and fails."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from head_ablation.common.problems import Problem
from head_ablation.study.given_files import ranking_file, result_file
from head_ablation.study.settings import filings_files, model_files
from head_ablation.study.study import Study

AHEAD_SECONDS = 1  # what clocks of one machine may differ by


def future_problems(study: Study) -> Iterator[Problem]:
    """Files that the study names whose time stamp is ahead of this machine's clock."""
    now = time.time()
    for path in dict.fromkeys(_named_files(study)):
        written = Path(path).stat().st_mtime if Path(path).is_file() else 0.0
        if written > now + AHEAD_SECONDS:
            ahead = timedelta(seconds=round(written - now))
            found = f"{datetime.fromtimestamp(written):%Y-%m-%d %H:%M:%S}, {ahead} ahead of this machine's clock"
            yield Problem(path, "time stamp", found, "a time that has passed", f"Set the clock, or run: touch {path}")


def _named_files(study: Study) -> Iterator[str]:
    for model in study.config["models"]:
        yield from model_files(study, model)
    if not study.has_results:
        files = filings_files(study)
        yield from filter(None, [files.ground_truth, files.texts, files.evidence])
        yield study.filler
    yield from filter(None, [study.claims])
    for experiment in study.experiments():
        for method in study.methods:
            yield from filter(None, [ranking_file(study, method, experiment)])
            yield from [result_file(study, method, experiment)] if study.has_results else []
