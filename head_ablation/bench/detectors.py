"""What detectors cost: prompts scored by several of them in one pass, and by the copy score alone, in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from head_ablation.bench.table import Row
from head_ablation.detectors import DETECTORS
from head_ablation.detectors.detector import Reading
from head_ablation.detectors.passes import Chosen, score_prompts
from head_ablation.detectors.settings import DetectorChoice
from head_ablation.engine.runner import Runner
from head_ablation.jobs.work import ScoringWork
from head_ablation.models.pointer import Pointer
from head_ablation.prompts.prompt import Prompt, read_prompts
from head_ablation.study.settings import score_settings
from head_ablation.study.study import Study


def measure_detectors(
    study: Study,
    model: str,
    question: str,
    tokens: int,
    count: int,
    detectors: Sequence[str],
    repeats: int,
    threads: int,
) -> Iterator[Row]:
    """The seconds of processor time that detectors take, and their ratio to the copy score's in the same run.

    Args:
        study: whose train prompts, made before, are read.
        model, question, tokens: the experiment.
        count: so many prompts are read.
        detectors: those that are measured together.
        repeats: the median of so many turns.
        threads: CPU threads.
    """
    pointer = Pointer.read(f"{study.paths.results}/models/{model}/model.json")
    prompts = read_prompts(f"{study.folder}/prompts/{model}/{question}/tokens_{tokens}.train.jsonl")
    settings = replace(score_settings(study, model, question), detectors=(), prompts=count)
    work = ScoringWork.of(pointer, prompts, settings)
    runner = Runner(pointer, work.settings.run, threads)
    reading = Reading(runner.model, runner.tokenizer, work.settings)
    ways = {"the copy score alone": ["copy_score"], "these detectors": list(detectors)}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    _seconds(reading, work.watched[:1], list(detectors))  # imports, and memory that is taken once
    for _ in range(repeats):
        for name, chosen in ways.items():
            seconds[name].append(_seconds(reading, work.watched, chosen))
    alone, together = (statistics.median(taken) for taken in seconds.values())
    ratio = statistics.median(b / a for a, b in zip(*seconds.values(), strict=True))
    yield f"copy_score, seconds, {len(work.watched)} prompts of {tokens:,} tokens", alone, ""
    yield f"{', '.join(detectors)}: seconds", together, ""
    yield "these / copy_score alone", ratio, "<= 1.5 without passes of their own"


def _seconds(reading: Reading, prompts: Sequence[Prompt], detectors: Sequence[str]) -> float:
    choices = [DetectorChoice(name, {}) for name in detectors]
    chosen = [Chosen(DETECTORS[one.name], DETECTORS.chosen_options(one.name, one.options)) for one in choices]
    start = time.process_time()
    for _ in score_prompts(reading, prompts, chosen):
        pass
    return time.process_time() - start
