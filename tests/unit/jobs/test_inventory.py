"""The store says who refers to what, and loses only what nobody refers to, and nobody is at."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace

import pytest
from project import PROJECT
from tiny_jobs import PROMPTS, tiny_job
from typed import level_settings, score_settings

from head_ablation.common.files import read_json, write_json, write_text
from head_ablation.common.problems import StudyError
from head_ablation.heads.head import HeadSet, ModelShape
from head_ablation.jobs.inventory import prune, store_report, take_inventory
from head_ablation.jobs.job import ScoringJob
from head_ablation.jobs.protocol import generation_protocol, protocol_digest, score_protocol
from head_ablation.jobs.scores import make_scores
from head_ablation.jobs.store import Entry, Store
from head_ablation.jobs.sweep import make_level
from head_ablation.jobs.work import ScoringWork
from head_ablation.models.pointer import Pointer

TINY = Pointer("org/tiny", None, ".", "f" * 64, ModelShape(2, 4, 512))
MADE = {"finished": "2026-01-02T03:04:05+00:00", "host": "node7", "device": "cpu"}


def generated(*heads, pointer=TINY, prompts="a" * 64, **settings):
    protocol = generation_protocol(pointer, prompts, HeadSet.parse(heads), level_settings(**settings))
    return Entry(protocol, [{"filename": "1.txt", "token_ids": [7], "text": "1929"}], MADE)


def scored(**settings):
    made = score_settings(**settings)
    content = {"units": [{"unit": "0.txt", "answer": "1929", "scores": [0.5] * 8}]}
    return Entry(score_protocol(TINY, made.detectors[0], PROMPTS[0], made), content, MADE)


SHARED, OWN, UNUSED = generated(), generated("L0H1"), generated("L0H1", "L1H0")


def add_generation(results, study, entry, name="top-1.json"):
    file = results / study / "generations" / "wu24" / "tiny" / "inc_year" / "tokens_4" / name
    write_json(file, {**entry.protocol, "generations": entry.content})
    return file


def add_index(results, study, *entries):
    file = results / study / "scores" / "tiny" / "inc_year" / "tokens_4.index.json"
    write_json(file, {"entries": [protocol_digest(entry.protocol) for entry in entries]})
    return file


def damage(store, entry):
    file = store.entry_file(entry.protocol)
    file.write_bytes(file.read_bytes().replace(b"1929", b"1930"))
    return file


def leave_temporary(store, entry):
    file = store.entry_file(entry.protocol)
    temporary = file.with_name(f".{file.name}.k3x_9a7z")
    write_text(temporary, '{"half": ')
    return temporary


def lock_file(store, entry):
    return store.folder / "locks" / f"{protocol_digest(entry.protocol)}.lock"


@pytest.fixture
def results(tmp_path):
    """A store with an entry that two studies share, one that one study has, and one that none has."""
    results = tmp_path / "results"
    for entry in (SHARED, OWN, UNUSED):
        Store(results / "store").add(entry)
    for study in ("demo", "other"):
        add_generation(results, study, SHARED, "tokens_4.json")
    add_generation(results, "demo", OWN)
    write_json(results / "models" / "tiny" / "model.json", TINY.to_json())
    return results


@pytest.fixture
def store(results):
    return Store(results / "store")


def rows(results):
    """Of the summary: name -> files, generations, scores."""
    lines = take_inventory(Store(results / "store"), results).summary().splitlines()[1:]
    cells = [line.rsplit(maxsplit=4) for line in lines]
    return {name: [int(count) for count in counts] for name, *counts, _ in cells}


def studies(results, entry):
    """Who refers to an entry."""
    items = take_inventory(Store(results / "store"), results).items
    return [list(item.studies) for item in items if item.digest == protocol_digest(entry.protocol)]


def everything(folder):
    return {path: (path.is_file() and path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*")}


@contextmanager
def claimed_elsewhere(store, entry):
    """Another process holds the entry's claim, as a running job does."""
    code = (
        "import json, sys, pathlib; from head_ablation.jobs.store import Store\n"
        "with Store(pathlib.Path(sys.argv[1])).claim(json.loads(sys.stdin.readline())) as mine:\n"
        "    print(mine, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(store.folder)]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        print(json.dumps(entry.protocol), file=process.stdin, flush=True)
        assert process.stdout.readline() == "True\n"
        yield
        process.stdin.close()


def test_the_summary_counts_a_shared_entry_for_each_study_and_once_in_total(results):
    assert rows(results) == {
        "demo": [2, 2, 0],
        "other": [1, 1, 0],
        "no study": [1, 1, 0],
        "damaged entries": [0, 0, 0],
        "total": [3, 3, 0],
    }


def test_the_summary_tells_damaged_entries_and_temporary_files(results, store):
    damage(store, OWN)
    leave_temporary(store, UNUSED)
    assert rows(results) == {
        "demo": [1, 1, 0],
        "other": [1, 1, 0],
        "no study": [1, 1, 0],
        "damaged entries": [1, 0, 0],
        "temporary files": [1, 0, 0],
        "total": [4, 2, 0],
    }


def test_the_list_has_one_line_per_entry(results, store):
    file = damage(store, OWN)
    detection = store.add(scored())
    heading, *lines = take_inventory(store, results).listing().splitlines()
    cells = {line.split()[0]: line.split() for line in lines}
    size = f"{store.entry_file(SHARED.protocol).stat().st_size / 1e3:.1f}"
    digest = protocol_digest(SHARED.protocol)[:12]
    assert heading.split() == "digest kind model heads prompts kB made host device studies".split()
    assert len(lines) == 4
    made = [MADE["finished"], "node7", "cpu"]
    assert cells[digest] == [digest, "generations", "org/tiny", "0", "a" * 8, size, *made, "demo,", "other"]
    assert cells[protocol_digest(UNUSED.protocol)[:12]][3] == "2"
    assert cells[protocol_digest(UNUSED.protocol)[:12]][-1] == "-"
    assert cells[protocol_digest(detection.protocol)[:12]][1:4] == ["scores", "org/tiny", "-"]
    assert cells[file.name[:12]][1:5] == ["damaged", "-", "-", "-"]


@pytest.mark.parametrize("change", [{"name": "renamed"}, {"revision": "c0ffee"}])
def test_what_a_model_is_called_does_not_matter(results, change):
    add_generation(results, "third", generated(pointer=replace(TINY, **change)))
    assert studies(results, SHARED) == [["demo", "other", "third"]]


@pytest.mark.parametrize(
    "another",
    [
        generated(pointer=replace(TINY, fingerprint="e" * 64)),
        generated(prompts="b" * 64),
        generated("L0H0"),
        generated(batch_size=3),
    ],
)
def test_a_file_of_another_protocol_does_not_refer(results, another):
    add_generation(results, "third", another)
    assert studies(results, SHARED) == [["demo", "other"]]


def test_a_provenance_file_does_not_refer(results):
    add_generation(results, "third", SHARED, "top-1.provenance.json")
    assert studies(results, SHARED) == [["demo", "other"]]


def test_a_linked_folder_refers_too(results, tmp_path):
    add_generation(tmp_path, "elsewhere", UNUSED)
    (results / "demo" / "generations" / "linked").symlink_to(tmp_path / "elsewhere")
    assert studies(results, UNUSED) == [["demo"]]


def test_an_index_of_head_scores_refers_to_what_it_names(results, store):
    entries = [store.add(scored()), store.add(scored(batch_size=3)), store.add(scored(batch_size=5))]
    add_index(results, "demo", *entries[:2])
    assert [studies(results, entry) for entry in entries] == [[["demo"]], [["demo"]], [[]]]
    assert rows(results)["demo"] == [4, 2, 2]


def test_nothing_is_changed_without_prune(results, store):
    damage(store, OWN)
    leave_temporary(store, UNUSED)
    before = everything(results)
    said = list(store_report(store, results, listing=True, pruning=False))
    assert len(said) == 2
    assert everything(results) == before


def test_prune_removes_what_no_study_needs_and_says_so(results, store):
    unused = [store.entry_file(UNUSED.protocol), store.entry_file(store.add(scored()).protocol)]
    unused += [damage(store, OWN), leave_temporary(store, SHARED)]
    with store.claim(UNUSED.protocol):
        pass  # its lock file stays
    size = sum(file.stat().st_size for file in unused)
    *_, said = store_report(store, results, listing=False, pruning=True)
    assert said == f"Removed {size:,} bytes: damaged 1, generations 1, scores 1, temporary 1, locks 4."
    assert [path for path in store.folder.rglob("*") if path.is_file()] == [store.entry_file(SHARED.protocol)]
    assert store.find(SHARED.protocol) == SHARED


def test_prune_leaves_the_studies_alone(results, store):
    before = everything(results / "demo") | everything(results / "other") | everything(results / "models")
    prune(take_inventory(store, results))
    after = everything(results / "demo") | everything(results / "other") | everything(results / "models")
    assert after == before


def test_a_second_prune_removes_nothing(results, store):
    prune(take_inventory(store, results))
    assert str(prune(take_inventory(store, results))) == "Removed 0 bytes: nothing."


@pytest.mark.parametrize("leave", [lambda store, _: store.entry_file(UNUSED.protocol), damage, leave_temporary])
def test_what_a_job_is_at_is_kept_and_goes_when_it_has_ended(results, store, leave):
    file = leave(store, UNUSED)
    with claimed_elsewhere(store, UNUSED):
        pruned = prune(take_inventory(store, results))
        assert file.is_file()
        assert lock_file(store, UNUSED).is_file()
        assert file in [item.path for item in pruned.kept]
        assert "that a job is at" in str(pruned)
        with store.claim(UNUSED.protocol) as mine:
            assert not mine
    pruned = prune(take_inventory(store, results))
    assert file in [item.path for item in pruned.removed]
    assert not file.is_file()
    assert not lock_file(store, UNUSED).is_file()


def test_a_damaged_entry_made_anew_meanwhile_is_kept(results, store):
    damage(store, SHARED)
    inventory = take_inventory(store, results)
    store.add(SHARED)
    pruned = prune(inventory)
    assert [item.digest for item in pruned.kept] == [protocol_digest(SHARED.protocol)]
    assert store.find(SHARED.protocol) == SHARED


def test_an_entry_gone_meanwhile_is_not_said_to_be_removed(results, store):
    inventory = take_inventory(store, results)
    store.entry_file(UNUSED.protocol).unlink()
    assert prune(inventory).removed == []


def test_claims_exclude_each_other_after_prune(results, store):
    prune(take_inventory(store, results))
    with store.claim(UNUSED.protocol) as mine, Store(store.folder).claim(UNUSED.protocol) as theirs:
        assert (mine, theirs) == (True, False)


def test_dot_files_of_others_stay(results, store):
    others = [store.entry_file(UNUSED.protocol).with_name(name) for name in (".nfs0001", ".DS_Store")]
    for file in others:
        file.touch()
    prune(take_inventory(store, results))
    assert all(file.is_file() for file in others)


@pytest.mark.parametrize("content", ['{"heads": ', "[1]", "null", "{}", '{"model": 3}', '"text"'])
def test_a_generation_file_that_says_nothing_is_named_and_nothing_is_removed(results, store, content):
    file = add_generation(results, "demo", OWN, "top-9.json")
    write_text(file, content)
    assert_refused(results, store, file)


@pytest.mark.parametrize("content", ['{"entries": ', "[1]", "null", "{}", '{"entries": NaN}'])
def test_an_index_that_says_nothing_is_named_and_nothing_is_removed(results, store, content):
    file = add_index(results, "demo", SHARED)
    write_text(file, content)
    assert_refused(results, store, file)


@pytest.mark.parametrize("place", ["third", "third/generations", "demo/generations/third", "demo/generations/3.json"])
@pytest.mark.parametrize("target", ["nowhere", "itself"])
def test_a_link_to_nothing_is_named_and_nothing_is_removed(results, store, place, target):
    link = results / place
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(link.name if target == "itself" else target)
    assert_refused(results, store, link)


def assert_refused(results, store, file):
    before = everything(store.folder)
    *_, said = store_report(store, results, listing=True, pruning=False)
    assert str(file) in said
    with pytest.raises(StudyError, match="Nothing is removed") as refusal:
        list(store_report(store, results, listing=False, pruning=True))
    assert str(file) in str(refusal.value)
    assert everything(store.folder) == before


@pytest.mark.parametrize("change", [b"", b"[]", b'{"protocol": {}}', b"\xff"])
def test_entries_broken_in_any_way_are_damaged(results, store, change):
    file = store.entry_file(OWN.protocol)
    file.write_bytes(change)
    assert rows(results)["damaged entries"] == [1, 0, 0]
    prune(take_inventory(store, results))
    assert not file.exists()


def test_an_entry_with_a_number_that_is_none_is_damaged(results, store):
    file = store.entry_file(OWN.protocol)
    write_text(file, file.read_text(encoding="utf-8").replace("7", "NaN", 1))
    assert rows(results)["damaged entries"] == [1, 0, 0]


def test_a_store_is_not_emptied_for_want_of_studies(store, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(StudyError, match="no study refers to anything"):
        prune(take_inventory(store, tmp_path / "empty"))
    with pytest.raises(StudyError, match="the folder of all studies"):
        take_inventory(store, tmp_path / "missing")
    assert len(store.entry_files()) == 3


def test_what_jobs_write_refers_to_what_they_keep(tmp_path):
    results = tmp_path / "results"
    job = replace(tiny_job(tmp_path), store=Store(results / "store"))
    folder = results / "demo" / "generations" / "baseline"
    make_level(job, HeadSet(()), folder / "tokens_4.json", folder / "tokens_4.provenance.json", "none")
    assert rows(results)["demo"] == [1, 1, 0]
    settings = score_settings("copy_score", "summed_attention", prompts=2)
    scoring = ScoringJob(ScoringWork.of(job.work.pointer, PROMPTS, settings), job.store, job.resources)
    scores = results / "demo" / "scores" / "tiny" / "inc_year"
    make_scores(scoring, scores / "tokens_4.parquet", scores / "tokens_4.index.json")
    assert rows(results)["demo"] == [5, 1, 4]
    assert str(prune(take_inventory(job.store, results))) == "Removed 0 bytes: locks 2."
    assert read_json(folder / "tokens_4.json")["heads"] == []


def script(*arguments, cwd):
    command = [sys.executable, str(PROJECT / "scripts" / "store.py"), *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(PROJECT)}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def test_a_missing_store_is_said(tmp_path):
    done = script("--prune", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "There is no store at results/store.\n", "")
    assert list(tmp_path.iterdir()) == []


def test_the_script_tells_then_prunes_or_refuses(results, tmp_path):
    broken = add_generation(results, "demo", OWN, "top-9.json")
    write_text(broken, "{")
    done = script("--list", "--prune", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr and "top-9.json" in done.stderr
    broken.unlink()
    done = script("--list", "--prune", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 4 + 1 + 6 + 1
