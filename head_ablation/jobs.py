"""The GPU jobs: the generations of one level, a detected ranking. Each from the store, or computed once for all.

Loading a model takes longer than one level needs. So a level job that must load it makes its own level first and then
works ahead through the sweep: the conditions of the same experiment that the store lacks and nobody has claimed.
Their own jobs then find them in the store. No torch is imported before something has to be computed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from head_ablation.files import write_json
from head_ablation.head_sets import current_head_sets
from head_ablation.heads import HeadSet
from head_ablation.memory import Load, settle
from head_ablation.model_sources import Pointer
from head_ablation.problems import OutOfMemoryError, StudyError
from head_ablation.prompts import Prompt, prompts_digest, read_prompts
from head_ablation.protocol import Protocol, detection_protocol, generation_protocol, protocol_digest
from head_ablation.provenance import Stopwatch, provenance
from head_ablation.slots import claim_cards
from head_ablation.store import Entry, Store

if TYPE_CHECKING:
    from head_ablation.runs import Runner

MARGIN = 1.5  # work ahead only if a condition this much slower than the slowest so far would still be in time


@dataclass(frozen=True)
class Place:
    """What a job may take; no part of the protocol.

    Attributes:
        threads: CPU threads.
        gpus: cards.
        minutes: when the job will be ended, if it has not by then.
    """

    threads: int
    gpus: int
    minutes: float


@dataclass(frozen=True)
class Job:
    """A model, prompts and settings, and where the work is done and kept.

    Attributes:
        pointer: the model.
        prompts: of one experiment.
        settings: the study's generation or detection settings.
        store: where results are kept.
        place: what the job may take.
    """

    pointer: Pointer
    prompts: Sequence[Prompt]
    settings: Mapping[str, Any]
    store: Store
    place: Place

    @classmethod
    def of(cls, pointer: str, prompts: str, settings: Mapping[str, Any], store: Store, place: Place) -> Job:
        """From the files of model and prompts, with a batch size that the place's memory has room for.

        Raises:
            StudyError: there is no room for one prompt.
        """
        model, asked = Pointer.read(pointer), read_prompts(prompts)
        return cls(model, asked, settle(settings, model.name, model.size, Load.of(asked)), store, place)

    @cached_property
    def runner(self) -> Runner:
        """The loaded model."""
        from head_ablation.runs import Runner

        return Runner(self.pointer, self.settings, self.place.threads)

    def obtain(
        self,
        protocol: Protocol,
        compute: Callable[[], Entry],
        write: Callable[[Entry], None],
        go_on: Callable[[Entry], None] = lambda _: None,
    ) -> None:
        """Writes the store's result for a protocol; computes it if it is not there and nobody else does.

        Args:
            protocol: what decides the result.
            compute: makes and keeps it; called with a card held and the protocol claimed.
            write: takes the result as soon as it is there.
            go_on: takes it too, with the card still held, if it was computed here.
        """
        while (entry := self.store.find(protocol)) is None:
            with claim_cards(self.place.gpus, self.settings["device"]):
                with self.store.claim(protocol) as mine:
                    made = compute() if mine and not self.store.find(protocol) else None
                    if made:
                        write(made)
                if made:
                    go_on(made)
                    return
            if not mine:
                _say("another job is computing this; waiting for it")
                self.store.wait(protocol)
        _say(f"from the store: {self.store.entry_file(protocol)}")
        write(entry)


def make_ranking(job: Job, identity: Mapping[str, Any], output: Path) -> None:
    """Writes the ranking of all heads by what they copy on the job's first answerable prompts.

    Args:
        job: model, train prompts and detection settings.
        identity: what the ranking file says it ranks.
        output: the ranking file.

    Raises:
        StudyError: no prompt was answered correctly, or the model cannot be run.
    """
    watched = watched_prompts(job.prompts, job.settings)
    protocol = detection_protocol(job.pointer, watched, job.settings)

    def compute() -> Entry:
        ranking, facts = job.runner.rank(watched)
        return job.store.add(Entry(protocol, ranking, provenance(**facts)))

    job.obtain(protocol, compute, write=lambda entry: write_json(output, {**identity, **entry.content}))


def watched_prompts(prompts: Sequence[Prompt], settings: Mapping[str, Any]) -> list[Prompt]:
    """The prompts that heads are ranked on: the first answerable ones."""
    return [prompt for prompt in prompts if prompt.answerable][: settings["prompts"]]


def make_level(job: Job, heads: HeadSet, output: Path, provenance_file: Path, indexes: str) -> None:
    """Writes the generation file of one condition; works ahead through the sweep if that took loading the model.

    Args:
        job: model, test prompts and generation settings.
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
        sweep.protocol(heads),
        compute=compute,
        write=write,
        go_on=lambda entry: work_ahead(sweep, watch, entry.provenance["seconds"]["run"]),
    )


@dataclass(frozen=True)
class Sweep:
    """All conditions of one experiment: the same model, prompts and settings, different heads.

    Attributes:
        job: model, test prompts and generation settings.
        indexes: a pattern for the index files of all methods' head sets.
    """

    job: Job
    indexes: str

    @cached_property
    def prompts_sha256(self) -> str:
        """The digest of the prompts."""
        return prompts_digest(self.job.prompts)

    def protocol(self, heads: HeadSet) -> Protocol:
        """What decides the generations of one condition."""
        return generation_protocol(self.job.pointer, self.prompts_sha256, heads, self.job.settings)

    def generation(self, entry: Entry) -> dict[str, Any]:
        """The content of a generation file."""
        answers = zip(self.job.prompts, entry.content, strict=True)
        named = [{"filename": prompt.filename, **answer} for prompt, answer in answers]
        return {**self.protocol(HeadSet.parse(entry.protocol["heads"])), "generations": named}

    def compute(self, heads: HeadSet, name: str) -> Entry:
        """Computes one condition and keeps it; `name` is said in progress and errors."""
        answers, facts = self.job.runner.answer(self.job.prompts, heads, name)
        return self.job.store.add(Entry(self.protocol(heads), answers, provenance(**facts)))

    def unclaimed(self) -> Iterator[tuple[str, HeadSet]]:
        """The conditions that the store lacks, each claimed while it is out; the study may change meanwhile."""
        seen: set[str] = set()
        while ahead := [item for item in self._conditions() if protocol_digest(self.protocol(item[1])) not in seen]:
            name, heads = ahead[0]
            protocol = self.protocol(heads)
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
        if watch.seconds + MARGIN * slowest > 60 * sweep.job.place.minutes:
            _say("no time is left to work ahead")
            return
        started = watch.seconds
        try:
            sweep.compute(heads, f"ahead, {name}")
        except StudyError as error:
            _say(f"{error}\nThis is left to its own job.")
        slowest = max(slowest, watch.seconds - started)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
