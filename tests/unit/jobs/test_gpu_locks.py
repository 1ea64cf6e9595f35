"""Cards: no two jobs of one machine share one, all of them are used, and a job that dies frees its own."""

import os
import signal
import stat
import subprocess
import tempfile
from itertools import combinations

import pytest
from tiny_jobs import start_python

from head_ablation.common.problems import StudyError
from head_ablation.jobs.gpu_locks import VISIBLE, claim_gpus, visible_gpus

pytestmark = pytest.mark.slow  # it waits

GPUS = ["0", "1"]
USER = """
import os, sys, time
from head_ablation.jobs.gpu_locks import claim_gpus
print("ready", flush=True)
sys.stdin.readline()
with claim_gpus(int(sys.argv[1]), "auto") as gpus:
    start = time.monotonic()
    time.sleep(float(sys.argv[2]))
    print(",".join(gpus), os.environ["CUDA_VISIBLE_DEVICES"], start, time.monotonic(), flush=True)
"""
HOLDER = """
import sys
from head_ablation.jobs.gpu_locks import claim_gpus
with claim_gpus(int(sys.argv[1]), "auto") as gpus:
    print(*gpus, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def no_endless_wait():
    """Ends a test that waits for a gpu which is never freed."""

    def end(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, end)
    signal.alarm(30)
    yield
    signal.alarm(0)


@pytest.fixture(autouse=True)
def two_gpus(tmp_path, monkeypatch):
    """Two visible gpus, and a folder for their locks that no other test or job of this machine uses."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)  # forgets the folder that was looked up before
    monkeypatch.setenv(VISIBLE, ",".join(GPUS))
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)


def start_user(count, seconds):
    """A process that is about to hold so many gpus for so long."""
    process = start_python("-c", USER, str(count), str(seconds))
    assert process.stdout.readline() == "ready\n"
    return process


def used_at_once(*counts):
    """(gpu, start, end) of every gpu that processes held that all asked at one time, each for so many gpus."""
    processes, spans = [start_user(count, 0.3) for count in counts], []
    for process in processes:
        print(file=process.stdin, flush=True)
    for process in processes:
        said, complaint = process.communicate(timeout=30)
        assert process.returncode == 0, complaint
        gpus, visible, start, end = said.split()
        assert gpus == visible
        spans += [(gpu, float(start), float(end)) for gpu in gpus.split(",")]
    return spans


def overlaps(spans):
    """Pairs that held one gpu at one time."""
    return [
        (one, other)
        for one, other in combinations(sorted(spans, key=lambda span: span[1]), 2)
        if one[0] == other[0] and other[1] < one[2]
    ]


def test_jobs_never_share_a_gpu_and_use_all():
    spans = used_at_once(1, 1, 1, 1, 1, 1)
    assert len(spans) == 6
    assert overlaps(spans) == []
    assert {gpu for gpu, _, _ in spans} == set(GPUS)


def test_jobs_without_a_common_folder_do_share_one(tmp_path):
    (tmp_path / "other").mkdir()
    with start_python("-c", HOLDER, "1") as one:
        assert one.stdout.readline() == "0\n"
        with start_python("-c", HOLDER, "1", TMPDIR=str(tmp_path / "other")) as other:  # negative control
            assert other.stdout.readline() == "0\n"


def test_overlap_is_seen_on_one_gpu_only():
    assert overlaps([("0", 1, 3), ("1", 2, 4), ("0", 3, 5)]) == []
    assert overlaps([("0", 2, 4), ("1", 1, 5), ("0", 1, 3)]) == [(("0", 1, 3), ("0", 2, 4))]


def test_a_job_of_two_gpus_waits_for_both_and_shares_neither():
    spans = used_at_once(1, 2, 1, 2)
    assert len(spans) == 6
    assert overlaps(spans) == []


def test_a_killed_holder_frees_its_gpu(capsys):
    with start_python("-c", HOLDER, "1") as holder:
        assert holder.stdout.readline() == "0\n"
        with claim_gpus(1, "auto") as gpus:
            assert gpus == ["1"]  # negative control: the first gpu is taken
        holder.kill()
        holder.wait()
        with claim_gpus(2, "auto") as gpus:
            assert gpus == GPUS
    assert capsys.readouterr().err == ""


def test_who_waits_says_so_once_and_goes_on():
    with start_python("-c", HOLDER, "2") as holder:
        assert holder.stdout.readline() == "0 1\n"
        with start_user(1, 0) as waiting:
            print(file=waiting.stdin, flush=True)
            assert waiting.stderr.readline() == "GPUs 0, 1 are taken; waiting for 1\n"
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(1.2)  # negative control: two more looks find nothing
            print(file=holder.stdin, flush=True)
            said, complaint = waiting.communicate(timeout=10)
    assert said.startswith("0 0 ")
    assert complaint == ""


@pytest.mark.parametrize("before", ["0,1", " 1 , 0 ", "GPU-5f0a,GPU-77c1", "MIG-GPU-5f0a/3/0,MIG-GPU-5f0a/4/0"])
def test_only_the_held_gpu_is_visible_inside_and_all_are_after(monkeypatch, before):
    monkeypatch.setenv(VISIBLE, before)
    first, second = visible_gpus()
    with claim_gpus(1, "cuda") as gpus:
        assert gpus == [first]
        assert os.environ[VISIBLE] == first
    assert os.environ[VISIBLE] == before
    with pytest.raises(ZeroDivisionError), claim_gpus(1, "cuda"):
        raise ZeroDivisionError
    assert os.environ[VISIBLE] == before
    with claim_gpus(2, "auto"):
        assert os.environ[VISIBLE] == f"{first},{second}"


