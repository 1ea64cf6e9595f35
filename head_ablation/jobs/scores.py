"""The job that scores heads: what the store has is taken from there, the rest is computed in as few passes as it takes.

Scores are kept by prompt and detector. So a new detector computes only itself, one more prompt only its own scores,
and a kill loses at most the batch in flight.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from head_ablation.common.files import write_json
from head_ablation.common.progress import FROM_STORE
from head_ablation.common.provenance import Stopwatch, provenance
from head_ablation.detectors import DETECTORS
from head_ablation.detectors.detector import Reading
from head_ablation.detectors.passes import Chosen, Scored, score_prompts
from head_ablation.detectors.scores import UnitScores, write_scores
from head_ablation.jobs.gpu_locks import claim_gpus
from head_ablation.jobs.job import ScoringJob, say
from head_ablation.jobs.protocol import protocol_digest, scoring_claim
from head_ablation.jobs.store import Entry
from head_ablation.jobs.work import Unit
from head_ablation.prompts.prompt import Prompt


def make_scores(job: ScoringJob, output: Path, index: Path) -> None:
    """Writes the scores of all heads on the train prompts, by every detector.

    Args:
        job: model, train prompts and detectors.
        output: the parquet file.
        index: says which entries of the store the scores are in.

    Raises:
        StudyError: the model cannot be run, or a detector cannot score it.
    """
    entries = _entries(job)
    choices = job.work.settings.detectors
    found: list[list[UnitScores]] = [[] for _ in choices]
    for unit, entry in zip(job.work.units, entries, strict=True):
        found[unit.detector] += [UnitScores.from_json(one) for one in entry.content["units"]]
    write_json(index, {"entries": [protocol_digest(unit.protocol) for unit in job.work.units]})
    write_scores(output, job.work.pointer.shape.all_heads(), zip(choices, found, strict=True))


def _entries(job: ScoringJob) -> list[Entry]:
    """The store's entries of all units; computes those that are not there, unless somebody else does."""
    claim = scoring_claim(job.work.pointer, job.work.watched)
    units = job.work.units
    found = [job.store.find(unit.protocol) for unit in units]
    if None not in found:
        say(f"{FROM_STORE}all {len(units)} scores")
    while missing := [unit for unit, entry in zip(units, found, strict=True) if entry is None]:
        with claim_gpus(job.resources.gpus, job.work.settings.run.device), job.store.claim(claim) as mine:
            if mine:
                say(f"{len(units) - len(missing)} of {len(units)} scores are in the store")
                _compute(job, missing)
        if not mine:
            say("another job is scoring this model on these prompts; waiting for it")
            job.store.wait(claim)
        found = [job.store.find(unit.protocol) for unit in units]
    return [entry for entry in found if entry is not None]


def _compute(job: ScoringJob, missing: Sequence[Unit]) -> None:
    """Scores what is missing: for all that watch in one pass, then for each detector that reads by itself."""
    names = [choice.name for choice in job.work.settings.detectors]
    apart = {place for place, name in enumerate(names) if DETECTORS[name].measure}
    lacks: dict[str | None, list[Unit]] = {}
    for unit in missing:
        if unit.detector not in apart:
            lacks.setdefault(_filename(unit), []).append(unit)
    alike: dict[tuple[int, ...], list[list[Unit]]] = {}
    for units in lacks.values():
        alike.setdefault(tuple(unit.detector for unit in units), []).append(units)
    for place in sorted(apart & {unit.detector for unit in missing}):
        alike[(place,)] = [[unit] for unit in missing if unit.detector == place]
    for detectors, groups in alike.items():
        _score(job, detectors, groups)


def _score(job: ScoringJob, detectors: Sequence[int], groups: Sequence[Sequence[Unit]]) -> None:
    """Scores prompts by detectors, and keeps each as soon as it is known; a group has all units of one prompt."""
    runner, watch, settings = job.runner, Stopwatch(), job.work.settings
    choices = [settings.detectors[place] for place in detectors]
    chosen = [Chosen(DETECTORS[one.name], DETECTORS.chosen_options(one.name, one.options)) for one in choices]
    prompts = [units[0].prompt for units in groups]
    reading = Reading(runner.model, runner.tokenizer, settings)
    waiting = {(place, _filename(unit)): unit.protocol for units in groups for place, unit in enumerate(units)}
    with runner.reading(len(prompts), ", ".join(one.name for one in choices)) as bar:
        read = score_prompts(reading, [prompt for prompt in prompts if prompt], chosen, bar.update)
        for place, units in _by_entry(read, chosen):
            key = (place, units[0].unit if chosen[place].detector.reads_prompts else None)
            facts = provenance(**runner.facts(watch))
            job.store.add(Entry(waiting[key], {"units": [unit.to_json() for unit in units]}, facts))
            _say_answer(units, prompts)


def _filename(unit: Unit) -> str | None:
    return unit.prompt.filename if unit.prompt else None


def _by_entry(read: Iterator[Scored], chosen: Sequence[Chosen]) -> Iterator[tuple[int, list[UnitScores]]]:
    """Each prompt's scores by a detector; of a detector that reads no prompts, those of all draws together."""
    draws: dict[int, list[UnitScores]] = {}
    for scored in read:
        unit = UnitScores.of(scored)
        if chosen[scored.chosen].detector.reads_prompts:
            yield scored.chosen, [unit]
        else:
            draws.setdefault(scored.chosen, []).append(unit)
    yield from draws.items()


def _say_answer(units: Sequence[UnitScores], prompts: Sequence[Prompt | None]) -> None:
    for unit in units:
        gold = next((prompt.gold for prompt in prompts if prompt and prompt.filename == unit.unit), None)
        if unit.answer is not None and gold is not None:
            print(f"{unit.unit}: gold {gold!r}, answer {unit.answer!r}", file=sys.stderr)
