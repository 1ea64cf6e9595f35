"""The job that detects a ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from head_ablation.common.experiment import Experiment
from head_ablation.common.files import write_json
from head_ablation.common.problems import warn
from head_ablation.common.provenance import Stopwatch, provenance
from head_ablation.detectors import DETECTORS
from head_ablation.detectors.detector import Reading
from head_ablation.detectors.passes import Chosen, score_prompts
from head_ablation.detectors.ranking import UnitScores, ranking_of
from head_ablation.detectors.settings import DetectionSettings
from head_ablation.heads.ranking_facts import FEW_PROMPTS, ranking_facts, unranked_words
from head_ablation.heads.rankings import RankingIdentity
from head_ablation.jobs.job import DetectionJob, say
from head_ablation.jobs.store import Entry
from head_ablation.jobs.work import DetectionWork

if TYPE_CHECKING:
    from head_ablation.engine.runner import Runner


@dataclass(frozen=True)
class RankingTask:
    """A ranking to detect: what it ranks, and how."""

    identity: RankingIdentity
    detection: DetectionSettings


NOTHING_WATCHED = {"samples_processed": 0, "successful_retrievals": 0, "success_rate": 0.0, "head_rankings": []}
SHOWN_ANSWERS = 3  # of prompts, where none was answered correctly


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
        ranking = {key: value for key, value in content.items() if key != "answers"}
        few = content.get("successful_retrievals", content["samples_processed"]) < FEW_PROMPTS
        say(f"{_counted(work, ranking)} {_advice(work) if few else ''}".strip())
        for warning in ranking_facts(ranking, levels=[]).warnings():
            warn(f"{_name(identity)}: {warning}")
        said = _said(content.get("answers", []))
        reason = {} if ranking["head_rankings"] else {"unranked": f"{_counted(work, ranking)} {said}{_advice(work)}"}
        if reason:
            warn(unranked_words(_name(identity), reason["unranked"]))
        write_json(output, {**identity, **ranking, **reason})

    def compute() -> Entry:
        runner, watch = job.runner, Stopwatch()
        ranking = detect(runner, work)
        return job.store.add(Entry(work.protocol, ranking, provenance(**runner.facts(watch))))

    if work.watched or not DETECTORS[work.settings.detector].reads_prompts:
        job.obtain(work.protocol, compute, write=lambda entry: write(entry.content))
    else:
        write(NOTHING_WATCHED)


def detect(runner: Runner, work: DetectionWork) -> dict[str, Any]:
    """A ranking of all heads; without a prompt that counts, three `answers` in the place of heads.

    Raises:
        StudyError: out of memory, or the detector cannot score this model.
    """
    settings, prompts = work.settings, work.watched
    detector = DETECTORS[settings.detector]
    chosen = Chosen(detector, DETECTORS.chosen_options(settings.detector, settings.options))
    reading = Reading(runner.model, runner.tokenizer, settings)
    with runner.reading(len(prompts), "detection") as bar:
        units = [UnitScores.of(scored) for scored in score_prompts(reading, prompts, [chosen], bar.update)]
    answered = [
        {"filename": prompt.filename, "gold": prompt.gold, "answer": unit.answer}
        for prompt, unit in zip(prompts, units, strict=False)
        if unit.answer is not None
    ]
    for one in answered:
        say("{filename}: gold {gold!r}, answer {answer!r}".format(**one))
    heads = work.pointer.shape.all_heads()
    ranking = ranking_of(detector, heads, units, prompts, settings)
    return ranking if ranking["head_rankings"] else {**ranking, "answers": answered[:SHOWN_ANSWERS]}


def _said(answers: Sequence[Mapping[str, Any]]) -> str:
    shown = "; ".join("{answer!r} to {filename}, whose answer is {gold!r}".format(**one) for one in answers)
    return f"The model said {shown}. " if shown else ""


def _name(identity: Mapping[str, Any]) -> str:
    experiment = Experiment(identity["model_key"], identity["question"], identity["total_tokens"])
    return f"{identity['method']}/{experiment}"


def _counted(work: DetectionWork, ranking: Mapping[str, Any]) -> str:
    held = f"{work.answerable} of {work.prompts} train prompts hold their answer"
    if "successful_retrievals" in ranking:
        right = ranking["successful_retrievals"]
        return f"{held}; {ranking['samples_processed']} were read and {right} answered correctly."
    return f"{held}; {ranking['samples_processed']} prompts or draws were scored."


def _advice(work: DetectionWork) -> str:
    """What to change, the likeliest first."""
    cut_off = "Use longer prompts (tokens), which hold more of a passage"
    unanswered = "Give the model a stem to complete (prompt.stems) or more new tokens"
    first, second = (cut_off, unanswered) if 2 * work.answerable < work.prompts else (unanswered, cut_off)
    return f"{first}. {second}. A smaller filings.test_fraction leaves more train prompts."