@pytest.mark.parametrize(
    ("named", "seen"),
    [
        ("", []),
        ("NoDevFiles", []),
        ("-1", []),
        ("-1,0", []),
        ("0,-1,1", ["0"]),
        ("0,,1", ["0"]),
        ("1,0,x,2", ["1", "0"]),
        ("+1,02", ["1", "2"]),
        ("1gpu2,2ampere", ["1", "2"]),
        ("GPU-5f0a,1", ["GPU-5f0a"]),
        ("1,GPU-5f0a", ["1"]),
        ("GPU-5f0a,MIG-GPU-5f0a/3/0", ["GPU-5f0a"]),
    ],
)
def test_gpus_are_seen_as_cuda_sees_them(monkeypatch, named, seen):
    monkeypatch.setenv(VISIBLE, named)
    assert visible_gpus() == seen


@pytest.mark.parametrize("named", ["0,0", "0,1,00", "GPU-5f0a,GPU-5f0a"])
def test_a_gpu_that_is_named_twice_is_refused_and_not_waited_for(monkeypatch, named):
    monkeypatch.setenv(VISIBLE, named)
    asked = claim_gpus(2, "auto")
    with pytest.raises(StudyError, match=f"CUDA_VISIBLE_DEVICES={named} names .* twice"):
        asked.__enter__()


def test_gpus_that_are_not_there_are_refused_with_both_numbers():
    asked = claim_gpus(3, "auto")
    with pytest.raises(StudyError, match=r"the job takes 3 GPUs, 2 are visible \(0, 1\); lower the model's `gpu`"):
        asked.__enter__()
    with claim_gpus(2, "auto") as gpus:
        assert gpus == GPUS


@pytest.mark.parametrize(("count", "device"), [(0, "auto"), (0, "cuda"), (1, "cuda:1"), (3, "cuda:0")])
def test_a_pinned_gpu_or_none_at_all_takes_no_slot(count, device):
    with claim_gpus(count, device) as gpus:
        assert gpus == []
        assert os.environ[VISIBLE] == "0,1"
        with start_python("-c", HOLDER, "2") as other:
            assert other.stdout.readline() == "0 1\n"


def test_a_taken_gpu_is_not_free_for_another_process():
    # Negative control to the one above.
    with claim_gpus(1, "auto"), start_python("-c", HOLDER, "1", **{VISIBLE: "0,1"}) as other:
        assert other.stdout.readline() == "1\n"


def test_every_slurm_job_has_gpus_of_its_own(monkeypatch):
    with claim_gpus(2, "auto"):
        monkeypatch.setenv("SLURM_JOB_ID", "11")
        with claim_gpus(2, "auto") as gpus:
            assert gpus == GPUS
            with start_python("-c", HOLDER, "1", SLURM_JOB_ID="12") as other:
                assert other.stdout.readline() == "0\n"
            with start_python("-c", HOLDER, "1", SLURM_JOB_ID="11") as same:  # negative control: its gpus are taken
                assert same.stderr.readline() == "GPUs 0, 1 are taken; waiting for 1\n"


def test_a_machine_without_gpus_is_refused_unless_the_cpu_is_asked_for(monkeypatch):
    monkeypatch.setenv(VISIBLE, "")
    with (
        pytest.raises(StudyError, match="the job takes 1 GPUs, none is visible; set the model's `gpu: 0`"),
        claim_gpus(1, "auto"),
    ):
        pass
    for count, device in ((0, "auto"), (1, "cpu")):
        with claim_gpus(count, device) as gpus:
            assert gpus == []


def lock_folder(tmp_path):
    return tmp_path / f"head-ablation-gpus-{os.getuid()}"


def refused_folder(path):
    with pytest.raises(StudyError) as refused, claim_gpus(1, "auto"):
        pass
    (line,) = str(refused.value).splitlines()
    assert f"{path}: GPU locks: found " in line
    assert "expected a folder of your own" in line and "TMPDIR" in line
    return line


def test_a_file_in_the_place_of_the_locks_is_one_clear_message(tmp_path):
    lock_folder(tmp_path).write_text("mine")
    refused_folder(lock_folder(tmp_path))
    assert lock_folder(tmp_path).read_text() == "mine"


@pytest.mark.parametrize("target", ["nowhere", "elsewhere"])
def test_a_link_in_the_place_of_the_locks_is_refused_and_not_followed(tmp_path, target):
    (tmp_path / "elsewhere").mkdir()
    lock_folder(tmp_path).symlink_to(tmp_path / target)
    refused_folder(lock_folder(tmp_path))
    assert not (tmp_path / "nowhere").exists()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_in_the_place_of_a_jobs_locks_is_one_clear_message(tmp_path):
    lock_folder(tmp_path).mkdir()
    (lock_folder(tmp_path) / "machine").write_text("")
    refused_folder(lock_folder(tmp_path) / "machine")


@pytest.mark.skipif(os.getuid() != 0, reason="takes a folder of another user")
def test_a_folder_of_another_user_is_refused_by_its_owner(tmp_path):
    lock_folder(tmp_path).mkdir()
    os.chown(lock_folder(tmp_path), 65534, 65534)
    assert "the user with number 65534" in refused_folder(lock_folder(tmp_path))


def test_other_users_cannot_hold_a_lock(tmp_path):
    lock_folder(tmp_path).mkdir(mode=0o777)
    lock_folder(tmp_path).chmod(0o777)
    with claim_gpus(1, "auto"):
        folders = [lock_folder(tmp_path), lock_folder(tmp_path) / "machine"]
        assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700, 0o700]


def test_a_jobs_number_with_a_slash_leads_nowhere_else(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "../../other")
    with claim_gpus(1, "auto"):
        (made,) = lock_folder(tmp_path).iterdir()
        assert made.name == "job-.._.._other"
