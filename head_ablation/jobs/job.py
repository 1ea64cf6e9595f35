"""A GPU job: what it computes, what it may take, and its result from the store or computed once for all.

No torch is imported before something has to be computed.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from head_ablation.common.progress import FROM_STORE
from head_ablation.jobs.gpu_locks import claim_gpus
from head_ablation.jobs.protocol import Protocol
from head_ablation.jobs.store import Entry, Store
from head_ablation.jobs.work import LevelWork, ScoringWork
from head_ablation.prompts.prompt import Prompt

if TYPE_CHECKING:
    from head_ablation.engine.runner import Runner


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """No search for reference cycles within a block. What torch and transformers define when they are imported stays:
    Python searches it in vain, for an eighth of the time that the imports take."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True)
class Resources:
    """What a job may take; no part of the protocol.

    Attributes:
        threads: CPU threads.
        gpus: GPUs.
        minutes: when the job will be ended, if it has not by then.
    """

    threads: int
    gpus: int
    minutes: float


@dataclass(frozen=True)
class Job:
    """Work, and where it is done and kept.

    Attributes:
        work: what is computed.
        store: where results are kept.
        resources: what the job may take.
    """

    work: LevelWork | ScoringWork
    store: Store
    resources: Resources

    @cached_property
    def runner(self) -> Runner:
        """The loaded model."""
        with collector_at_rest():
            from head_ablation.engine.runner import Runner

        resources = self.resources
        return Runner(self.work.pointer, self.work.settings.run, resources.threads, resources.gpus)

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
            compute: makes and keeps it; called with a GPU held and the protocol claimed.
            write: takes the result as soon as it is there.
            go_on: takes it too, with the GPU still held, if it was computed here.
        """
        while (entry := self.store.find(protocol)) is None:
            with claim_gpus(self.resources.gpus, self.work.settings.run.device):
                with self.store.claim(protocol) as mine:
                    made = compute() if mine and not self.store.find(protocol) else None
                    if made:
                        write(made)
                if made:
                    go_on(made)
                    return
            if not mine:
                say("another job is computing this; waiting for it")
                self.store.wait(protocol)
        say(f"{FROM_STORE}{self.store.entry_file(protocol)}")
        write(entry)


@dataclass(frozen=True)
class LevelJob(Job):
    """The job of one level, and of the rest of its sweep.

    Attributes:
        prompts: the experiment's test prompts.
    """

    work: LevelWork
    prompts: Sequence[Prompt]


@dataclass(frozen=True)
class ScoringJob(Job):
    """The job that scores heads."""

    work: ScoringWork


def say(message: str) -> None:
    """Says something in the job's log."""
    print(message, file=sys.stderr, flush=True)
