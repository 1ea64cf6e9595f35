"""Stopping a run at any moment loses at most the levels in flight: it goes on where it was, to the same bytes."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from checkouts import Checkout, copy_project
from finished_study import finished_study
from tiny_study import products, stored, unlock, write_tiny_study

pytestmark = pytest.mark.workflow

MARK = "RUN_OF_A_TEST"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the study makes if nobody disturbs it."""
    return products(finished_study(tmp_path_factory))


def processes_of(mark: str) -> list[psutil.Process]:
    """Every process of a run, however deep."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # gone meanwhile
            if process.environ().get(MARK) == mark:
                found.append(process)
    return found


def send(signal_number: int, mark: str) -> bool:
    """Sends a signal to every process of a run; whether there was any."""
    running = processes_of(mark)
    for process in running:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal_number)
    return bool(running)


def kill_everything(_process: subprocess.Popen[str], mark: str) -> None:
    while send(signal.SIGKILL, mark):
        continue


def press_control_c(process: subprocess.Popen[str], mark: str) -> None:
    """What a terminal does: SIGINT for all of its foreground processes."""
    send(signal.SIGINT, mark)
    process.wait(timeout=60)
    kill_everything(process, mark)


def lose_metadata(checkout: Checkout) -> None:
    shutil.rmtree(checkout.folder / ".snakemake", ignore_errors=True)


def begin_anew(checkout: Checkout) -> None:
    for folder in ("tiny", "store", "models/tiny_model"):
        shutil.rmtree(checkout.folder / "results" / folder, ignore_errors=True)
    lose_metadata(checkout)


@pytest.mark.parametrize(
    ("stop", "clean_up", "times"),
    [
        pytest.param(kill_everything, unlock, 30, id="killed"),
        pytest.param(press_control_c, unlock, 10, id="interrupted"),
        pytest.param(kill_everything, lose_metadata, 10, id="killed-without-metadata"),
    ],
)
def test_a_run_stopped_at_random_moments_ends_as_if_it_had_not_been(
    tmp_path: Path,
    undisturbed: dict[str, bytes],
    stop: Callable[[subprocess.Popen[str], str], None],
    clean_up: Callable[[Checkout], None],
    times: int,
) -> None:
    study = write_tiny_study(copy_project(tmp_path, share_models=False))
    moments = random.Random(times)
    kept: dict[str, int] = {}
    for _ in range(times):
        mark = uuid.uuid4().hex
        process = study.checkout.start("--quiet", "all", env={MARK: mark})
        try:
            process.wait(timeout=moments.uniform(0.5, 7))
        except subprocess.TimeoutExpired:
            stop(process, mark)
        process.communicate()
        if process.returncode == 0:  # it was done before the moment came
            assert products(study) == undisturbed
            begin_anew(study.checkout)
            kept = {}
        clean_up(study.checkout)
        now = stored(study.checkout)
        assert {name: now.get(name) for name in kept} == kept  # nothing that was finished is computed again
        kept = now
    study.checkout.snakemake()
    assert products(study) == undisturbed
    final = stored(study.checkout)
    assert {name: final[name] for name in kept} == kept
