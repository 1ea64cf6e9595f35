"""The job that detects a ranking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from head_ablation.common.files import write_json
from head_ablation.common.provenance import Stopwatch, provenance
from head_ablation.detectors import DETECTORS
from head_ablation.detectors.settings import DetectionSettings
from head_ablation.heads.rankings import RankingIdentity
from head_ablation.jobs.job import DetectionJob
from head_ablation.jobs.store import Entry


@dataclass(frozen=True)
class RankingTask:
    """A ranking to detect: what it ranks, and how."""

    identity: RankingIdentity
    detection: DetectionSettings


def make_ranking(job: DetectionJob, identity: Mapping[str, Any], output: Path) -> None:
    """Writes the ranking of all heads by the job's detector.

    Args:
        job: model, train prompts and detector.
        identity: what the ranking file says it ranks.
        output: the ranking file.

    Raises:
        StudyError: no prompt was answered correctly, or the model cannot be run.
    """
    work = job.work

    def compute() -> Entry:
        runner, watch = job.runner, Stopwatch()
        ranking = DETECTORS[work.settings.detector].rank(runner, work.watched, work.settings)
        return job.store.add(Entry(work.protocol, ranking, provenance(**runner.facts(watch))))

    job.obtain(work.protocol, compute, write=lambda entry: write_json(output, {**identity, **entry.content}))
