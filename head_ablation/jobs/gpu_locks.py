"""GPUs: jobs of one machine never share one, unless their config pins it (device: cuda:N) or asks for none (gpu: 0).

Each GPU is a lock file that a job holds while it computes; the kernel frees it when the job ends, however it ends.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice, takewhile
from pathlib import Path
from typing import NoReturn

from filelock import FileLock, Timeout

from head_ablation.common.problems import Problem, StudyError

VISIBLE = "CUDA_VISIBLE_DEVICES"
KINDS = ("GPU-", "MIG-")  # how names of GPUs, and of parts of them, begin
POLL_SECONDS = 0.5


@contextmanager
def claim_gpus(count: int, device: str) -> Iterator[list[str]]:
    """Holds `count` of the visible GPUs, and shows this process no others; waits until they are free.

    Args:
        count: GPUs that the job takes.
        device: the config's; a pinned `cuda:N` is taken as it is.

    Raises:
        StudyError: a GPU is named twice, or fewer are visible than requested; without any, only `device: auto` is
            refused, which would go on for days on the CPU.
    """
    gpus = [] if count == 0 or device.startswith("cuda:") else visible_gpus()
    if not gpus:
        if count and device == "auto":
            _refuse_the_cpu(count)
        yield []
        return
    if count > len(gpus):
        seen = f"{len(gpus)} are visible ({', '.join(gpus)})"
        raise StudyError(f"the job takes {count} GPUs, {seen}; lower the model's `gpu`")
    with ExitStack() as held:
        mine = _wait_for(gpus, count, held)
        before = os.environ.get(VISIBLE)
        os.environ[VISIBLE] = ",".join(mine)
        try:
            yield mine
        finally:
            _restore(before)


def _refuse_the_cpu(count: int) -> None:
    import torch

    if not torch.backends.mps.is_available():
        raise StudyError(f"the job takes {count} GPUs, none is visible; set the model's `gpu: 0` to use the CPU")


def visible_gpus() -> list[str]:
    """The GPUs that CUDA_VISIBLE_DEVICES names, if it is set (as by SLURM), else the numbers of those torch sees."""
    if VISIBLE in os.environ:
        return _named_gpus(os.environ[VISIBLE])
    import torch

    return [str(gpu) for gpu in range(torch.cuda.device_count())]


def _named_gpus(value: str) -> list[str]:
    """The GPUs of a value of CUDA_VISIBLE_DEVICES as CUDA reads it: none from the first entry on that names no GPU.

    Entries are numbers, or all are names of the kind of the first one (GPU-..., MIG-...). Source: CUDA C++ Programming
    Guide, "CUDA Environment Variables".

    Raises:
        StudyError: a GPU is named twice; CUDA sees none then.
    """
    kind = next((kind for kind in KINDS if value.strip().startswith(kind)), "")
    entry = re.compile(rf"{kind}\S+" if kind else r"\+?0*(\d+)")
    matches = (entry.match(part.strip()) for part in value.split(","))
    gpus = [match[0] if kind else match[1] for match in takewhile(bool, matches) if match]
    repeated = sorted(gpu for gpu, count in Counter(gpus).items() if count > 1)
    if repeated:
        raise StudyError(f"{VISIBLE}={value} names {', '.join(repeated)} twice; CUDA sees no GPU then. Name each once")
    return gpus


def _wait_for(gpus: list[str], count: int, held: ExitStack) -> list[str]:
    """The first GPUs that are free; all of them at once or none, so that two jobs cannot wait for each other."""
    told = False
    while True:
        with ExitStack() as attempt:
            mine = list(islice((gpu for gpu in gpus if _try(gpu, attempt)), count))
            if len(mine) == count:
                held.enter_context(attempt.pop_all())
                return mine
        if not told:
            print(f"GPUs {', '.join(gpus)} are taken; waiting for {count}", file=sys.stderr)
            told = True
        time.sleep(POLL_SECONDS)


def _try(gpu: str, held: ExitStack) -> bool:
    lock = FileLock(_folder() / f"{gpu.replace('/', '_')}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    held.callback(lock.release)
    return True


def _folder() -> Path:
    """Of this machine, user and SLURM job: SLURM numbers the GPUs of every job from 0."""
    job = os.environ.get("SLURM_JOB_ID")
    name = f"job-{job.replace('/', '_')}" if job else "machine"
    users = _own_folder(Path(tempfile.gettempdir()) / f"head-ablation-gpus-{os.getuid()}")
    return _own_folder(users / name)


def _own_folder(folder: Path) -> Path:
    """The folder, made if it is not there, closed to other users: who can open a lock can hold it for ever.

    Raises:
        StudyError: something else has its name, or another user owns it.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            _refuse_folder(folder, "something that is no folder")
        if found.st_uid != os.getuid():
            _refuse_folder(folder, f"a folder of the user with number {found.st_uid}")
        if stat.S_IMODE(found.st_mode) != 0o700:
            folder.chmod(0o700)
    except OSError as error:
        _refuse_folder(folder, f"what cannot be used as a folder ({error.strerror})")
    return folder


def _refuse_folder(folder: Path, found: str) -> NoReturn:
    wanted = "a folder of your own, for the locks of this machine's GPUs"
    fix = "Remove it, or let TMPDIR name a folder of your own, the same for all jobs of this machine."
    raise StudyError([Problem(folder, "GPU locks", found, wanted, fix)])


def _restore(before: str | None) -> None:
    if before is None:
        os.environ.pop(VISIBLE, None)
    else:
        os.environ[VISIBLE] = before
