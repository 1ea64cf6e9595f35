"""One job failing stops no other and says why; two runs at once compute nothing twice."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from checkouts import Checkout, copy_project, jobs_run
from finished_study import finished_study
from overflowing_llama import save_overflowing_llama
from project import PROJECT
from tiny_study import QUESTIONS, TinyStudy, generations, write_tiny_study

pytestmark = pytest.mark.workflow

ARMS = (("top", ""), ("random", "-0"))
PLACE = "given/tiny_model/inc_year/tokens_400"


@pytest.fixture
def study(tmp_path: Path) -> TinyStudy:
    """The study, not yet run."""
    return write_tiny_study(copy_project(tmp_path, share_models=False))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> TinyStudy:
    """The study, run to its end, to compare with."""
    return finished_study(tmp_path_factory)


def kill_once(study: TinyStudy, condition: str, *arguments: str) -> tuple[int, list[int]]:
    """Runs the study and kills the first job that makes this condition, as the kernel does when memory runs out.

    Returns:
        Snakemake's exit status, and the ids of the killed jobs.
    """

    def watch() -> None:
        while process.poll() is None and not killed:
            with suppress(psutil.NoSuchProcess):  # Snakemake has just ended
                for job in psutil.Process(process.pid).children(recursive=True):
                    if is_making(job, condition) and job.status() == psutil.STATUS_STOPPED:
                        killed.append(job.pid)
                        job.kill()
                        return
            time.sleep(0.02)

    killed: list[int] = []
    process = study.checkout.start(*arguments, env=hold(study, f"{PLACE}/{condition}.json"))
    thread = threading.Thread(target=watch)
    thread.start()
    process.communicate()
    thread.join()
    return process.returncode, killed


def hold(study: TinyStudy, output: str) -> dict[str, str]:
    """The environment in which the first job that makes this file stops at its start."""
    return {
        "PYTHONPATH": str(PROJECT / "tests" / "support" / "held_process"),
        "HOLD": output,
        "HELD": str(study.checkout.folder / "held"),
    }


def is_making(job: psutil.Process, condition: str) -> bool:
    try:
        command = job.cmdline()
    except psutil.Error:
        return False
    is_level = any(part.endswith("scripts/generate.py") for part in command)
    return is_level and any(part.endswith(f"{PLACE}/{condition}.json") for part in command)


def test_a_killed_level_stops_no_other_and_is_all_that_is_left_to_do(study: TinyStudy, finished: TinyStudy) -> None:
    code, killed = kill_once(study, "top-20", "--keep-going")
    assert killed and code
    whole = generations(finished)
    assert generations(study) == {name: text for name, text in whole.items() if name != f"{PLACE}/top-20.json"}
    ran = jobs_run(study.checkout.snakemake())
    assert ran == ["draw", "generations inc_year top-20", "report_page", "score inc_year", "tables"]
    assert generations(study) == whole


def test_a_killed_level_is_tried_again_if_retries_are_allowed(study: TinyStudy, finished: TinyStudy) -> None:
    code, killed = kill_once(study, "random-30-0", "--retries", "1")
    assert killed and code == 0
    assert generations(study) == generations(finished)


def overflow(study: TinyStudy) -> None:
    """Another model, which overflows in float16 at the first level only."""
    first, *_ = save_overflowing_llama(study.path("model"))
    ranked = [first, "L0H0", "L1H2", "L1H3"]
    for question in QUESTIONS:
        entries = [{"head": head, "score": 1 - n / 10, "rank": n + 1} for n, head in enumerate(ranked)]
        study.ranking(question).write_text(json.dumps({"question": question, "head_rankings": entries}))
    study.configure(lambda config: config.update(levels=[1, 2, 3], arms={"random": {"exclude_top": 2}}))
    study.configure(lambda config: config["models"]["tiny_model"].update(dtype="float16"))


def test_a_level_that_overflows_stops_no_other_and_says_why(study: TinyStudy) -> None:
    overflow(study)
    output = study.checkout.snakemake("--keep-going", "--quiet", "all", check=False)
    for question in QUESTIONS:
        place = f"generations/given/tiny_model/{question}/tokens_400/top-1"
        assert f"{place}: the model's logits are not numbers (NaN); try dtype: float32 or bfloat16" in output
    assert "Traceback" not in output
    made = {Path(name).stem for name in generations(study)}
    assert made == {"tokens_400", *(f"{arm}-{n}{draw}" for n in (1, 2, 3) for arm, draw in ARMS)} - {"top-1"}
    study.configure(lambda config: config["models"]["tiny_model"].update(dtype="float32"))
    study.checkout.snakemake()
    assert "top-1" in {Path(name).stem for name in generations(study)}


def computed(study: TinyStudy) -> int:
    """How many conditions the jobs of a study computed, by their logs."""
    logs = study.checkout.results("logs", "generations").rglob("*.log")
    return sum(len(re.findall(r": (\d+)/\1 prompts", path.read_text())) for path in logs)


def computing(checkout: Checkout) -> bool:
    """Whether somebody holds the lock of a result that the store does not have yet."""
    store = checkout.folder / "results" / "store"
    held = re.findall(r":(\d+) \d+ \w+$", Path("/proc/locks").read_text(), re.MULTILINE)  # inodes
    made = {entry.stem for entry in store.glob("entries/*/*.json")}
    return any(str(lock.stat().st_ino) in held and lock.stem not in made for lock in store.glob("locks/*.lock"))


@contextmanager
def stopped_while_computing(process: subprocess.Popen[str], checkout: Checkout) -> Iterator[None]:
    """Stops every process of a run for a while, at a moment when one of its jobs is computing."""
    while process.poll() is None:
        os.killpg(process.pid, signal.SIGSTOP)
        try:
            if computing(checkout):
                yield
                return
        finally:
            os.killpg(process.pid, signal.SIGCONT)
        time.sleep(0.05)
    pytest.fail("the run ended before it computed anything")


def wait_for_another(study: TinyStudy, process: subprocess.Popen[str]) -> None:
    """Returns once a job of this run has found that another process computes what it needs."""
    logs = study.checkout.results("logs", "generations")
    while not any("another job is computing this" in log.read_text() for log in logs.rglob("*.log")):
        assert process.poll() is None, "it waited for nobody"
        time.sleep(0.1)


def test_two_studies_at_once_compute_nothing_twice(tmp_path: Path) -> None:
    checkout = copy_project(tmp_path, share_models=False)
    studies = [write_tiny_study(checkout, name) for name in ("tiny", "other")]
    studies[0].checkout.snakemake(*(f"results/models/tiny_model/{name}.json" for name in ("model", "shape")))
    first = studies[0].checkout.start()
    with stopped_while_computing(first, checkout):
        second = studies[1].checkout.start()
        wait_for_another(studies[1], second)
    for process in (first, second):
        output, _ = process.communicate()
        assert process.returncode == 0, output[-3000:]
    entries = list((checkout.folder / "results" / "store" / "entries").glob("*/*.json"))
    assert sum(computed(study) for study in studies) == len(entries) == 9 * len(QUESTIONS)
    assert generations(studies[0]) == generations(studies[1])
