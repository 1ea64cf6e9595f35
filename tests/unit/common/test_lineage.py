"""A record says what files were made from; what departs from it is named, and a damaged input is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from project import PROJECT

from head_ablation.common.digests import Digests
from head_ablation.common.lineage import UNKNOWN, Origin, damage, departures, record_file
from head_ablation.common.settings import to_text

SCRIPT = """
import argparse, sys
from pathlib import Path
from head_ablation.common.lineage import run_stage
from head_ablation.common.problems import StudyError

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--text-files", nargs="*", type=Path)
    parser.add_argument("--extra", type=Path)
    parser.add_argument("--output", type=Path)
    a = parser.parse_args()
    if a.extra and a.extra.read_text() == "bad":
        raise StudyError("it is bad")
    a.output.write_text("".join(path.read_text() for path in a.text_files))
    a.output.with_name("beside.txt").write_text("beside")

run_stage(main)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a script and two input files."""
    (tmp_path / "script.py").write_text(SCRIPT)
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    return tmp_path


def origin(folder: Path, **changes: object) -> Origin:
    """As it is planned, all paths stated."""
    stated = Origin(
        settings="s",
        code="c",
        inputs={"text_files": (str(folder / "one"), str(folder / "two")), "files": (str(folder / "one"),)},
        outputs=(str(folder / "made" / "out.txt"),),
        beside="b*.txt",
        software="",
        memory=str(folder / "memory"),
    )
    return replace(stated, **changes)  # type: ignore[arg-type]


def make(folder: Path, *more: str, **changes: Any) -> subprocess.CompletedProcess[str]:
    """Runs the script; it finds the text files in its option."""
    (folder / "made").mkdir(exist_ok=True)
    own = origin(folder)
    stated = {"inputs": {**own.inputs, "text_files": None}, **changes}
    text = to_text(replace(own, **stated))
    files = [str(folder / name) for name in ("one", "two")]
    output = str(folder / "made" / "out.txt")
    command = [sys.executable, "script.py", "--lineage", text, "--text-files", *files, "--output", output, *more]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(PROJECT)}
    )


def found(folder: Path, **changes: object) -> list[str]:
    return departures(origin(folder, **changes), Digests())


def test_what_was_made_as_planned_departs_in_nothing(folder: Path) -> None:
    assert make(folder).returncode == 0
    assert found(folder) == []
    record = json.loads(record_file(folder / "made" / "out.txt").read_text())
    assert sorted(record["outputs"]) == ["beside.txt", "out.txt"]
    assert [len(digests) for digests in record["inputs"].values()] == [1, 2]


def test_every_departure_is_named(folder: Path) -> None:
    make(folder)
    assert found(folder, settings="t") == ["it was made by other settings"]
    assert found(folder, code="d") == ["it was made by other code"]
    (folder / "two").write_text("three")
    assert found(folder) == ["it was made from another text files"]
    (folder / "made" / "out.txt").write_text("edited")
    (folder / "made" / "beside.txt").unlink()
    assert found(folder)[1:] == [
        "beside.txt was changed, cut or removed since it was made",
        "out.txt was changed, cut or removed since it was made",
    ]


def test_another_set_of_inputs_departs(folder: Path) -> None:
    make(folder)
    own = origin(folder).inputs
    assert found(folder, inputs={**own, "more": (str(folder / "one"),)}) == ["it was made from another more"]
    assert found(folder, inputs={"files": own["files"]}) == ["it was made from another text files"]
    swapped = {**own, "text_files": own["text_files"][::-1]}
    assert found(folder, inputs=swapped) == ["it was made from another text files"]


def test_an_input_that_has_to_be_made_first_says_nothing(folder: Path) -> None:
    make(folder)
    (folder / "one").unlink()
    assert found(folder) == []


NULL = '{"settings": "s", "code": "c", "inputs": null, "outputs": {}, "software": {}}'
ELSEWHERE = '{"settings": "s", "code": "c", "inputs": {}, "outputs": {"x/y": "d"}, "software": {}}'


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"settings": 1}', NULL, ELSEWHERE])
def test_without_a_whole_record_nothing_is_known(folder: Path, content: str | None) -> None:
    make(folder)
    record = record_file(folder / "made" / "out.txt")
    record.unlink() if content is None else record.write_text(content)
    assert found(folder) == [UNKNOWN]


def test_an_output_that_the_record_lacks_is_of_unknown_making(folder: Path) -> None:
    """As after an output was added to the rule, and a file of that name has been there before."""
    make(folder)
    other = folder / "made" / "other.txt"
    more = (*origin(folder).outputs, str(other))
    assert found(folder, outputs=more) == []
    other.write_text("of an earlier run")
    assert found(folder, outputs=more) == [UNKNOWN]


def test_a_record_left_over_by_another_order_of_outputs_blocks_nothing(folder: Path) -> None:
    make(folder)
    first = folder / "made" / "beside.txt"
    make(folder, outputs=(str(first), str(folder / "made" / "out.txt")), beside="")
    assert not record_file(folder / "made" / "out.txt").exists()
    (folder / "one").write_text("ONE")
    make(folder, outputs=(str(first), str(folder / "made" / "out.txt")), beside="")
    assert list(damage(folder / "made" / "out.txt", Digests())) == []


def test_no_files_are_no_option(folder: Path) -> None:
    """An input of which there is none, though the script has an option of that name."""
    make(folder, inputs={"extra": ()})
    assert json.loads(record_file(folder / "made" / "out.txt").read_text())["inputs"] == {"extra": []}


def test_another_release_departs_where_it_counts(folder: Path) -> None:
    make(folder, software="minor")
    record = record_file(folder / "made" / "out.txt")
    assert found(folder, software="minor") == []
    assert found(folder) == []  # a job in an environment of its own
    record.write_text(record.read_text().replace('"torch": "', '"torch": "1.'))
    assert found(folder, software="minor") == ["it was made by other releases of torch or transformers"]
    assert found(folder, software="any") == []


def test_files_that_are_not_there_depart_in_nothing(folder: Path) -> None:
    assert found(folder) == []


@pytest.mark.parametrize("name", ["out.txt", "beside.txt"])
def test_a_damaged_input_is_refused_before_anything_is_written(folder: Path, name: str) -> None:
    make(folder)
    path = folder / "made" / name
    assert list(damage(path, Digests())) == []
    path.write_text("edited")
    (problem,) = damage(path, Digests())
    assert str(problem).startswith(f"{path}: file: found another content than was written")
    assert list(damage(folder / "one", Digests())) == []  # the user's own


def test_a_script_that_reads_a_damaged_file_ends_with_one_message(folder: Path) -> None:
    make(folder)
    (folder / "made" / "out.txt").replace(folder / "one")
    record_file(folder / "made" / "out.txt").parent.rename(folder / ".lineage")
    record_file(folder / "out.txt").rename(record_file(folder / "one"))
    record = record_file(folder / "one")
    record.write_text(record.read_text().replace('"out.txt"', '"one"'))
    assert make(folder).returncode == 0  # it is whole
    (folder / "made" / "out.txt").write_text("before")
    (folder / "one").write_text("edited")
    done = make(folder)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "one: file: found another content than was written" in done.stderr
    assert (folder / "made" / "out.txt").read_text() == "before"


def test_a_script_that_fails_records_nothing(folder: Path) -> None:
    (folder / "bad").write_text("bad")
    done = make(folder, "--extra", str(folder / "bad"))
    assert (done.returncode, done.stderr) == (1, "error: it is bad\n")
    assert not record_file(folder / "made" / "out.txt").exists()
