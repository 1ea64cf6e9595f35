"""Whatever happens to a sweep on the cluster, the run ends with the full result, and nothing finished is done again."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from subprocess import Popen

import pytest
from checkouts import copy_project
from cluster import Cluster
from cluster_study import ClusterStudy
from tiny_study import TinyStudy, products, stored, unlock, write_tiny_study

pytestmark = pytest.mark.workflow

CONDITIONS = 9
Fault = Callable[[ClusterStudy, str, Popen[str]], None]


def slow_study(folder: Path) -> TinyStudy:
    """One sweep of nine conditions, each of which takes the real model some seconds."""
    study = write_tiny_study(copy_project(folder))
    model = {"source": "embedded", "gpu": 1, "device": "cpu", "batch_size": 4}
    own = {"models": {"smollm2": model}, "questions": {"inc_year": {}}, "levels": [10, 20, 30, 40]}
    study.configure(lambda config: config.update(own))
    heads = [f"L{layer}H{head}" for layer in range(8, 16) for head in range(9)]
    entries = [{"head": head, "score": 1 - n / 100, "rank": n + 1} for n, head in enumerate(heads)]
    study.ranking("inc_year").write_text(json.dumps({"head_rankings": entries}))
    return study


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the study makes on this machine."""
    study = slow_study(tmp_path_factory.mktemp("undisturbed"))
    study.checkout.snakemake()
    return products(study)


def cancel(run: ClusterStudy, job: str, _process: Popen[str]) -> None:
    run.cluster.say("scancel", job)


def lose_the_node(run: ClusterStudy, job: str, _process: Popen[str]) -> None:
    run.cluster.say("scontrol", "update", "NodeName=localhost", "State=DOWN", "Reason=test")
    run.cluster.wait_until_gone(job)  # started again beside its own remains, it would make SLURM drain the node
    time.sleep(5)  # slurmd goes on killing by the job's number
    with suppress(RuntimeError):  # it may have come back by itself
        run.cluster.say("scontrol", "update", "NodeName=localhost", "State=RESUME")
    run.cluster.say("scontrol", "update", f"JobId={job}", "StartTime=now")  # SLURM would hold it back for two minutes


def reach_the_time_limit(run: ClusterStudy, job: str, _process: Popen[str]) -> None:
    run.cluster.say("scontrol", "update", f"JobId={job}", "EndTime=now+2seconds")  # the past is refused


def lose_the_controller(run: ClusterStudy, _job: str, _process: Popen[str]) -> None:
    run.cluster.stop_controller()
    time.sleep(20)
    run.cluster.start_controller()


def kill_snakemake(run: ClusterStudy, _job: str, process: Popen[str]) -> None:
    """The submission runs on meanwhile."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    unlock(run.study.checkout)


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param([cancel, reach_the_time_limit], id="cancelled-then-over-its-time-limit"),
        pytest.param([lose_the_controller, lose_the_node, kill_snakemake], id="controller-node-and-snakemake-gone"),
    ],
)
def test_a_disturbed_sweep_ends_as_if_it_had_not_been(
    cluster: Cluster, tmp_path: Path, undisturbed: dict[str, bytes], faults: list[Fault]
) -> None:
    run = ClusterStudy(slow_study(tmp_path), cluster)
    process, kept = run.start(), {}
    try:
        for fault in faults:
            kept = wait_for_entries(run, process, kept)
            fault(run, run.submissions()[-1]["JobID"], process)
            if fault is kill_snakemake:
                process = run.start()
        run.finish(process)
    finally:
        process.kill()
    assert products(run.study) == undisturbed
    assert survived(run, kept)
    assert len(stored(run.study.checkout)) == CONDITIONS


def wait_for_entries(run: ClusterStudy, process: Popen[str], kept: dict[str, int]) -> dict[str, int]:
    """The store's entries in the middle of the sweep: those that were kept, as they were, and two more."""
    while len(entries := stored(run.study.checkout)) < len(kept) + 2:
        assert process.poll() is None, "the run ended before it could be disturbed"
        time.sleep(0.2)
    assert len(entries) < CONDITIONS
    assert survived(run, kept)
    return entries


def survived(run: ClusterStudy, kept: dict[str, int]) -> bool:
    """Whether what was finished has not been computed again."""
    now = stored(run.study.checkout)
    return {name: now.get(name) for name in kept} == kept
