"""The tiny study through `snakemake --profile slurm`: who travels together, with how many cards; the same results."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path

import pytest
from checkouts import copy_project, jobs_run
from cluster import Cluster
from cluster_study import ClusterStudy
from project import PROJECT
from tiny_study import TinyStudy, products, write_tiny_study

pytestmark = pytest.mark.workflow

TWO_TOGETHER = ("--group-components", "sweep=2")
CONDITIONS = 5  # of a sweep: the baseline, and two levels in two arms


def small_study(folder: Path) -> TinyStudy:
    """Two sweeps of a model that takes a card."""
    study = write_tiny_study(copy_project(folder, share_models=False))
    study.configure(lambda config: config["models"]["tiny_model"].update(gpu=1))
    study.configure(lambda config: config.update(levels=[10, 20]))
    return study


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> TinyStudy:
    """The study, run on this machine's cores."""
    study = small_study(tmp_path_factory.mktemp("local"))
    study.checkout.snakemake()
    return study


@pytest.fixture(scope="module")
def on_cluster(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> ClusterStudy:
    """The study, run through the shipped profile."""
    study = small_study(tmp_path_factory.mktemp("cluster"))
    run = ClusterStudy(study, cluster)
    run.run()
    return run


def test_a_sweep_is_one_submission_with_one_card_and_a_step_per_level(on_cluster: ClusterStudy) -> None:
    submissions = on_cluster.submissions()
    names = [f"rule_sweep-tiny_model-{question}-400_baseline_generations" for question in ("inc_state", "inc_year")]
    assert sorted(each["Comment"] for each in submissions) == names
    for each in submissions:
        assert each["State"] == "COMPLETED"
        assert "gres/gpu=1," in each["ReqTRES"]
        assert "cpu=1," in each["ReqTRES"]
        assert on_cluster.cluster.steps(each["JobID"]) == CONDITIONS


def test_a_submission_asks_for_the_time_of_all_its_levels(on_cluster: ClusterStudy) -> None:
    assert {each["Timelimit"] for each in on_cluster.submissions()} == {f"00:{CONDITIONS:02}:00"}


def test_sweeps_run_side_by_side_on_both_cards(on_cluster: ClusterStudy) -> None:
    first, second = on_cluster.submissions()
    assert max(first["Start"], second["Start"]) < min(first["End"], second["End"])


def test_a_sweep_loads_its_model_once(on_cluster: ClusterStudy) -> None:
    assert on_cluster.loads() == 2


def test_the_results_are_those_of_a_local_run(on_cluster: ClusterStudy, local: TinyStudy) -> None:
    assert products(on_cluster.study) == products(local)


def test_nothing_is_left_to_do_there_or_here(on_cluster: ClusterStudy) -> None:
    assert "Nothing to be done" in on_cluster.run("--dry-run")
    assert "Nothing to be done" in on_cluster.study.checkout.snakemake("--dry-run")


def test_a_dry_run_shows_what_would_travel_together(on_cluster: ClusterStudy) -> None:
    alone = on_cluster.run("--dry-run", "--forceall", "--config", "generation={max_new_tokens: 9}")
    assert len(re.findall("Group job sweep-tiny_model-inc_(state|year)-400 ", alone)) == 2
    together = on_cluster.run("--dry-run", "--forceall", *TWO_TOGETHER, "--config", "generation={max_new_tokens: 9}")
    assert together.count("Group job sweep-tiny_model-inc_state-400-and-1-more ") == 1


def test_what_the_store_holds_asks_for_no_card(on_cluster: ClusterStudy, local: TinyStudy) -> None:
    before = on_cluster.submissions()
    on_cluster.run("--forcerun", "generations", "baseline", *TWO_TOGETHER, "--slurm-status-command", "sacct")
    (submission,) = on_cluster.submissions()[len(before) :]
    assert submission["Comment"].startswith("rule_stored-tiny_model-inc_state-400-and-1-more")
    assert "gpu" not in submission["ReqTRES"]
    assert on_cluster.cluster.steps(submission["JobID"]) == 2 * CONDITIONS
    assert on_cluster.loads() == 0
    assert products(on_cluster.study) == products(local)


def test_a_changed_ranking_names_the_same_levels_as_without_a_cluster(on_cluster: ClusterStudy) -> None:
    on_cluster.study.edit_ranking("inc_year", lambda entries: entries.insert(5, entries.pop(15)))
    planned = jobs_run(on_cluster.study.checkout.snakemake("--dry-run"))
    assert "generations inc_year top-10" in planned
    assert jobs_run(on_cluster.run("--dry-run")) == planned


def test_a_submission_longer_than_its_partition_allows_is_refused(on_cluster: ClusterStudy) -> None:
    on_cluster.cluster.say("scontrol", "update", "PartitionName=gpu", "MaxTime=1")
    try:
        process = on_cluster.start("--dry-run", "--config", "levels=[10,20,30]")  # of a sweep, two levels are missing
        assert process.wait(timeout=120) != 0
    finally:
        on_cluster.cluster.say("scontrol", "update", "PartitionName=gpu", "MaxTime=INFINITE")
    message = (
        "found 2 minutes for tiny_model/inc_state/tokens_400, one submission; expected at most 1 minutes, its MaxTime"
    )
    assert message in " ".join(on_cluster.log.read_text().split())


def test_a_partition_that_the_cluster_does_not_have_is_refused_by_name(on_cluster: ClusterStudy) -> None:
    asked = ("--dry-run", "--config", "levels=[10,20,30]", "--default-resources", "slurm_partition=gpus")
    assert on_cluster.start(*asked).wait(timeout=120) != 0
    message = "default-resources.slurm_partition: found 'gpus'; expected a partition of this cluster."
    assert message in " ".join(on_cluster.log.read_text().split())


@pytest.mark.parametrize(("limit", "least", "most"), [("7", 6.5, 7.0), ("UNLIMITED", math.inf, math.inf)])
def test_a_job_knows_how_much_time_its_allocation_has_left(
    cluster: Cluster, limit: str, least: float, most: float
) -> None:
    code = f"import sys; sys.path.insert(0, {str(PROJECT)!r}); from head_ablation.jobs.slurm import minutes_left"
    asked = ("-c", f"{code}; print(minutes_left())")
    said = cluster.say("srun", "--ntasks=1", "--mem=500", f"--time={limit}", sys.executable, *asked)
    assert least <= float(said) <= most
