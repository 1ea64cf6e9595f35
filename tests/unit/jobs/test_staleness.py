"""Generations that are not of the study as it is now are refused: file, field, found, expected and fix, all at once."""

import pytest
from typed import level_settings

from head_ablation import PROTOCOL_VERSION
from head_ablation.common.files import read_json, sha256_file, write_json
from head_ablation.common.problems import StudyError
from head_ablation.heads.condition import Condition
from head_ablation.heads.head import HeadSet, ModelShape
from head_ablation.jobs.protocol import generation_protocol
from head_ablation.jobs.staleness import FIX, HEADS_FIX, read_current, refuse_changed_file
from head_ablation.models.pointer import Pointer

POINTER = Pointer("org/model", "abc123", "/models/one", "f1", ModelShape(layers=2, heads=4, positions=512))
SETTINGS = level_settings()
SETS = {Condition("top", 1): HeadSet.parse(["L1H2"]), Condition("random", 2, 0): HeadSet.parse(["L0H0", "L1H3"])}
PROTOCOL = generation_protocol(POINTER, "d" * 64, HeadSet(()), SETTINGS)


@pytest.fixture
def files(tmp_path):
    """The baseline's file and the conditions', as the study says now."""
    made = {"baseline": HeadSet(()), **{str(condition): heads for condition, heads in SETS.items()}}
    for name, heads in made.items():
        answers = [{"filename": "1.txt", "token_ids": [1], "text": name}]
        write_json(tmp_path / f"{name}.json", {**PROTOCOL, "heads": heads.names(), "generations": answers})
    return {name: tmp_path / f"{name}.json" for name in made}


def read(files, protocol=PROTOCOL, sets=SETS, software="minor"):
    return read_current(files["baseline"], [files["top-1"], files["random-2-0"]], protocol, sets, software)


def refusal(files, **expected):
    with pytest.raises(StudyError) as refused:
        read(files, **expected)
    return refused.value.problems


def change(path, dotted, value):
    """Gives a field of a file, named as in the message, another value."""
    content = read_json(path)
    place = content
    *parents, last = dotted.split(".")
    for parent in parents:
        place = place[parent]
    place[last] = value
    write_json(path, content)


def test_right_files_are_read(files):
    baseline, ablated = read(files)
    assert baseline == read_json(files["baseline"])
    assert ablated == {condition: read_json(files[str(condition)]) for condition in SETS}


