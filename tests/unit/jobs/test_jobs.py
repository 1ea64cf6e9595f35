"""GPU jobs: from the store or computed once; own level first, then the sweep; a failure ahead is not the job's own."""

import gc
import re
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from itertools import chain

import pytest
from tiny_jobs import (
    PROMPTS,
    claimed_elsewhere,
    generate_command,
    start_python,
    tiny_job,
    with_resources,
    write_sweep,
)

from head_ablation.common.files import read_json
from head_ablation.common.problems import OutOfMemoryError, StudyError
from head_ablation.engine import runner as runs
from head_ablation.engine.settings import AblationSettings
from head_ablation.heads.head import HeadSet
from head_ablation.jobs.gpu_locks import VISIBLE
from head_ablation.jobs.job import collector_at_rest
from head_ablation.jobs.store import Store
from head_ablation.jobs.sweep import Sweep, make_level
from head_ablation.jobs.work import LevelWork

SETS = {"top-1": ["L0H1"], "top-2": ["L0H1", "L1H2"], "random-1-0": ["L1H0"], "random-2-0": ["L0H3", "L1H0"]}
EVERY = {"baseline": [], **SETS}
IDENTITY = {"method": "wu24", "model_key": "tiny", "question": "inc_year", "total_tokens": 4}


@pytest.fixture
def job(tmp_path):
    return tiny_job(tmp_path)


@pytest.fixture
def sweep(tmp_path, job):
    return Sweep(job, write_sweep(tmp_path, SETS))


@pytest.fixture
def loads(monkeypatch):
    """The models loaded so far."""
    made, load = [], runs.load_model

    def counted(pointer, *others):
        made.append(pointer.name)
        return load(pointer, *others)

    monkeypatch.setattr(runs, "load_model", counted)
    return made


@pytest.fixture
def answers(monkeypatch):
    """The conditions computed so far, by the name that was said for each."""
    made, answer = [], runs.Runner.answer

    def counted(runner, prompts, heads, ablation, name):
        made.append(name)
        return answer(runner, prompts, heads, ablation, name)

    monkeypatch.setattr(runs.Runner, "answer", counted)
    return made


def make(sweep, name, heads=None):
    """Makes one level of a sweep; the two files that it wrote."""
    folder = sweep.job.store.folder.parent / "out"
    files = folder / f"{name}.json", folder / f"{name}.provenance.json"
    make_level(sweep.job, HeadSet.parse(EVERY[name] if heads is None else heads), *files, sweep.indexes)
    return files


def kept(sweep, sets=EVERY):
    """The names of the conditions that the store has."""
    return {name for name, heads in sets.items() if sweep.job.store.find(sweep.job.work.protocol(HeadSet.parse(heads)))}


def anew(sweep):
    """The same sweep as another job, which has loaded nothing."""
    return replace(sweep, job=replace(sweep.job))


def test_a_level_is_what_the_model_says_with_its_heads_ablated(sweep):
    output, provenance = make(sweep, "top-2")
    content = read_json(output)
    for name, same in (("top-2", True), ("baseline", False), ("top-1", False)):
        heads = HeadSet.parse(EVERY[name])
        said, _ = sweep.job.runner.answer(PROMPTS, heads, AblationSettings(), name)
        assert [answer["filename"] for answer in said] == [prompt.filename for prompt in PROMPTS]
        assert (content["generations"] == said) is same
        assert ({**sweep.job.work.protocol(heads), "generations": content["generations"]} == content) is same
    assert read_json(provenance)["seconds"].keys() == {"load", "run"}


def test_a_job_that_loads_the_model_makes_its_own_level_first_and_then_the_sweep(sweep, monkeypatch):
    there, answer = {}, runs.Runner.answer
    output = sweep.job.store.folder.parent / "out" / "top-2.json"

    def watched(runner, prompts, heads, ablation, name):
        there[name.rpartition("/")[2]] = output.is_file()
        return answer(runner, prompts, heads, ablation, name)

    monkeypatch.setattr(runs.Runner, "answer", watched)
    make(sweep, "top-2")
    own, *ahead = there.items()
    assert own == ("top-2", False)
    assert {name for name, _ in ahead} == {"ahead, baseline", "top-1", "random-1-0", "random-2-0"}
    assert all(written for _, written in ahead)
    assert kept(sweep) == set(EVERY)
    assert list(output.parent.iterdir()) == [output, output.with_name("top-2.provenance.json")]


def test_a_sweep_loads_its_model_once(sweep, loads):
    for name in EVERY:
        make(anew(sweep), name)
    assert len(loads) == 1


