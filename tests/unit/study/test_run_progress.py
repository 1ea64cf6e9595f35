"""How far a run is: prompts asked of all, from the logs of its jobs, whoever asked them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest

from head_ablation.common.files import write_jsonl, write_text
from head_ablation.common.progress import FROM_STORE, progress, prompts_read
from head_ablation.study import run_progress
from head_ablation.study.closing_words import log_state
from head_ablation.study.run_progress import Asking, Printer, RunProgress, asking_jobs, duration

EXPERIMENT = "tiny/inc_year/tokens_100"
BASELINE = f"generations/baseline/{EXPERIMENT}.log"
CONDITIONS = [f"generations/wu24/{EXPERIMENT}/{name}.log" for name in ("top-5", "top-10", "random-5-0")]
PROMPTS = 10


class Run:
    """A study's logs and prompts, and the jobs that are planned."""

    def __init__(self, folder: Path, logs: Iterable[str] = (BASELINE, *CONDITIONS)):
        self.logs, self.prompts = folder / "logs", folder / "prompts.jsonl"
        self.jobs = [Asking(self.logs / log, self.prompts) for log in logs]
        write_jsonl(self.prompts, [{"answerable": place < PROMPTS} for place in range(PROMPTS + 2)])

    def say(self, log: str, *lines: str) -> None:
        write_text(self.logs / log, "".join(f"{line}\n" for line in lines))

    def progress(self) -> RunProgress:
        return RunProgress(self.logs, log_state([self.logs]) if self.logs.is_dir() else {}, lambda: self.jobs)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def read(name: str, number: int) -> str:
    return f"{name}: {number}/{PROMPTS} prompts read,  0.50 prompts/s, 00:10 left"


def far(progress: RunProgress) -> tuple[int, int]:
    found = progress.look()
    return found.asked, found.total


def test_prompts_are_counted_over_all_jobs_those_read_ahead_too(run: Run) -> None:
    progress = run.progress()
    assert far(progress) == (0, 40)
    run.say(CONDITIONS[0], read("results/tiny/top-5", 4), read("results/tiny/top-5", 10), read("ahead, baseline", 10))
    run.say(CONDITIONS[1], read("results/tiny/top-10", 3))
    assert far(progress) == (23, 40)
    run.say(BASELINE, f"{FROM_STORE}entry.json")  # where the first job had put it
    assert far(progress) == (23, 40)


def test_what_the_store_had_before_is_no_part_of_the_total(run: Run) -> None:
    progress = run.progress()
    run.say(CONDITIONS[2], f"{FROM_STORE}entry.json")
    run.say(CONDITIONS[1], read("results/tiny/top-10", 10))
    assert far(progress) == (10, 30)


def test_prompts_stay_asked_when_a_job_starts_again_and_its_log_is_lost(run: Run) -> None:
    progress = run.progress()
    run.say(
        CONDITIONS[0], read("results/tiny/top-5", 10), read("ahead, wu24/random-5-0", 10), read("ahead, baseline", 4)
    )
    assert far(progress) == (24, 40)
    run.say(CONDITIONS[0])
    run.say(CONDITIONS[2], f"{FROM_STORE}entry.json")
    assert far(progress) == (24, 40)


def test_logs_of_an_earlier_run_count_for_nothing(run: Run) -> None:
    run.say(CONDITIONS[0], read("results/tiny/top-5", 10))
    assert far(run.progress()) == (0, 40)
    later = RunProgress(run.logs, {}, lambda: run.jobs)
    assert far(later) == (10, 40)  # negative control: it is the state before that leaves them out


def test_other_conditions_read_ahead_are_not_asked_for(run: Run) -> None:
    run.jobs = run.jobs[:2]
    progress = run.progress()
    run.say(CONDITIONS[0], read("results/tiny/top-5", 10), read("ahead, wu24/top-10", 10))
    assert far(progress) == (10, 20)


