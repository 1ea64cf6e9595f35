"""A model is what its folder holds now: every file that transformers reads counts, and a changed one is refused."""

from __future__ import annotations

import json
import os
import shutil
import struct
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from byte_tokenizer import CHAT_TEMPLATE
from project import PROJECT
from tiny_llama import save_tiny_llama
from typed import run_settings

from head_ablation.common import digests as digests_module
from head_ablation.common.digests import Digests
from head_ablation.common.files import read_json, write_json, write_jsonl
from head_ablation.common.problems import StudyError
from head_ablation.common.settings import to_text
from head_ablation.engine.loading import load_model
from head_ablation.jobs.job import Job, Resources
from head_ablation.jobs.store import Store
from head_ablation.jobs.work import ScoringWork
from head_ablation.models import hub
from head_ablation.models.fingerprint import fingerprint
from head_ablation.models.folder import files_of_model
from head_ablation.models.pointer import ModelSource, Pointer, prepare, source_problems
from head_ablation.models.shape import known_parameters
from head_ablation.prompts.layout import Layout, PromptSettings
from head_ablation.prompts.samples import Sample

READ = {
    # every other kind of file that transformers reads in a model's folder, with something of its form
    "generation_config.json": '{"eos_token_id": 5}',
    "added_tokens.json": '{"<new>": 258}',
    "special_tokens_map.json": '{"pad_token": "</s>"}',
    "vocab.json": "{}",
    "vocab.txt": "a\n",
    "merges.txt": "",
    "bpe.codes": "",
    "tekken.json": "{}",
    "tokenizer.model": "",
    "spiece.model": "",
    "tiktoken.model": "",
    "source.spm": "",
    "qwen.tiktoken": "",
    "chat_template.jinja": CHAT_TEMPLATE,
    "chat_template.json": "{}",
    "additional_chat_templates/tool_use.jinja": CHAT_TEMPLATE,
}
UNREAD = {
    # what lies in a model's folder besides; the first ones in that of the embedded model
    "model.json": "{}",
    "shape.json": "{}",
    "model.log": "x",
    "shape.log": "x",
    ".lock": "",
    "README.md": "x",
    "optimizer.pt": "x",
    "trainer_state.json": "{}",
    "train.py": "x = 1",
    "consolidated.safetensors": "x",
    "pytorch_model.bin": "x",
    "additional_chat_templates/notes.txt": "x",
    "original/tokenizer.model": "x",
}


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("saved") / "tiny")


@pytest.fixture
def project(saved_model: Path, tmp_path: Path) -> Path:
    """A project with a model of its own, and the folder for what describes it."""
    shutil.copytree(saved_model, tmp_path / "project" / "own" / "model")
    (tmp_path / "project" / "results" / "models" / "tiny").mkdir(parents=True)
    return tmp_path / "project"


@pytest.fixture
def folder(project: Path) -> Path:
    return project / "own" / "model"


def pointer_file(project: Path) -> Path:
    return project / "results" / "models" / "tiny" / "model.json"


def described(project: Path, source: str | None = None) -> Pointer:
    """The model's pointer, as it is read from its file."""
    file = pointer_file(project)
    prepare(source or str(project / "own" / "model"), None, file.parent).write(file)
    return Pointer.read(file)