def test_levels_that_nobody_makes_ahead_load_it_each(sweep, loads):
    for name in EVERY:  # the baseline, which belongs to every sweep, first
        make(anew(replace(sweep, indexes="none")), name)
    assert len(loads) == len(EVERY)  # negative control


def test_a_level_from_the_store_is_equal_to_the_byte_and_has_the_provenance_of_its_making(sweep, loads, capsys):
    output, provenance = make(sweep, "top-2")
    before = output.read_bytes(), provenance.read_bytes()
    output.unlink()
    provenance.unlink()
    make(anew(sweep), "top-2")
    assert (output.read_bytes(), provenance.read_bytes()) == before
    assert len(loads) == 1
    assert "from the store: " in capsys.readouterr().err


def test_a_level_made_ahead_is_what_its_own_job_would_make(sweep, tmp_path):
    make(sweep, "top-1")
    ahead, _ = make(anew(sweep), "top-2")
    elsewhere = replace(sweep, job=replace(sweep.job, store=Store(tmp_path / "elsewhere" / "store")))
    alone, _ = make(elsewhere, "top-2")
    assert ahead != alone
    assert ahead.read_bytes() == alone.read_bytes()


def test_a_result_is_named_as_the_job_that_takes_it_names_things(sweep):
    make(sweep, "top-1")
    prompts = [replace(prompt, filename=f"new {prompt.filename}") for prompt in PROMPTS]
    pointer = replace(sweep.job.work.pointer, name="a new name")
    work = LevelWork.of(pointer, prompts, sweep.job.work.settings)
    output, _ = make(replace(sweep, job=replace(sweep.job, work=work, prompts=prompts)), "top-2")
    content = read_json(output)
    assert content["model"]["name"] == "a new name"
    assert [answer["filename"] for answer in content["generations"]] == ["new 0.txt", "new 1.txt", "new 2.txt"]


@pytest.mark.parametrize(("count", "asked"), [("answerable", 3), ("all", 4)])
def test_a_job_reads_the_prompts_that_count_and_no_others(sweep, tmp_path, count, asked):
    cut_off = replace(PROMPTS[0], filename="cut.txt", answer_span=None, reason="cut off")
    job = replace(sweep.job, prompts=[*PROMPTS, cut_off])
    command = generate_command(tmp_path, job, "top-1", SETS["top-1"])
    command[command.index("--count") + 1] = count
    with start_python(*command) as process:
        log = process.communicate()[1]
    assert process.returncode == 0, log
    assert f"top-1: {asked}/{asked} prompts" in log
    answers = read_json(tmp_path / "out" / "top-1.json")["generations"]
    assert [answer["filename"] for answer in answers] == ["0.txt", "1.txt", "2.txt", "cut.txt"][:asked]


def test_a_damaged_result_is_made_again_and_equal(sweep, loads, capsys):
    output, _ = make(sweep, "top-1")
    before = output.read_bytes()
    path = sweep.job.store.entry_file(sweep.job.work.protocol(HeadSet.parse(SETS["top-1"])))
    path.write_bytes(path.read_bytes()[:100])
    make(anew(sweep), "top-1")
    assert output.read_bytes() == before
    assert len(loads) == 2
    assert f"{path}: file: found broken JSON" in capsys.readouterr().err
    assert kept(sweep) == set(EVERY)


@pytest.mark.slow
def test_only_a_job_that_computes_imports_torch(sweep, tmp_path):
    command = ["-X", "importtime", *generate_command(tmp_path, sweep.job, "top-1", SETS["top-1"], sweep.indexes)]
    imported = {}
    for what in ("miss", "hit"):
        with start_python(*command) as process:
            _, said = process.communicate(timeout=100)
        assert process.returncode == 0, said[-2000:]
        imported[what] = set(re.findall(r"^import time:.*\| +(\S+)$", said, re.MULTILINE))
    assert {"head_ablation.engine.runner", "torch", "transformers"} <= imported["miss"]  # negative control
    assert not {"head_ablation.engine.runner", "torch", "transformers"} & imported["hit"]
    assert "head_ablation.jobs.job" in imported["hit"]


def test_what_another_process_computes_is_not_computed_ahead(sweep, answers):
    taken = sweep.job.work.protocol(HeadSet.parse(SETS["top-2"]))
    with claimed_elsewhere(sweep.job.store, taken) as (_, theirs):
        assert theirs
        make(sweep, "top-1")
    assert kept(sweep) == set(EVERY) - {"top-2"}
    assert len(answers) == len(EVERY) - 1
    make(anew(sweep), "random-1-0")  # a hit computes nothing, even if something is still missing
    assert kept(sweep) == set(EVERY) - {"top-2"}
    make(anew(sweep), "top-2")  # negative control: free again, it is computed
    assert kept(sweep) == set(EVERY)


