"""Every file says what it was made from, whatever Snakemake remembers of it, and is checked when it is read."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from changes import append_comment, retrain, set_config
from checkouts import jobs_run
from finished_study import copy_finished_study
from tiny_llama import save_tiny_llama
from tiny_study import HEADS, LAYERS, TinyStudy, products

pytestmark = pytest.mark.workflow

PLACE = "given/tiny_model/inc_year/tokens_400"
PROMPTS = "prompts/tiny_model/inc_year/tokens_400.test.jsonl"
OLD = 1_000_000_000  # a time stamp, as `cp -p`, `mv` or `tar` may leave it
FUTURE = 4_000_000_000


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> TinyStudy:
    """The study with given rankings, a filler of its own and a second model at hand, run to its end."""
    study = copy_finished_study(tmp_path_factory, "lineage")
    shutil.copy(study.checkout.folder / "resources" / "filler.txt", study.path("filler.txt"))
    save_tiny_llama(study.path("other_model"), seed=2, layers=LAYERS, heads=HEADS)
    set_config("prompt.filler", "own/filler.txt")(study)
    study.checkout.snakemake()
    return study


def rules(output: str) -> set[str]:
    """The rules of the jobs that Snakemake would run."""
    return {job.partition(" ")[0] for job in jobs_run(output)}


@contextmanager
def restored(*paths: Path) -> Iterator[None]:
    """Files and folders are afterwards what they were before, time stamps included."""
    kept = [path.with_name(f"{path.name}.kept-{secrets.token_hex(4)}") for path in paths]
    for path, copy in zip(paths, kept, strict=True):
        shutil.copytree(path, copy, symlinks=True) if path.is_dir() else shutil.copy2(path, copy)
    try:
        yield
    finally:
        for path, copy in zip(paths, kept, strict=True):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            copy.rename(path)


def aged(*paths: Path) -> None:
    for path in paths:
        os.utime(path, (OLD, OLD))


def other_filler(study: TinyStudy) -> None:
    study.path("filler.txt").write_text("Rain fell on the hills. " * 200)
    aged(study.path("filler.txt"))


def other_fact(study: TinyStudy) -> None:
    truth = study.path("truth.csv")
    truth.write_text(truth.read_text().replace(",Ohio,", ",Utah,", 1))
    aged(truth)


def other_text(study: TinyStudy) -> None:
    filings = study.path("filings.jsonl")
    filings.write_text(filings.read_text().replace("The Company was", "This Company was"))
    aged(filings)


def other_ranking(study: TinyStudy) -> None:
    study.edit_ranking("inc_year", lambda entries: entries.insert(5, entries.pop(15)))
    aged(study.ranking("inc_year"))


def other_weights(study: TinyStudy) -> None:
    retrain(study)
    aged(*study.path("model").iterdir())


def raised(version: str) -> Callable[[TinyStudy], None]:
    def change(study: TinyStudy) -> None:
        file = study.checkout.folder / "head_ablation" / "__init__.py"
        code, count = re.subn(rf"{version} = (\d+)", lambda match: f"{version} = {int(match[1]) + 1}", file.read_text())
        assert count == 1
        file.write_text(f"{code}# {version}\n")  # of another size: Python compiles it again within the same second, too

    return change


SCORED = {"score", "tables", "draw", "report_page"}
ASKED = {"generations", "baseline", *SCORED}
# what changes -> the jobs that it brings
CHANGES: dict[str, tuple[Callable[[TinyStudy], None], set[str]]] = {
    "nothing": (lambda _: None, set()),
    "another filler under an old time stamp": (other_filler, {"prompts", *ASKED}),
    "another fact under an old time stamp": (other_fact, {"samples", "prompts", *ASKED}),
    "another text under an old time stamp": (other_text, {"samples", "prompts", *ASKED}),
    "another ranking under an old time stamp": (other_ranking, {"given_ranking", "heads", "generations", *SCORED}),
    "other weights under old time stamps": (other_weights, {"model", "prompts", *ASKED}),
    "another source": (
        set_config("models.tiny_model.source", "own/other_model"),
        {"model", "shape", "given_ranking", "heads", "prompts", "write_config", *ASKED},
    ),
    "another wording": (
        set_config("questions.inc_year.text", "When?"),
        {"prompts", "write_config", *ASKED},
    ),
    "other positions": (set_config("ablation.positions", "decode"), {"write_config", *ASKED}),
    "another seed": (
        set_config("seed", 7),
        {"samples", "prompts", "heads", "write_config", *ASKED},
    ),
    "another scoring rule": (set_config("scoring.rule", "published"), {"write_config", *SCORED}),
    "another label": (set_config("questions.inc_year.label", "Founded"), {"write_config", "draw", "report_page"}),
    "a raised version of prompts": (raised("PROMPTS_VERSION"), {"samples", "prompts", *ASKED}),
    "a raised version of head sets": (raised("HEAD_SETS_VERSION"), {"heads", *SCORED}),
    "a raised version of the protocol": (raised("PROTOCOL_VERSION"), ASKED),
    "code of the tables": (append_comment("head_ablation/results/curves.py"), {"tables", "draw", "report_page"}),
}


def records_kept(study: TinyStudy) -> TinyStudy:
    return study


def records_lost_in_part(study: TinyStudy) -> TinyStudy:
    metadata = sorted(path for path in (study.checkout.folder / ".snakemake" / "metadata").rglob("*") if path.is_file())
    assert len(metadata) > 20
    for path in metadata[::2]:
        path.unlink()
    return study


def records_lost(study: TinyStudy) -> TinyStudy:
    shutil.rmtree(study.checkout.folder / ".snakemake")
    return study


def records_of_another(study: TinyStudy) -> TinyStudy:
    """A copy of the study, of which Snakemake has no records; those of the first are there."""
    other = replace(study, checkout=replace(study.checkout, study="other"))
    shutil.copytree(study.checkout.results(), other.checkout.results())
    set_config("study", "other")(other)
    return other


def results_dated_in_the_future(study: TinyStudy) -> TinyStudy:
    """As another machine's clock may leave them."""
    for path in (study.checkout.folder / "results").rglob("*"):
        if path.is_file():
            os.utime(path, (FUTURE, FUTURE))
    return study