def put(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def now(folder: Path) -> str:
    return fingerprint(folder, Digests())


@pytest.mark.parametrize("name", READ)
def test_the_fingerprint_changes_with_every_kind_of_file_that_transformers_reads(folder: Path, name: str) -> None:
    put(folder, name, READ[name])
    with_it = now(folder)
    put(folder, name, READ[name] + " ")
    changed = now(folder)
    (folder / name).unlink()
    assert len({with_it, changed, now(folder)}) == 3


@pytest.mark.parametrize("name", UNREAD)
def test_the_fingerprint_does_not_change_with_what_nobody_reads(folder: Path, name: str) -> None:
    before = now(folder)
    put(folder, name, UNREAD[name])
    assert now(folder) == before


@pytest.mark.parametrize("config", ["config.json", "tokenizer_config.json"])
def test_code_counts_where_a_config_names_some(folder: Path, config: str) -> None:
    content = read_json(folder / config)
    write_json(folder / config, {**content, "auto_map": {"AutoTokenizer": ["own.Own", None]}})
    before = now(folder)
    put(folder, "own.py", "x = 1")
    with_code = now(folder)
    put(folder, "own.py", "x = 2")
    assert len({before, with_code, now(folder)}) == 3


def test_files_of_a_folder_inside_are_told_from_those_of_the_same_name_above(folder: Path) -> None:
    put(folder, "chat_template.jinja", CHAT_TEMPLATE)
    above = now(folder)
    (folder / "additional_chat_templates").mkdir()
    (folder / "chat_template.jinja").rename(folder / "additional_chat_templates" / "chat_template.jinja")
    assert now(folder) != above


def test_a_folder_with_the_name_of_a_tokenizers_file_is_no_file(folder: Path) -> None:
    before = now(folder)
    (folder / "tokenizer_files").mkdir()
    assert now(folder) == before


OPENED: list[str] = []
sys.addaudithook(lambda event, args: OPENED.append(str(args[0])) if event == "open" else None)


def test_transformers_opens_nothing_else_in_a_models_folder(folder: Path) -> None:
    """What Python opens while model, tokenizer and generation config are loaded; Rust opens weights, tokenizer.json."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    for name, text in {**READ, **UNREAD}.items():
        put(folder, name, text)
    config = read_json(folder / "tokenizer_config.json")
    OPENED.clear()
    AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    AutoTokenizer.from_pretrained(folder, local_files_only=True)
    GenerationConfig.from_pretrained(folder, local_files_only=True)
    opened = {str(Path(name).relative_to(folder)) for name in OPENED if name.startswith(f"{folder}/")}
    assert config and opened >= {"config.json", "generation_config.json", "tokenizer_config.json"}
    assert opened >= {"additional_chat_templates/tool_use.jinja", "added_tokens.json", "special_tokens_map.json"}
    assert opened <= {str(path.relative_to(folder)) for path in files_of_model(folder)}


def test_the_hub_is_asked_for_every_kind_of_file(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    import huggingface_hub

    asked: list[str] = []

    def fetch(*_name: str, allow_patterns: list[str], **_revision: str | None) -> str:
        asked.extend(allow_patterns)
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    hub.hub_snapshot("org/tiny", None)
    names = ["config.json", "model.safetensors", "own.py", *READ]
    assert set(huggingface_hub.utils.filter_repo_objects(names, allow_patterns=asked)) == set(names)
    assert "README.md" not in set(huggingface_hub.utils.filter_repo_objects(UNREAD, allow_patterns=asked))


@pytest.mark.parametrize("field", ["transformers_weights", "configuration_files"])
def test_a_config_that_leads_to_other_files_is_refused(folder: Path, tmp_path: Path, field: str) -> None:
    shutil.copy(folder / "model.safetensors", folder / "other.safetensors")
    value = {"transformers_weights": "other.safetensors", "configuration_files": ["config.5.0.0.json"]}[field]
    write_json(folder / "config.json", {**read_json(folder / "config.json"), field: value})
    with pytest.raises(StudyError, match=rf"config\.json: {field}: found .*; expected the usual names"):
        prepare(str(folder), None, tmp_path)


def test_the_embedded_models_fingerprint_is_what_it_was() -> None:
    home = PROJECT / "results" / "models" / "smollm2"
    if not (home / "model.json").is_file():
        pytest.skip("the embedded model is not converted here")
    assert Pointer.read(home / "model.json").fingerprint == now(home)


# A changed model is refused.


def retrained(folder: Path) -> None:
    """Other weights of the same size under the same name, with the time stamp of the former ones."""
    file = folder / "model.safetensors"
    before = file.stat()
    save_tiny_llama(folder, seed=1)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size


def another_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes() + b" ")


def one_more_file(folder: Path) -> None:
    put(folder, "generation_config.json", '{"eos_token_id": 5}')


def without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


CHANGES = [retrained, another_tokenizer, one_more_file, without_weights]


@pytest.mark.parametrize("change", CHANGES)
def test_a_model_that_changed_in_place_is_not_loaded(project: Path, folder: Path, change) -> None:
    pointer = described(project)
    load_model(pointer, run_settings(), threads=1)  # negative control
    change(folder)
    with pytest.raises(StudyError) as refused:
        load_model(Pointer.read(pointer_file(project)), run_settings(), threads=1)
    (problem,) = refused.value.problems
    assert (problem.file, problem.field, problem.found) == (folder, "fingerprint", now(folder)[:12])
    assert problem.expected == f"{pointer.fingerprint[:12]}, as {pointer_file(project)} says"
    assert f"remove {pointer_file(project)} alone and run again" in problem.fix
    if change is not without_weights:
        load_model(described(project), run_settings(), threads=1)  # once it is described again


def test_a_model_that_changes_while_it_is_loaded_is_refused(
    project: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from head_ablation.engine import loading

    pointer, whole = described(project), loading._whole_model

    def load(*arguments):
        model = whole(*arguments)
        retrained(folder)
        return model

    monkeypatch.setattr(loading, "_whole_model", load)
    with pytest.raises(StudyError, match="fingerprint: found"):
        load_model(pointer, run_settings(), threads=1)


def test_a_scoring_job_loads_no_changed_model(project: Path, folder: Path) -> None:
    from typed import score_settings

    work = ScoringWork(described(project), [], score_settings())
    job = Job(work, Store(project / "results" / "store"), Resources(threads=1, gpus=0, minutes=1))
    retrained(folder)
    with pytest.raises(StudyError, match="fingerprint: found"):
        _ = job.runner


def test_prompts_are_not_made_with_a_changed_tokenizer(
    project: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import runpy

    described(project)
    sample = Sample("1_1993.txt", "1", "Founded in 1929.", "1929", answer_span=(11, 15))
    write_jsonl(project / "samples.jsonl", [sample.to_json()])
    put(project, "filler.txt", "A river. " * 99)
    layout = Layout("{filler}{passage}{filler}{question}", "A:", chat=False, depth=0.5, min_filler_tokens=1)
    arguments = {
        "model": pointer_file(project),
        "samples": project / "samples.jsonl",
        "split": "test",
        "filler": project / "filler.txt",
        "tokens": 64,
        "settings": to_text(PromptSettings(layout, "When?")),
        "output": project / "prompts.jsonl",
        "texts": project / "prompts.text.jsonl",
    }
    monkeypatch.setattr(sys, "argv", ["-", *(part for k, v in arguments.items() for part in (f"--{k}", str(v)))])
    main = runpy.run_path(str(PROJECT / "scripts" / "build_prompts.py"))["main"]
    main()
    assert (project / "prompts.jsonl").is_file()  # negative control
    another_tokenizer(folder)
    with pytest.raises(StudyError, match="fingerprint: found"):
        main()


# Weights are read once per change.


@pytest.fixture
def read_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files that are read for their digests; every file counts as large, and as settled."""
    names: list[str] = []
    read = digests_module.sha256_file

    def noted(path: str | Path) -> str:
        names.append(Path(path).name)
        return read(path)

    monkeypatch.setattr(digests_module, "sha256_file", noted)
    monkeypatch.setattr(digests_module, "LARGE", 1)
    monkeypatch.setattr(digests_module, "SETTLED_NS", -1)
    return names


def test_weights_are_read_once_per_change(project: Path, folder: Path, read_files: list[str]) -> None:
    described(project).refuse_changed()
    Pointer.read(pointer_file(project)).refuse_changed()  # as in another process
    assert read_files.count("model.safetensors") == 1
    assert list((project / "results" / "store" / "digests").glob("*.json"))
    retrained(folder)
    described(project).refuse_changed()
    assert read_files.count("model.safetensors") == 2


def test_beside_a_pointer_of_another_place_nothing_is_written(
    project: Path, tmp_path: Path, read_files: list[str]
) -> None:
    home = tmp_path / "a" / "b" / "c"
    prepare(str(project / "own" / "model"), None, home).write(home / "model.json")
    Pointer.read(home / "model.json").refuse_changed()
    assert read_files and [path.name for path in tmp_path.rglob("digests")] == []


# Where the model is.


def test_a_copied_project_runs_the_copys_model(project: Path, folder: Path, tmp_path: Path) -> None:
    described(project)
    assert read_json(pointer_file(project))["folder"] == "../../../own/model"
    copy = Path(shutil.copytree(project, tmp_path / "copy"))
    copied = Pointer.read(pointer_file(copy))
    assert copied.folder == str(copy / "own" / "model")
    shutil.rmtree(folder)
    copied.refuse_changed()
    retrained(copy / "own" / "model")
    with pytest.raises(StudyError, match="fingerprint: found"):
        copied.refuse_changed()


def test_a_model_outside_of_the_project_has_its_whole_path(project: Path, saved_model: Path, tmp_path: Path) -> None:
    described(project, str(saved_model))
    assert read_json(pointer_file(project))["folder"] == str(saved_model)
    copy = Path(shutil.copytree(project, tmp_path / "copy"))
    assert Pointer.read(pointer_file(copy)).folder == str(saved_model)


def test_a_model_beside_linked_results_has_its_whole_path(project: Path, folder: Path, tmp_path: Path) -> None:
    """What lies beside the link is copied without the results, or without what they lead to."""
    (project / "results").rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").rename(tmp_path / "results")
    (project / "results").symlink_to(tmp_path / "results")
    assert described(project).folder == str(folder)
    (tmp_path / "far").mkdir()
    (tmp_path / "results").rename(tmp_path / "far" / "results")
    (project / "results").unlink()
    (project / "results").symlink_to(tmp_path / "far" / "results")
    assert described(project).folder == str(folder)
    assert read_json(pointer_file(project))["folder"] == str(folder)


def test_a_model_that_is_found_through_a_link_is_where_it_leads(project: Path, saved_model: Path) -> None:
    shutil.rmtree(project / "own" / "model")
    (project / "own" / "model").symlink_to(saved_model)
    described(project)
    assert read_json(pointer_file(project))["folder"] == str(saved_model)


# What a pointer was made from.

ASKED = ModelSource("mine", "own/model", "abc", {"layers": 2, "heads": 4})


def made(project: Path, monkeypatch: pytest.MonkeyPatch, asked: ModelSource = ASKED) -> Pointer:
    monkeypatch.chdir(project)
    file = Path("results/models/tiny/model.json")
    prepare(asked.source, asked.revision, file.parent, asked.shape, asked.name).write(file)
    return Pointer.read(file)


def test_a_pointer_says_what_it_was_made_from(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pointer = made(project, monkeypatch)
    wanted = {"source": "own/model", "revision": "abc", "shape": {"layers": 2, "heads": 4}}
    assert read_json(pointer_file(project))["made_from"] == pointer.made_from == wanted
    assert list(source_problems(pointer, ASKED)) == []
    assert list(source_problems(pointer, replace(ASKED, name="Mine"))) == []  # for people


@pytest.mark.parametrize(("field", "value"), [("source", "org/model"), ("revision", None), ("shape", None)])
def test_a_pointer_that_was_made_from_something_else_is_named_by_field(
    project: Path, monkeypatch: pytest.MonkeyPatch, field: str, value: object
) -> None:
    pointer = made(project, monkeypatch)
    (problem,) = source_problems(pointer, replace(ASKED, **{field: value}))
    assert str(problem.file) == "results/models/tiny/model.json"
    assert (problem.field, problem.found) == (f"made_from.{field}", pointer.made_from[field])
    assert problem.expected == f"{value}, as the study says now"
    assert problem.fix == "Remove it and run again: it is made again at no cost."


def test_of_a_pointer_of_an_earlier_version_it_is_not_known(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(project, monkeypatch)
    content = read_json(pointer_file(project))
    del content["made_from"]
    write_json(pointer_file(project), content)
    old = Pointer.read(pointer_file(project))
    assert old.made_from is None and list(source_problems(old, replace(ASKED, source="org/model"))) == []


@pytest.mark.parametrize("content", [{}, [], {"folder": 3}, "text", {"folder": ".", "shape": {"layers": 2}}])
def test_what_is_no_pointer_is_refused_by_name(tmp_path: Path, content: object) -> None:
    write_json(tmp_path / "model.json", content)
    with pytest.raises(StudyError, match=r"model\.json: file: found something else .* Remove it and run again"):
        Pointer.read(tmp_path / "model.json")


# Damaged weights.

HEADER = json.dumps({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
WHOLE = struct.pack("<Q", len(HEADER)) + HEADER + bytes(16)
DAMAGED = {
    "empty": b"",
    "random": bytes(range(256)) * 40,
    "cut in the length": WHOLE[:5],
    "cut in the header": WHOLE[:30],
    "cut in the data": WHOLE[:-1],
    "a length beyond the file": struct.pack("<Q", 99_000_000) + b"{}",
    "a length beyond memory": struct.pack("<Q", 2**62) + b"{}",
    "the largest length": struct.pack("<Q", 2**64 - 1) + b"{}",
    "no JSON": struct.pack("<Q", 4) + b"{{{{",
    "no UTF-8": struct.pack("<Q", 2) + b"\xff\xfe",
    "a list": struct.pack("<Q", 2) + b"[]",
    "deep": struct.pack("<Q", 100_000) + b"[" * 100_000,
    "a negative shape": WHOLE.replace(b"[4]", b"[-]"),
    "another size": WHOLE.replace(b"[4]", b"[5]"),
    "a page": b"<!DOCTYPE html><html>Not found</html>",
    "a pointer of git": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_weights_are_said_by_name_while_planning_preparing_and_loading(
    project: Path, folder: Path, name: str
) -> None:
    pointer = described(project)
    (folder / "model.safetensors").write_bytes(DAMAGED[name])
    described_now = replace(pointer, fingerprint=now(folder))
    for refused in (
        lambda: known_parameters(str(folder), None),
        lambda: prepare(str(folder), None, folder),
        lambda: load_model(described_now, run_settings(), threads=1),
    ):
        with pytest.raises(StudyError) as refusal:
            refused()
        assert str(folder) in str(refusal.value)


@pytest.mark.parametrize("error", [MemoryError(), OverflowError("too large"), OSError(19, "No such device")])
def test_whatever_else_the_reader_of_weights_raises_is_said_by_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    import safetensors

    def fail(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(safetensors, "safe_open", fail)
    with pytest.raises(StudyError, match=r"model\.safetensors: file: found no weights \(.+\); expected a safetensors"):
        known_parameters(str(folder), None)


def test_whole_weights_are_counted(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(WHOLE)
    assert known_parameters(str(tmp_path), None) == 4  # negative control of the damaged ones