CHANGES = {
    # field: (another value, how the message shows it, how it shows the expected one)
    "heads": (["L0H3"], "L0H3", "L1H2"),
    "prompts_sha256": ("e" * 64, "e" * 64, "d" * 64),
    "model.fingerprint": ("f2", "f2", "f1"),
    "protocol_version": (99, "99", str(PROTOCOL_VERSION)),
    "settings.batch_size": (9, "9", "2"),
    "settings.dtype": ("bfloat16", "bfloat16", "float32"),
    "settings.stop": ([], "", "\n"),
    "settings.removed_since": (True, "True", "None"),
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_file_of_something_else_is_refused_by_field(files, field):
    value, found, expected = CHANGES[field]
    change(files["top-1"], field, value)
    (problem,) = refusal(files)
    assert (problem.file, problem.field, problem.found) == (files["top-1"], field, found)
    assert problem.expected == f"{expected}, as the study says now"
    assert problem.fix == (HEADS_FIX if field == "heads" else FIX)
    assert "Remove it and run again" in str(problem) or "remove the folder" in str(problem)


@pytest.mark.parametrize("field", [field for field in CHANGES if field != "settings.removed_since"])
def test_a_file_that_does_not_say_is_refused(files, field):
    content = read_json(files["baseline"])
    parent, _, last = field.rpartition(".")
    del (content[parent] if parent else content)[last]
    write_json(files["baseline"], content)
    (problem,) = refusal(files)
    assert (problem.file, problem.field, problem.found) == (files["baseline"], field, "None")


def test_a_file_of_another_condition_is_refused(files):
    files["top-1"].write_bytes(files["random-2-0"].read_bytes())
    (problem,) = refusal(files)
    assert (problem.field, problem.found) == ("heads", "L0H0 L1H3")


def test_ablated_answers_are_no_baseline(files):
    files["baseline"].write_bytes(files["top-1"].read_bytes())
    (problem,) = refusal(files)
    assert (problem.file, problem.field, problem.found) == (files["baseline"], "heads", "L1H2")


def test_heads_that_the_study_no_longer_chooses_are_refused_though_file_and_folder_agree(files):
    (problem,) = refusal(files, sets={**SETS, Condition("top", 1): HeadSet.parse(["L0H1"])})
    assert (problem.file, problem.found) == (files["top-1"], "L1H2")
    assert problem.expected.startswith("L0H1, ")


def test_all_problems_of_all_files_are_said_at_once(files):
    change(files["baseline"], "settings.dtype", "bfloat16")
    change(files["baseline"], "prompts_sha256", "e" * 64)
    change(files["random-2-0"], "model.fingerprint", "f2")
    change(files["random-2-0"], "heads", ["L0H0"])
    assert {(problem.file, problem.field) for problem in refusal(files)} == {
        (files["baseline"], "settings.dtype"),
        (files["baseline"], "prompts_sha256"),
        (files["random-2-0"], "model.fingerprint"),
        (files["random-2-0"], "heads"),
    }


def test_another_name_of_an_equal_model_is_current(files):
    for path in files.values():
        change(path, "model.name", "/a/folder")
        change(path, "model.revision", None)
    read(files)
    change(files["top-1"], "model.fingerprint", "f2")  # negative control
    assert [problem.field for problem in refusal(files)] == ["model.fingerprint"]


def test_the_study_on_another_device_is_current(files):
    moved = generation_protocol(POINTER, "d" * 64, HeadSet(()), level_settings(device="cuda:1"))
    read(files, protocol=moved)


def test_a_long_list_of_heads_is_shortened(files):
    change(files["top-1"], "heads", [f"L0H{head}" for head in range(99)])
    (problem,) = refusal(files)
    assert len(problem.found) == 72
    assert problem.found.endswith("...")


@pytest.mark.parametrize("name", ["baseline", "top-1"])
def test_a_file_that_is_missing_or_broken_is_refused_by_name(files, name):
    files[name].write_text('{"heads": [', encoding="utf-8")
    assert [problem.file for problem in refusal(files)] == [files[name]]
    files[name].unlink()
    assert [problem.file for problem in refusal(files)] == [files[name]]


@pytest.mark.parametrize("content", [[], "text", {"model": "tiny"}, {"settings": 3}, {"model": None}])
def test_a_file_of_another_form_is_refused_by_name(files, content):
    whole = read_json(files["top-1"])
    write_json(files["top-1"], {**whole, **content} if isinstance(content, dict) else content)
    assert {problem.file for problem in refusal(files)} == {files["top-1"]}


def test_a_file_with_the_digest_it_should_have_passes(tmp_path):
    samples = tmp_path / "inc_year.test.jsonl"
    samples.write_text("{}\n", encoding="utf-8")
    refuse_changed_file(samples, sha256_file(samples), made_from="the filings")


def test_a_file_without_the_digest_it_should_have_is_refused_with_both_and_the_fix(tmp_path):
    samples = tmp_path / "inc_year.test.jsonl"
    samples.write_text("{}\n", encoding="utf-8")
    found = sha256_file(samples)
    with pytest.raises(StudyError) as refused:
        refuse_changed_file(samples, "a" * 64, made_from="the filings")
    (problem,) = refused.value.problems
    assert (problem.file, problem.field, problem.found) == (samples, "SHA-256", found[:12])
    assert problem.expected.startswith("aaaaaaaaaaaa, as the filings now say")
    assert problem.fix == "Remove inc_year.index.json beside it and run again."
    samples.unlink()
    with pytest.raises(StudyError, match=r"test\.jsonl: SHA-256: found nothing; expected aaaaaaaaaaaa"):
        refuse_changed_file(samples, "a" * 64, made_from="the filings")