STATES = [records_kept, records_lost_in_part, records_lost, records_of_another]


@contextmanager
def in_state(study: TinyStudy, state: Callable[[TinyStudy], TinyStudy]) -> Iterator[TinyStudy]:
    """The study with Snakemake's records in a state; all is restored afterwards."""
    folder = study.checkout.folder
    config = folder / study.checkout.config
    with restored(folder / ".snakemake", folder / "results", folder / "own", folder / "head_ablation", config):
        yield state(study)


@pytest.mark.parametrize("state", [*STATES, results_dated_in_the_future])
def test_what_changed_is_seen_whatever_snakemake_remembers(
    finished: TinyStudy, state: Callable[[TinyStudy], TinyStudy]
) -> None:
    found = {}
    with in_state(finished, state) as study:
        named = (
            {"write_config", "report_page"} if state is records_of_another else set()
        )  # its config names another study
        for name, (change, _) in CHANGES.items():
            with restored(study.path(), study.checkout.folder / study.checkout.config, *code_of(study)):
                change(study)
                found[name] = rules(study.checkout.snakemake("--dry-run"))
    assert found == {name: expected | named for name, (_, expected) in CHANGES.items()}


def code_of(study: TinyStudy) -> list[Path]:
    """The modules that CHANGES touches."""
    return [study.checkout.folder / "head_ablation" / name for name in ("__init__.py", "results/curves.py")]


def change_much(study: TinyStudy) -> None:
    for name in ("another filler under an old time stamp", "other positions", "another scoring rule", "another label"):
        CHANGES[name][0](study)


def test_the_files_are_the_same_whatever_snakemake_remembers(finished: TinyStudy, tmp_path: Path) -> None:
    """In each state all files of the study are made again; answers that one state put into the store serve the next."""
    made = []
    entries, kept = finished.checkout.folder / "results" / "store" / "entries", tmp_path / "entries"
    kept.mkdir()
    for state in STATES:
        with in_state(finished, state) as study:
            shutil.copytree(kept, entries, dirs_exist_ok=True)
            change_much(study)
            study.checkout.snakemake()
            shutil.copytree(entries, kept, dirs_exist_ok=True)
            assert "Nothing to be done" in study.checkout.snakemake("--dry-run")
            made.append({name: content for name, content in products(study).items() if comparable(name)})
    assert len(made[0]) > 30
    assert [sorted(name for name in made[0] if other.get(name) != made[0][name]) for other in made] == [[]] * len(
        STATES
    )


def comparable(name: str) -> bool:
    """Paths of the study stand in its config and in the indexes of head sets."""
    return name != "config.yaml" and not (name.startswith("heads/") and name.endswith("index.json"))


FILES = {
    "config.yaml": "write_config",
    "samples/inc_year.index.json": "samples",
    "samples/inc_year.test.jsonl": "samples",
    PROMPTS: "prompts",
    PROMPTS.replace(".jsonl", ".text.jsonl"): "prompts",
    f"rankings/{PLACE}.json": "given_ranking",
    f"heads/{PLACE}/index.json": "heads",
    f"heads/{PLACE}/top-20.json": "heads",
    f"generations/{PLACE}/top-20.json": "generations",
    f"generations/{PLACE}/top-20.provenance.json": "generations",
    "generations/baseline/tiny_model/inc_year/tokens_400.json": "baseline",
    f"ablation/{PLACE}.json": "score",
    "tables/samples.parquet": "tables",
    "tables/levels.csv": "tables",
    "tables/curves.csv": "tables",
    "tables/flips.csv": "tables",
    "tables/key_results.csv": "tables",
    "tables/key_results.md": "tables",
    "figures/figure8_by_question.svg": "draw",
    "figures/figure8_by_question.png": "draw",
    "report.html": "report_page",
    "../models/tiny_model/model.json": "model",
    "../models/tiny_model/shape.json": "shape",
}


