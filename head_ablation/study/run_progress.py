"""How far a whole run is: the prompts that its jobs have asked a model, of all that they must ask, and the time left.

Jobs tell their logs how many prompts they have read (`common/progress.py`), those that they read ahead for other jobs
too. Logs lie in the study's folder, wherever a job runs, so that reading them takes no other channel: a job that was
killed leaves what it had told, and a cluster's node needs nothing but that folder. What a job takes from the store
without this run having computed it is no part of the total, from when the job has said so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

from head_ablation.common.files import read_jsonl
from head_ablation.common.problems import StudyError
from head_ablation.common.progress import FROM_STORE, prompts_read
from head_ablation.prompts.prompt import COUNTED
from head_ablation.study.closing_words import State
from head_ablation.study.study import Study

SECONDS, QUIET_SECONDS = 30, 300  # between two lines on a terminal, and elsewhere
AHEAD = "ahead, "


@dataclass(frozen=True)
class Asking:
    """A job that asks a model.

    Attributes:
        log: below `logs/`, in the layout of the results: `generations/wu24/smollm2/inc_year/tokens_384/top-5.log`.
        prompts: the file of its prompts.
        count: which of them it asks, one of `COUNTED`.
        most: how many of these; None if all.
    """

    log: Path
    prompts: Path
    count: str = COUNTED[0]
    most: int | None = None


def asking_jobs(study: Study, jobs: Iterable[Any]) -> Iterator[Asking]:
    """The jobs that ask a model, of Snakemake's."""
    logs, config = Path(study.folder, "logs"), study.config
    for job in jobs:
        log = Path(str(job.log[0])) if job.log else logs
        kind, *_ = [*(log.relative_to(logs).parts if log.is_relative_to(logs) else ()), ""]
        if kind == "generations":
            yield Asking(log, Path(job.input.prompts), config["scoring"]["count"])
        elif kind == "scores":
            yield Asking(log, Path(job.input.prompts), most=config["detection"]["prompts"])


@dataclass(frozen=True)
class Far:
    """How far a run is.

    Attributes:
        asked, total: prompts.
        is_known: whether the prompts of all jobs are there to be counted.
        share: of the tokens that the run must read, those that are read.
    """

    asked: int
    total: int
    is_known: bool
    share: float


class RunProgress:
    """Follows the logs of a run.

    Args:
        logs: `results/{study}/logs/`.
        before: the logs' state when the run began; what is older is of another run.
        jobs: gives the jobs that ask a model, as far as they are known by now.
    """

    def __init__(self, logs: Path, before: State, jobs: Callable[[], Iterable[Asking]]):
        self._logs, self._before, self._jobs = logs, before, jobs
        self._planned: dict[Path, Asking] = {}
        self._seen: dict[Path, tuple[int, int]] = {}
        self._asked: dict[Path, int] = {}  # of each job's prompts, by whichever job
        self._stored: set[Path] = set()
        self._counts: dict[tuple[Path, str], int] = {}
        self._began = time.monotonic()

    def look(self) -> Far:
        """Reads what the logs say since the last look."""
        self._planned |= {job.log: job for job in self._jobs()}
        for log in self._planned:
            self._follow(log)
        counts = {log: self._count(job) for log, job in self._planned.items()}
        due = {log: n for log, n in counts.items() if n is not None and (log not in self._stored or log in self._asked)}
        asked = {log: min(self._asked.get(log, 0), n) for log, n in due.items()}
        weight = sum(n * _tokens(log) for log, n in due.items())
        read = sum(n * _tokens(log) for log, n in asked.items())
        return Far(sum(asked.values()), sum(due.values()), None not in counts.values(), read / weight if weight else 0)

    def line(self) -> str:
        """How far the run is, in words; empty as long as nothing was asked."""
        far = self.look()
        if not far.asked:
            return ""
        if not far.is_known:
            return f"prompts: {far.asked:,} of at least {far.total:,} asked"
        left = f", about {duration(self._elapsed * (1 - far.share) / far.share)} left" if far.share < 1 else ""
        return f"prompts: {far.asked:,} of {far.total:,} asked{left}"

    def last_line(self) -> str:
        """How far the run came; empty if nothing was asked."""
        far = self.look()
        return f"prompts: {far.asked:,} of {far.total:,} asked in {duration(self._elapsed)}" if far.asked else ""

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _follow(self, log: Path) -> None:
        try:
            found = log.stat()
            state = (found.st_mtime_ns, found.st_size)
            if state in (self._before.get(log), self._seen.get(log)):
                return
            text = log.read_text(encoding="utf-8", errors="replace")
        except OSError:  # not there, or being made anew
            return
        self._seen[log] = state
        if FROM_STORE in text:
            self._stored.add(log)
        for name, read in prompts_read(text).items():
            target = self._owner(log, name)
            self._asked[target] = max(self._asked.get(target, 0), read)

    def _owner(self, log: Path, name: str) -> Path:
        """The log of the job whose prompts are meant: those of another condition if they are read ahead for it."""
        if not name.startswith(AHEAD):
            return log
        kind, _, *experiment = log.relative_to(self._logs).with_suffix("").parts[:5]
        method, _, condition = name.removeprefix(AHEAD).partition("/")
        return self._logs.joinpath(kind, method, *experiment, *([condition] if condition else [])).with_suffix(".log")

    def _count(self, job: Asking) -> int | None:
        """How many prompts a job asks; None as long as they are not made."""
        key = (job.prompts, job.count)
        if key not in self._counts:
            try:
                rows = read_jsonl(job.prompts)
            except StudyError:
                return None
            self._counts[key] = sum(row.get("answerable", True) or job.count == "all" for row in rows)
        found = self._counts[key]
        return found if job.most is None else min(found, job.most)


def _tokens(log: Path) -> int:
    """The prompt length that a log's path tells: a longer prompt takes longer."""
    return next(int(part.removeprefix("tokens_")) for part in log.with_suffix("").parts if part.startswith("tokens_"))


def duration(seconds: float) -> str:
    """A time as people say it, of two units at most."""
    minutes, hours = round(seconds / 60), seconds / 3600
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if hours < 48 else f"{hours / 24:.1f} days"


class Printer:
    """Says now and then how far a run is, in a thread of its own, and once more at the end.

    Args:
        progress: of the run.
        say: takes a line.
        seconds: between two lines.
    """

    def __init__(self, progress: RunProgress, say: Callable[[str], None], seconds: float):
        self._progress, self._say, self._seconds = progress, say, seconds
        self._ended = Event()
        self._thread = Thread(target=self._run, daemon=True)  # which no kill waits for
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and says how far the run came."""
        self._ended.set()
        self._thread.join()
        self._say_all([self._progress.last_line()])

    def _run(self) -> None:
        self._say_all(self._lines())

    def _lines(self) -> Iterator[str]:
        said = ""
        while not self._ended.wait(self._seconds):
            line = self._progress.line()
            if line != said:
                yield line
            said = line

    def _say_all(self, lines: Iterable[str]) -> None:
        for line in filter(None, lines):
            self._say(line)