def test_methods_share_what_they_have_in_common(sweep, tmp_path, answers):
    write_sweep(tmp_path, {"top-1": SETS["random-1-0"], "top-2": ["L0H0", "L0H1"]}, method="other")
    make(sweep, "top-1")
    assert len(answers) == len(EVERY) + 1
    assert kept(sweep, {"new": ["L0H0", "L0H1"]}) == {"new"}


def start_generating(folder, job, name, indexes, **environment):
    return start_python(*generate_command(folder, job, name, EVERY[name], indexes), **environment)


def computed(said):
    """What a job's log says it has computed, by name."""
    return [name.rpartition("/")[2] for name in re.findall(r"^(?:ahead, )?(\S+): 3/3 prompts", said, re.MULTILINE)]


@pytest.mark.slow
@pytest.mark.parametrize("levels", [("top-1", "random-2-0"), ("top-2", "top-2")])
def test_jobs_at_once_never_compute_a_result_twice(tmp_path, levels):
    job = tiny_job(tmp_path, max_new_tokens=60, stop=[])
    sweep = Sweep(job, write_sweep(tmp_path, SETS))
    folders = [tmp_path / "one", tmp_path / "two"]
    both = [start_generating(folder, job, level, sweep.indexes) for folder, level in zip(folders, levels, strict=True)]
    said = [process.communicate(timeout=100)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert Counter(chain(*map(computed, said))) == dict.fromkeys(EVERY, 1)
    for folder, level in zip(folders, levels, strict=True):
        entry = job.store.find(sweep.job.work.protocol(HeadSet.parse(EVERY[level])))
        assert read_json(folder / "out" / f"{level}.json") == sweep.generation(entry)
        assert read_json(folder / "out" / f"{level}.provenance.json") == entry.provenance


def test_the_count_sees_what_is_computed_twice(tmp_path, capfd):
    sweep = Sweep(tiny_job(tmp_path), write_sweep(tmp_path, SETS))
    make(sweep, "top-1")
    alone = Store(tmp_path / "alone" / "store")
    make(replace(sweep, job=replace(sweep.job, store=alone)), "top-2")  # negative control: they share no store
    assert Counter(computed(capfd.readouterr().err)) == dict.fromkeys(EVERY, 2)


TAKE_A_GPU = "from head_ablation.jobs.gpu_locks import claim_gpus\nwith claim_gpus(1, 'auto') as gpus: print(*gpus)"


def test_a_job_waits_for_another_ones_result_and_holds_no_gpu_meanwhile(tmp_path):
    job = with_resources(tiny_job(tmp_path), gpus=1)
    sweep, visible = Sweep(job, "none"), {"TMPDIR": str(tmp_path), VISIBLE: "0"}
    result = sweep.compute(HeadSet.parse(SETS["top-1"]), "top-1")
    job.store.entry_file(result.protocol).unlink()
    with (
        claimed_elsewhere(job.store, result.protocol) as (holder, theirs),
        start_generating(tmp_path, job, "top-1", "none", **visible) as waiting,
    ):
        assert theirs
        assert waiting.stderr.readline() == "another job is computing this; waiting for it\n"
        with start_python("-c", TAKE_A_GPU, **visible) as other:
            assert other.communicate(timeout=10) == ("0\n", "")
        assert waiting.poll() is None  # negative control: it does wait
        job.store.add(result)
        holder.kill()
        _, said = waiting.communicate(timeout=30)
    assert said == f"from the store: {job.store.entry_file(result.protocol)}\n"
    assert read_json(tmp_path / "out" / "top-1.json") == sweep.generation(result)


def test_a_result_that_appears_between_look_and_claim_is_not_made_again(sweep, monkeypatch, answers):
    result = sweep.compute(HeadSet.parse(SETS["top-1"]), "top-1")
    path, claim = sweep.job.store.entry_file(result.protocol), Store.claim
    path.unlink()

    def claim_late(store, protocol):
        store.add(result)
        return claim(store, protocol)

    monkeypatch.setattr(Store, "claim", claim_late)
    output, _ = make(sweep, "top-1")
    assert read_json(output) == sweep.generation(result)
    assert answers == ["top-1"]
    path.unlink()
    monkeypatch.setattr(Store, "claim", claim)
    make(sweep, "top-1")  # negative control
    assert len(answers) == 1 + len(EVERY)


def test_a_job_whose_time_is_over_makes_its_own_level_only(sweep, capsys):
    output, _ = make(replace(sweep, job=with_resources(sweep.job, minutes=0)), "top-1")
    assert output.is_file()
    assert kept(sweep) == {"top-1"}
    assert "no time is left to work ahead" in capsys.readouterr().err
    make(anew(sweep), "top-2")  # negative control: with time, all the others are made
    assert kept(sweep) == set(EVERY)


def test_a_job_does_not_begin_what_it_could_not_end_in_time(sweep, monkeypatch, capsys):
    runner, answer = sweep.job.runner, runs.Runner.answer

    def slow(self, *asked):
        time.sleep(1)
        rows, facts = answer(self, *asked)
        facts["seconds"]["run"] += 1
        return rows, facts

    monkeypatch.setattr(runs.Runner, "answer", slow)
    timed = with_resources(sweep.job, minutes=1.7 / 60)  # one level takes a second, so a second one would end too late
    timed.__dict__["runner"] = runner  # loaded already
    make(replace(sweep, job=timed), "top-1")
    assert kept(sweep) == {"top-1"}
    assert "no time is left to work ahead" in capsys.readouterr().err


def test_a_condition_that_fails_ahead_is_left_to_its_own_job(tmp_path, job, capsys):
    sets = {"top-1": ["L0H1"], "top-2": ["L0H1", "L99H0"], "top-3": ["L0H1", "L0H2", "L1H0"]}
    sweep = Sweep(job, write_sweep(tmp_path, sets))
    make(sweep, "top-1")
    said = capsys.readouterr().err
    assert "ahead, wu24/top-2: heads L99H0 do not exist in a model of 2 layers x 4 heads" in said
    assert "This is left to its own job." in said
    assert kept(sweep, {"baseline": [], **sets}) == {"baseline", "top-1", "top-3"}
    with pytest.raises(StudyError, match=r"out/top-2: heads L99H0 do not exist"):
        make(anew(sweep), "top-2", sets["top-2"])
    assert not list((tmp_path / "out").glob("top-2*"))


def test_a_job_that_fails_serves_the_sweep_before_it_says_so(tmp_path, job):
    sweep = Sweep(job, write_sweep(tmp_path, SETS))
    with pytest.raises(StudyError, match="L99H0"):
        make(sweep, "top-2", ["L99H0"])
    assert kept(sweep) == set(EVERY)


def test_a_job_that_runs_out_of_memory_tries_no_other(tmp_path, job, monkeypatch):
    def answer(*_):
        raise OutOfMemoryError("out of memory")

    monkeypatch.setattr(runs.Runner, "answer", answer)
    with pytest.raises(OutOfMemoryError):
        make(Sweep(job, write_sweep(tmp_path, SETS)), "top-2")
    assert job.store.entry_files() == []


def test_a_job_that_cannot_load_its_model_tries_no_other(tmp_path, loads):
    broken = tiny_job(tmp_path, device="cuda")
    with pytest.raises(StudyError, match="no CUDA GPU"):
        make(Sweep(broken, write_sweep(tmp_path, SETS)), "top-2")
    assert len(loads) == 1


def test_head_sets_of_a_ranking_that_has_changed_are_not_worked_ahead_on(sweep, tmp_path):
    write_sweep(tmp_path, {"top-1": ["L0H0"]}, method="other")
    (tmp_path / "wu24.ranking.json").write_text('{"changed": 1}', encoding="utf-8")
    make(sweep, "top-1")
    assert kept(sweep, {**EVERY, "others top-1": ["L0H0"]}) == {"baseline", "top-1", "others top-1"}


@pytest.mark.parametrize("index", ["truncated", "just removed"])
def test_an_index_that_cannot_be_read_does_not_cost_the_jobs_own_level(sweep, tmp_path, index):
    broken = tmp_path / "heads" / "another" / "tiny" / "inc_year" / "tokens_4" / "index.json"
    broken.parent.mkdir(parents=True)
    if index == "truncated":
        broken.write_text('{"conditions": {', encoding="utf-8")
    else:
        broken.symlink_to(tmp_path / "nothing")  # the pattern still finds it
    output, _ = make(sweep, "top-1")
    assert output.is_file()
    assert kept(sweep) == set(EVERY)


@pytest.mark.parametrize("was_on", [True, False])
@pytest.mark.parametrize("error", [(), (ImportError,)])
def test_the_collector_rests_within_the_block_alone(was_on, error):
    (gc.enable if was_on else gc.disable)()
    try:
        with suppress(*error), collector_at_rest():
            rested = not gc.isenabled()
            for each in error:
                raise each
        assert (rested, gc.isenabled()) == (True, was_on)
    finally:
        gc.enable()
