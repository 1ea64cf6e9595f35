"""A submission longer than its partition allows is refused before it waits forever."""

import math

import pytest

from head_ablation.common.experiment import Experiment
from head_ablation.study.partition import partition_minutes, partition_problems, submission_problems

SHOWN = """\
PartitionName=gpu AllowGroups=ALL Default=YES DefaultTime=01:00:00 MaxTime={gpu} State=UP Nodes=n[1-4]
PartitionName=long AllowGroups=ALL Default=NO DefaultTime=NONE MaxTime=7-00:00:00 State=UP Nodes=n[1-4]
PartitionName=open AllowGroups=ALL Default=NO DefaultTime=NONE MaxTime=UNLIMITED State=UP Nodes=n5
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A cluster whose `scontrol show partition --oneliner` prints what SLURM 23 prints."""

    def answers(gpu="04:00:00", exit_code=0):
        program = tmp_path / "scontrol"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{SHOWN.format(gpu=gpu)}END\nexit {exit_code}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return answers


@pytest.mark.parametrize(
    ("shown", "minutes"), [("04:00:00", 240), ("1-12:30:00", 36 * 60 + 30), ("00:10:30", 10.5), ("UNLIMITED", math.inf)]
)
def test_the_limit_is_read_as_slurm_writes_it(slurm, shown, minutes):
    slurm(gpu=shown)
    assert partition_minutes("gpu") == minutes


def test_the_longest_of_several_partitions_counts_and_without_one_the_default(slurm):
    slurm()
    assert partition_minutes("gpu,long") == 7 * 24 * 60
    assert partition_minutes("open") == math.inf
    assert partition_minutes(None) == 240


def test_what_slurm_does_not_say_is_no_limit(slurm, monkeypatch, tmp_path):
    slurm()
    assert partition_minutes("another") == math.inf
    (tmp_path / "scontrol").write_text("#!/bin/sh\necho error >&2\nexit 1\n")
    assert partition_minutes("gpu") == math.inf
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert partition_minutes("gpu") == math.inf


def test_submissions_that_are_too_long_are_named_with_their_time():
    short, long = Experiment("base", "inc_year", 2048), Experiment("base", "inc_year", 8192)
    minutes = {short: 60, long: 300}.__getitem__
    (one,) = submission_problems([(short,), (long,)], minutes, 240, "gpu")
    assert str(one).startswith(
        "profile: partition gpu: found 300 minutes for base/inc_year/tokens_8192, one submission; expected at most 240"
    )
    (together,) = submission_problems([(short, long)], minutes, 320, "gpu")
    assert "360 minutes for base/inc_year/tokens_2048 and 1 more sweeps" in str(together)
    assert list(submission_problems([(short,), (long,)], minutes, math.inf, "gpu")) == []
    assert list(submission_problems([(long,)], minutes, 300, "gpu")) == []


def test_a_partition_that_the_cluster_does_not_have_is_refused_by_name(slurm, monkeypatch, tmp_path):
    slurm()
    (problem,) = partition_problems("gpu,lnog")
    assert str(problem) == (
        "profile: default-resources.slurm_partition: found 'lnog'; expected a partition of this cluster."
        " Name it in profiles/slurm/profile.yaml. Did you mean 'long'?"
    )
    assert list(partition_problems("gpu,open")) == list(partition_problems(None)) == []
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert list(partition_problems("lnog")) == []