def edit(path: Path) -> None:
    """Another digit or letter somewhere, the size as before."""
    content = path.read_bytes()
    place = re.search(rb"[0-8a-y]", content[len(content) // 3 :])
    assert place
    start = len(content) // 3 + place.start()
    path.write_bytes(content[:start] + bytes([content[start] + 1]) + content[start + 1 :])


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def cut_at_a_line(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: max(len(lines) // 2, 1)]))


@pytest.mark.parametrize("damage", [edit, cut, cut_at_a_line])
def test_a_damaged_file_is_made_again(finished: TinyStudy, damage: Callable[[Path], None]) -> None:
    """Whatever its time stamp says; each file alone is announced, all together are mended."""
    found, said = {}, {}
    for name in FILES:
        path = finished.checkout.results(name)
        with restored(path):
            before, stamp = path.read_bytes(), path.stat()
            damage(path)
            if path.read_bytes() == before:  # a file of one line
                cut(path)
            os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
            output = finished.checkout.snakemake("--dry-run")
            found[name] = FILES[name] in rules(output)
            said[name] = f"{path.name} was changed, cut or removed since it was made" in output
    assert [name for name in FILES if not found[name]] == []
    assert [name for name in FILES if not said[name]] == []
    whole = products(finished)
    for name in FILES:
        damage(finished.checkout.results(name))
    finished.checkout.snakemake()
    assert [name for name, content in products(finished).items() if content != whole[name]] == []


def test_a_file_damaged_after_planning_is_refused_where_it_is_read(finished: TinyStudy) -> None:
    """A job that was planned before checks its inputs itself; nothing is written then."""
    text = finished.checkout.snakemake("--dry-run", "--printshellcmds", "--forcerun", "tables")
    command = re.search(r"python \S+scripts/make_tables\.py .*", text)
    assert command
    result = finished.checkout.results("ablation", f"{PLACE}.json")
    levels = finished.checkout.results("tables", "levels.csv")
    with restored(result, levels):
        edit(result)
        levels.write_text("before")
        home = {"HEAD_ABLATION": str(finished.checkout.folder)}
        with finished.checkout.popen(program=("-c", f"import os; os.system({command[0]!r})"), env=home) as process:
            output, _ = process.communicate()
        assert levels.read_text() == "before"
    log = finished.checkout.results("logs", "tables.log").read_text() + output
    assert f"{PLACE}.json: file: found another content than was written" in log
    assert "Run again: it is made again" in log


def test_results_without_lineage_are_made_again_from_the_store(finished: TinyStudy) -> None:
    """As results of an earlier version are."""
    whole = products(finished)
    for folder in [*finished.checkout.results().rglob(".lineage"), *finished.checkout.results("..").rglob(".lineage")]:
        shutil.rmtree(folder, ignore_errors=True)
    output = finished.checkout.snakemake()
    assert "nothing says what it was made from" in output
    assert products(finished) == whole
    logs = [path.read_text() for path in finished.checkout.results("logs", "generations").rglob("*.log")]
    assert [text for text in logs if "from the store" not in text] == []
    assert "Nothing to be done" in finished.checkout.snakemake("--dry-run")


def test_a_record_of_another_file_is_none(finished: TinyStudy) -> None:
    """A negative control: a generation file put in the place of another one, record and all."""
    folder = finished.checkout.results("generations", PLACE)
    records = folder / ".lineage"
    with restored(folder):
        shutil.copy2(folder / "top-10.json", folder / "top-20.json")
        shutil.copy2(records / "top-10.json.json", records / "top-20.json.json")
        assert "generations inc_year top-20" in jobs_run(finished.checkout.snakemake("--dry-run"))


def forged(path: Path) -> None:
    """Has the record of a file say that its content is what was written."""
    record = path.parent / ".lineage" / f"{path.name}.json"
    content = json.loads(record.read_text())
    content["outputs"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    record.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("condition", "field", "value"),
    [
        ("top-10", "heads", [f"L0H{head}" for head in range(10)]),
        ("random-40-0", "heads", [f"L{layer}H0" for layer in range(8)]),
        ("top-30", "prompts_sha256", "0" * 64),
        ("top-30", "positions", "decode"),
    ],
)
def test_scoring_refuses_a_stale_generation_file_whose_record_fits(
    finished: TinyStudy, condition: str, field: str, value: object
) -> None:
    """The last line of defence."""
    path = finished.checkout.results("generations", PLACE, f"{condition}.json")
    result = finished.checkout.results("ablation", f"{PLACE}.json")
    with restored(path, path.parent / ".lineage", result):
        content = json.loads(path.read_bytes())
        (content["settings"] if field in content["settings"] else content)[field] = value
        path.write_text(json.dumps(content))
        forged(path)
        output = finished.checkout.snakemake(check=False)
        assert not result.exists()
    assert re.search(
        rf"{PLACE}/{condition}\.json: (settings\.)?{field}: found .*; expected .* as the study says now", output
    )
    assert "Remove it and run again" in output
