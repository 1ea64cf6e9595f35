"""The job that detects a ranking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from head_ablation.common.experiment import Experiment
from head_ablation.common.files import write_json
from head_ablation.common.problems import warn
from head_ablation.common.provenance import Stopwatch, provenance
from head_ablation.detectors import DETECTORS
from head_ablation.detectors.settings import DetectionSettings
from head_ablation.heads.ranking_facts import FEW_PROMPTS, ranking_facts, unranked_words
from head_ablation.heads.rankings import RankingIdentity
from head_ablation.jobs.job import DetectionJob, say
from head_ablation.jobs.store import Entry
from head_ablation.jobs.work import DetectionWork


@dataclass(frozen=True)
class RankingTask:
    """A ranking to detect: what it ranks, and how."""

    identity: RankingIdentity
    detection: DetectionSettings


NOTHING_WATCHED = {"samples_processed": 0, "successful_retrievals": 0, "success_rate": 0.0, "head_rankings": []}


def make_ranking(job: DetectionJob, identity: Mapping[str, Any], output: Path) -> None:
    """Writes the ranking of all heads by the job's detector; if it can rank none, the file says why (`unranked`).

    Args:
        job: model, train prompts and detector.
        identity: what the ranking file says it ranks.
        output: the ranking file.

    Raises:
        StudyError: the model cannot be run.
    """
    work = job.work

    def write(content: Mapping[str, Any]) -> None:
        few = content["successful_retrievals"] < FEW_PROMPTS
        say(f"{_counted(work, content)} {_advice(work) if few else ''}".strip())
        for warning in ranking_facts(content, levels=[]).warnings():
            warn(f"{_name(identity)}: {warning}")
        reason = {} if content["head_rankings"] else {"unranked": f"{_counted(work, content)} {_advice(work)}"}
        if reason:
            warn(unranked_words(_name(identity), reason["unranked"]))
        write_json(output, {**identity, **content, **reason})

    def compute() -> Entry:
        runner, watch = job.runner, Stopwatch()
        ranking = DETECTORS[work.settings.detector].rank(runner, work.watched, work.settings)
        return job.store.add(Entry(work.protocol, ranking, provenance(**runner.facts(watch))))

    if work.watched:
        job.obtain(work.protocol, compute, write=lambda entry: write(entry.content))
    else:
        write(NOTHING_WATCHED)


def _name(identity: Mapping[str, Any]) -> str:
    experiment = Experiment(identity["model_key"], identity["question"], identity["total_tokens"])
    return f"{identity['method']}/{experiment}"


def _counted(work: DetectionWork, ranking: Mapping[str, Any]) -> str:
    return (
        f"{work.answerable} of {work.prompts} train prompts hold their answer; {ranking['samples_processed']} were read"
        f" and {ranking['successful_retrievals']} answered correctly."
    )


def _advice(work: DetectionWork) -> str:
    """What to change, the likeliest first."""
    cut_off = "Use longer prompts (tokens), which hold more of a passage"
    unanswered = "Give the model a stem to complete (prompt.stems) or more new tokens"
    first, second = (cut_off, unanswered) if 2 * work.answerable < work.prompts else (unanswered, cut_off)
    return f"{first}. {second}. A smaller filings.test_fraction leaves more train prompts."
