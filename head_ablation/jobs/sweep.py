"""The job of one level. A level job that must load the model works ahead through its sweep.

Loading a model takes longer than one level needs. So the job makes its own level first, and then the conditions of the
same experiment that the store lacks and nobody has claimed. Their own jobs then find them in the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from head_ablation.common.files import write_json
from head_ablation.common.problems import OutOfMemoryError, StudyError
from head_ablation.common.provenance import Stopwatch, provenance
from head_ablation.heads.head import HeadSet
from head_ablation.heads.head_sets import current_head_sets
from head_ablation.jobs.job import LevelJob, say
from head_ablation.jobs.protocol import protocol_digest
from head_ablation.jobs.store import Entry

MARGIN = 1.5  # work ahead only if a condition this much slower than the slowest so far would still be in time


def make_level(job: LevelJob, heads: HeadSet, output: Path, provenance_file: Path, indexes: str) -> None:
    """Writes the generation file of one condition; works ahead through the sweep if that took loading the model.

    Args:
        job: model, test prompts and settings.
        heads: the condition's.
        output: the generation file.
        provenance_file: what varies between runs goes here.
        indexes: a pattern for the index files of all methods' head sets of this experiment: the sweep.

    Raises:
        StudyError: the condition cannot be computed; said after the others have been, as far as they can.
    """
    sweep, watch = Sweep(job, indexes), Stopwatch()

    def compute() -> Entry:
        try:
            return sweep.compute(heads, name=str(output.with_suffix("")))
        except OutOfMemoryError:  # as the others would be
            raise
        except StudyError:
            if "runner" in vars(job):  # the model is loaded, and may serve the others
                work_ahead(sweep, watch, slowest=0)
            raise

    def write(entry: Entry) -> None:
        write_json(provenance_file, entry.provenance)
        write_json(output, sweep.generation(entry))

    job.obtain(
        job.work.protocol(heads),
        compute=compute,
        write=write,
        go_on=lambda entry: work_ahead(sweep, watch, entry.provenance["seconds"]["run"]),
    )


@dataclass(frozen=True)
class Sweep:
    """All conditions of one experiment: the same model, prompts and settings, different heads.

    Attributes:
        job: model, test prompts and settings.
        indexes: a pattern for the index files of all methods' head sets.
    """

    job: LevelJob
    indexes: str

    def generation(self, entry: Entry) -> dict[str, Any]:
        """The content of a generation file."""
        return {**self.job.work.protocol(HeadSet.parse(entry.protocol["heads"])), "generations": entry.content}

    def compute(self, heads: HeadSet, name: str) -> Entry:
        """Computes one condition and keeps it; `name` is said in progress and errors."""
        job = self.job
        answers, facts = job.runner.answer(job.prompts, heads, job.work.settings.ablation, name)
        return job.store.add(Entry(job.work.protocol(heads), answers, provenance(**facts)))

    def unclaimed(self) -> Iterator[tuple[str, HeadSet]]:
        """The conditions that the store lacks, each claimed while it is out; the study may change meanwhile."""
        seen: set[str] = set()
        protocol_of = self.job.work.protocol
        while ahead := [item for item in self._conditions() if protocol_digest(protocol_of(item[1])) not in seen]:
            name, heads = ahead[0]
            protocol = protocol_of(heads)
            seen.add(protocol_digest(protocol))
            with self.job.store.claim(protocol) as mine:
                if mine and not self.job.store.find(protocol):
                    yield name, heads

    def _conditions(self) -> Iterator[tuple[str, HeadSet]]:
        yield "baseline", HeadSet(())
        yield from current_head_sets(self.indexes)


def work_ahead(sweep: Sweep, watch: Stopwatch, slowest: float) -> None:
    """Computes, for the store, what it lacks of the sweep; a condition that fails is left to its own job.

    Args:
        sweep: the sweep.
        watch: started with the job, whose time limit is kept.
        slowest: seconds that the slowest condition has taken so far.
    """
    for name, heads in sweep.unclaimed():
        if watch.seconds + MARGIN * slowest > 60 * sweep.job.resources.minutes:
            say("no time is left to work ahead")
            return
        started = watch.seconds
        try:
            sweep.compute(heads, f"ahead, {name}")
        except StudyError as error:
            say(f"{error}\nThis is left to its own job.")
        slowest = max(slowest, watch.seconds - started)