def test_as_long_as_prompts_are_missing_the_total_is_a_least_one(run: Run) -> None:
    other = run.logs / f"scores/{EXPERIMENT}.log"
    run.jobs.append(Asking(other, run.prompts.with_name("train.jsonl"), most=6))
    progress = run.progress()
    run.say(CONDITIONS[0], read("results/tiny/top-5", 5))
    assert progress.line() == "prompts: 5 of at least 40 asked"
    write_jsonl(run.prompts.with_name("train.jsonl"), [{"answerable": True}] * 9)
    assert re.fullmatch(r"prompts: 5 of 46 asked, about \d+ \w+ left", progress.line())


def test_when_all_is_asked_no_time_is_left(run: Run) -> None:
    progress = run.progress()
    for log in (BASELINE, *CONDITIONS):
        run.say(log, read("results/tiny/any", 10))
    assert progress.line() == "prompts: 40 of 40 asked"


def test_the_time_counts_from_the_runs_start_however_late_somebody_looks(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(run_progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    progress = run.progress()
    now[0] += 190
    for log in (BASELINE, *CONDITIONS):
        run.say(log, read("results/tiny/any", 10))
    assert progress.last_line() == "prompts: 40 of 40 asked in 3 min"


def test_longer_prompts_weigh_more_in_the_time_left(tmp_path: Path) -> None:
    logs = [f"generations/baseline/tiny/inc_year/tokens_{tokens}.log" for tokens in (100, 900)]
    run = Run(tmp_path, logs)
    progress = run.progress()
    run.say(logs[0], read("results/tiny/tokens_100", 10))
    assert progress.look().share == pytest.approx(0.1)


def test_a_run_that_asks_nothing_says_nothing(run: Run) -> None:
    progress = run.progress()
    for log in (BASELINE, *CONDITIONS):
        run.say(log, f"{FROM_STORE}entry.json")
    assert far(progress) == (0, 0) and progress.line() == progress.last_line() == ""


def test_what_a_job_writes_is_what_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(7, "ahead, wu24/top-5") as bar:
        bar.update(7)
    assert prompts_read(capsys.readouterr().err) == {"ahead, wu24/top-5": 7}


def test_the_printer_says_what_is_new_and_how_it_ended(run: Run) -> None:
    said: list[str] = []
    progress = run.progress()
    printer = Printer(progress, said.append, 0.01)
    run.say(BASELINE, read("results/tiny/tokens_100", 10))
    while not said:
        pass
    run.say(CONDITIONS[0], read("results/tiny/top-5", 10))
    printer.stop()
    assert said[0].startswith("prompts: 10 of 40 asked, about ")
    assert re.fullmatch(r"prompts: 20 of 40 asked in 1 s", said[-1])
    assert len(said) == len(set(said))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 s"), (59, "59 s"), (61, "1 min"), (3599, "1 h 0 min"), (7500, "2 h 5 min"), (200_000, "2.3 days")],
)
def test_times_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_jobs_that_ask_a_model_are_told_from_others(tmp_path: Path) -> None:
    study = SimpleNamespace(
        folder=str(tmp_path),
        config={"scoring": {"count": "all"}, "detection": {"prompts": 30}},
    )
    logs = [
        f"scores/{EXPERIMENT}.log",
        f"rankings/given/{EXPERIMENT}.log",
        CONDITIONS[0],
        BASELINE,
        "tables.log",
    ]
    jobs = [SimpleNamespace(log=[tmp_path / "logs" / log], input=SimpleNamespace(prompts="p.jsonl")) for log in logs]
    found = asking_jobs(study, [*jobs, SimpleNamespace(log=[], input=None)])  # type: ignore[arg-type]
    assert [(str(job.log.relative_to(tmp_path / "logs")), job.count, job.most) for job in found] == [
        (logs[0], "answerable", 30),
        (logs[2], "all", None),
        (logs[3], "all", None),
    ]
