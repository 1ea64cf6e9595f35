"""Real failures: memory, numbers, disks, signals. Each ends with one message, and leaves nothing half-made."""

import functools
import json
import resource
import shlex
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from byte_tokenizer import BOS_ID, save_byte_tokenizer
from overflowing_llama import save_overflowing_llama
from project import PROJECT
from tiny_jobs import PROMPTS, claimed_elsewhere, generate_command, start_python, tiny_job, with_resources, write_sweep
from tiny_llama import POSITIONS, tiny_llama

from head_ablation.common.files import read_json
from head_ablation.common.problems import StudyError
from head_ablation.heads.head import HeadSet
from head_ablation.jobs.sweep import Sweep, make_level
from head_ablation.prompts.prompt import Prompt

WITH_MEMORY = """
import json, resource, runpy, sys
import head_ablation.engine.runner, transformers.models.llama.modeling_llama
for mib, command in json.loads(sys.argv[1]):
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + mib * 2**20, resource.RLIM_INFINITY))
    sys.argv = command
    try:
        runpy.run_path(command[0], run_name="__main__")
        ending = "done"
    except BaseException as error:
        ending = f"{type(error).__name__}: {error}"
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(json.dumps(ending), flush=True)
"""

needs_memory_limits = pytest.mark.skipif(
    not sys.platform.startswith("linux") or resource.getrlimit(resource.RLIMIT_AS)[1] != resource.RLIM_INFINITY,
    reason="the memory of a process cannot be limited here",
)


def endings(*runs):
    """How scripts end that have so many MiB beyond what the libraries take: (MiB, command), one after the other."""
    with start_python("-c", WITH_MEMORY, json.dumps(runs)) as process:
        said, complaint = process.communicate(timeout=120)
    assert process.returncode == 0, complaint
    return [json.loads(line) for line in said.splitlines()]


def long_prompts(count):
    """Prompts as long as the model takes, alike in nothing but the first token."""
    tokens = POSITIONS - 8
    return [Prompt(f"{n}.txt", str(n), "1929", [BOS_ID, *[n] * (tokens - 1)], (1, 3), (1, 2)) for n in range(count)]


@pytest.mark.slow
@needs_memory_limits
def test_a_batch_that_does_not_fit_into_memory_is_one_message_that_names_batch_size(tmp_path):
    model = tiny_llama(layers=4, head_size=256)  # 8 MiB of keys and values per prompt
    model.save_pretrained(save_byte_tokenizer(tmp_path / "model"))
    commands = []
    for batch_size in (64, 2):
        job = tiny_job(tmp_path, batch_size=batch_size, max_new_tokens=1)
        job = with_resources(replace(job, prompts=long_prompts(64)), minutes=0)
        commands.append(generate_command(tmp_path, job, f"top-{batch_size}", ["L0H1"]))
    refused, done = endings(*((400, command) for command in commands))
    assert refused.startswith(f"SystemExit: error: {tmp_path}/out/top-64: out of memory with 64 prompts at once (")
    assert "set a smaller batch_size" in refused
    assert "\n" not in refused
    assert not (tmp_path / "out" / "top-64.json").exists()
    assert done == "done"  # negative control: what the message advises helps
    assert len(read_json(tmp_path / "out" / "top-2.json")["generations"]) == 64


@pytest.mark.slow
@needs_memory_limits
def test_a_model_that_does_not_fit_into_memory_is_one_message(tmp_path):
    model = tiny_llama()
    model.resize_token_embeddings(1_000_000, mean_resizing=False)  # 122 MiB on disk, twice that in float32
    model.half().save_pretrained(save_byte_tokenizer(tmp_path / "model"))
    job = with_resources(tiny_job(tmp_path), minutes=0)
    command = generate_command(tmp_path, job, "top-1", ["L0H1"])
    *refused, done = endings(*((mib, command) for mib in (20, 100, 200, 4000)))
    assert done == "done"  # negative control
    for ending in refused:
        assert ending.startswith("SystemExit: error: ")
        assert "out of memory" in ending
        assert "mem_mb" in ending
        assert "\n" not in ending


SETS = {"top-1": ["L0H2"], "top-2": ["L0H1"], "random-1-0": ["L1H1"]}


def overflowing_sweep(folder, dtype):
    """A sweep whose top-2 ablates what makes the model overflow in float16."""
    assert save_overflowing_llama(folder / "model") == SETS["top-2"]
    return Sweep(tiny_job(folder, dtype=dtype), write_sweep(folder, SETS))


def make(sweep, name):
    folder = sweep.job.store.folder.parent / "out"
    output = folder / f"{name}.json"
    make_level(sweep.job, HeadSet.parse(SETS[name]), output, folder / f"{name}.provenance.json", sweep.indexes)
    return output


def kept(sweep):
    every = {"baseline": [], **SETS}
    return {
        name for name, heads in every.items() if sweep.job.store.find(sweep.job.work.protocol(HeadSet.parse(heads)))
    }


def test_a_level_whose_numbers_overflow_fails_alone_and_says_which(tmp_path, capsys):
    sweep = overflowing_sweep(tmp_path, "float16")
    assert make(sweep, "top-1").is_file()
    said = capsys.readouterr().err
    assert "ahead, wu24/top-2: the model's logits are not numbers (NaN)" in said
    assert "This is left to its own job." in said
    assert kept(sweep) == {"baseline", "top-1", "random-1-0"}
    with pytest.raises(StudyError, match=r"out/top-2: the model's logits are not numbers \(NaN\); try dtype") as error:
        make(replace(sweep, job=replace(sweep.job)), "top-2")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out" / "top-2.json").exists()
    assert make(replace(sweep, job=replace(sweep.job)), "random-1-0").is_file()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_in_the_types_that_the_message_names_nothing_overflows(tmp_path, dtype):
    sweep = overflowing_sweep(tmp_path, dtype)
    make(sweep, "top-2")
    assert kept(sweep) == {"baseline", *SETS}


