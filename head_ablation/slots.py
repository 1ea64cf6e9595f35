"""Cards: jobs of one machine never share one, unless their config pins it (device: cuda:N) or asks for none (gpu: 0).

Each card is a lock file that a job holds while it computes; the kernel frees it when the job ends, however it ends.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path

from filelock import FileLock, Timeout

from head_ablation.problems import StudyError

VISIBLE = "CUDA_VISIBLE_DEVICES"
POLL_SECONDS = 0.5


@contextmanager
def claim_cards(count: int, device: str) -> Iterator[list[str]]:
    """Holds `count` of the visible cards, and shows this process no others; waits until they are free.

    Args:
        count: cards that the job takes.
        device: the config's; a pinned `cuda:N` is taken as it is.

    Raises:
        StudyError: there are fewer cards than that, at all; without any, only `device: auto` is refused, which would
            go on for days on the CPU.
    """
    cards = [] if count == 0 or device.startswith("cuda:") else visible_cards()
    if not cards:
        if count and device == "auto":
            _refuse_the_cpu(count)
        yield []
        return
    if count > len(cards):
        seen = f"{len(cards)} are visible ({', '.join(cards)})"
        raise StudyError(f"the job takes {count} cards, {seen}; lower the model's `gpu`")
    with ExitStack() as held:
        mine = _wait_for(cards, count, held)
        before = os.environ.get(VISIBLE)
        os.environ[VISIBLE] = ",".join(mine)
        try:
            yield mine
        finally:
            _restore(before)


def _refuse_the_cpu(count: int) -> None:
    import torch

    if not torch.backends.mps.is_available():
        raise StudyError(f"the job takes {count} cards, none is visible; set the model's `gpu: 0` to use the CPU")


def visible_cards() -> list[str]:
    """The entries of CUDA_VISIBLE_DEVICES if it is set (as by SLURM), else the numbers of the cards torch sees."""
    if VISIBLE in os.environ:
        return [card.strip() for card in os.environ[VISIBLE].split(",") if card.strip()]
    import torch

    return [str(card) for card in range(torch.cuda.device_count())]


def _wait_for(cards: list[str], count: int, held: ExitStack) -> list[str]:
    """The first cards that are free; all of them at once or none, so that two jobs cannot wait for each other."""
    told = False
    while True:
        with ExitStack() as attempt:
            mine = list(islice((card for card in cards if _try(card, attempt)), count))
            if len(mine) == count:
                held.enter_context(attempt.pop_all())
                return mine
        if not told:
            print(f"cards {', '.join(cards)} are taken; waiting for {count}", file=sys.stderr)
            told = True
        time.sleep(POLL_SECONDS)


def _try(card: str, held: ExitStack) -> bool:
    lock = FileLock(_folder() / f"{card.replace('/', '_')}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    held.callback(lock.release)
    return True


def _folder() -> Path:
    """Of this machine, user and SLURM job: SLURM numbers the cards of every job from 0."""
    job = os.environ.get("SLURM_JOB_ID", "machine")
    folder = Path(tempfile.gettempdir()) / f"head-ablation-cards-{os.getuid()}" / job
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _restore(before: str | None) -> None:
    if before is None:
        os.environ.pop(VISIBLE, None)
    else:
        os.environ[VISIBLE] = before