@functools.cache
def private_mounts():
    """The command that gives a process mounts of its own; empty where that is not allowed."""
    for command in (["unshare", "--map-root-user", "--mount"], ["unshare", "--mount"]):
        try:
            done = subprocess.run([*command, "mount", "-t", "tmpfs", "none", "/tmp"], capture_output=True, check=False)
        except FileNotFoundError:
            return []
        if done.returncode == 0:
            return command
    return []


needs_mounts = pytest.mark.skipif(not private_mounts(), reason="no file system can be mounted here")
DISKS = {
    "full": "mount -t tmpfs -o size=64k none {0}; head -c 64k /dev/zero > {0}/filler",
    "read-only": "mount -t tmpfs -o ro none {0}",
    "roomy": "mount -t tmpfs -o size=64k none {0}",
}
REASONS = {"full": "No space left on device", "read-only": "Read-only file system"}


def on_disk(kind, folder, *command):
    """Runs Python with a disk of this kind at `folder`: exit code, what it complained, the files then there."""
    folder.mkdir(exist_ok=True)
    there = shlex.quote(str(folder))
    mounted = f"set -e; {DISKS[kind].format(there)}; set +e; {shlex.join([sys.executable, *map(str, command)])}"
    done = subprocess.run(
        [*private_mounts(), "sh", "-c", f"{mounted}; code=$?; cd {there}; find . -type f -printf '%P\\n'; exit $code"],
        cwd=PROJECT,
        env={"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr, set(done.stdout.split()) - {"filler"}


@pytest.fixture
def stored_level(tmp_path):
    """The command of a level that comes from the store."""
    job = tiny_job(tmp_path)
    Sweep(job, "none").compute(HeadSet.parse(["L0H1"]), "top-1")
    return generate_command(tmp_path, job, "top-1", ["L0H1"])


def complaint_of(said):
    """The one message with which a script ended."""
    assert "Traceback" not in said
    (message,) = [line for line in said.splitlines() if not line.startswith("from the store: ")]
    return message


@needs_mounts
@pytest.mark.parametrize("kind", REASONS)
def test_a_disk_that_takes_no_result_is_one_message_that_names_the_file_and_leaves_none(tmp_path, stored_level, kind):
    code, said, left = on_disk(kind, tmp_path / "out", *stored_level)
    assert code == 1
    message = complaint_of(said)
    assert message.startswith(f"error: {tmp_path}/out/")
    assert "top-1" in message
    assert REASONS[kind] in message
    assert left == set()


@needs_mounts
def test_a_disk_with_room_takes_the_result(tmp_path, stored_level):
    code, said, left = on_disk("roomy", tmp_path / "out", *stored_level)  # negative control
    assert (code, left) == (0, {"top-1.json", "top-1.provenance.json"}), said


KEEP = """
import sys
from pathlib import Path
from head_ablation.common.problems import run_script
from head_ablation.jobs.store import Entry, Store
protocol = {"model": None}
def main():
    with Store(Path(sys.argv[1])).claim(protocol):
        Store(Path(sys.argv[1])).add(Entry(protocol, ["an answer"], {}))
run_script(main)
"""


@needs_mounts
@pytest.mark.parametrize("kind", DISKS)
def test_a_store_that_cannot_be_written_is_one_message_and_keeps_nothing_half(tmp_path, kind):
    folder = tmp_path / "store"
    code, said, left = on_disk(kind, folder, "-c", KEEP, folder)
    entries = {name for name in left if not name.startswith("locks/")}
    if kind == "roomy":  # negative control
        (entry,) = entries
        assert (code, said, entry.startswith("entries/")) == (0, "", True)
        return
    assert code == 1
    assert complaint_of(said).startswith(f"error: {folder}")
    assert REASONS[kind] in said
    assert entries == set()


def stopped_by_term(process):
    """Sends SIGTERM; the one message with which the process then ends."""
    process.terminate()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "Traceback" not in said
    (message,) = [line for line in said.splitlines() if "SIGTERM" in line]
    return message


@pytest.mark.slow
def test_a_job_that_is_stopped_while_it_computes_says_so_and_keeps_what_it_has(tmp_path):
    job = tiny_job(tmp_path, max_new_tokens=480, stop=[])
    sweep = Sweep(job, write_sweep(tmp_path, SETS))
    command = generate_command(tmp_path, job, "top-1", SETS["top-1"], sweep.indexes)
    output = tmp_path / "out" / "top-1.json"
    with start_python(*command) as process:
        while process.poll() is None and not output.is_file():
            time.sleep(0.02)
        assert stopped_by_term(process).startswith("error: ended by SIGTERM")
    assert {"top-1"} <= kept(sweep) < {"baseline", *SETS}  # it was working ahead
    assert len(read_json(output)["generations"]) == len(PROMPTS)
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]
    for heads in ([], *SETS.values()):
        with job.store.claim(sweep.job.work.protocol(HeadSet.parse(heads))) as mine:
            assert mine
    output.unlink()
    with start_python(*command) as process:  # negative control: left alone it ends well
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said.count("\n")) == (0, 1)
    assert output.is_file()


def test_a_job_that_is_stopped_while_it_waits_says_so(tmp_path):
    job = tiny_job(tmp_path)
    protocol = job.work.protocol(HeadSet.parse(["L0H1"]))
    command = generate_command(tmp_path, job, "top-1", ["L0H1"])
    with claimed_elsewhere(job.store, protocol), start_python(*command) as process:
        assert "waiting for it" in process.stderr.readline()
        assert stopped_by_term(process).startswith("error: ended by SIGTERM")
