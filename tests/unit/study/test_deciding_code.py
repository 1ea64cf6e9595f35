"""Code that decides answers, rankings, prompts or head sets does not change without its version, or somebody's word."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from project import PROJECT

from head_ablation import HEAD_SETS_VERSION, PROMPTS_VERSION, PROTOCOL_VERSION
from head_ablation.common.problems import StudyError, refuse
from head_ablation.detectors import DETECTORS
from head_ablation.engine.interventions import INTERVENTIONS
from head_ablation.prompts.matchers import MATCHERS
from head_ablation.study.deciding_code import TABLE, Code, accept, changes
from head_ablation.study.syntax import digest

GENERATION = "head_ablation/engine/generation.py"
INIT = "head_ablation/__init__.py"


def test_no_deciding_code_changed_without_its_version() -> None:
    refuse(change.problem for change in changes())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A copy of the project's code and table, to change."""
    ignore = shutil.ignore_patterns("__pycache__")
    for folder in ("head_ablation", "scripts"):
        shutil.copytree(PROJECT / folder, tmp_path / folder, ignore=ignore)
    (tmp_path / "resources").mkdir()
    shutil.copy(PROJECT / TABLE, tmp_path / TABLE)
    accept(tmp_path, changes_no_answer=True)  # these tests are about changes to the copy alone
    return tmp_path


def edit(home: Path, file: str, old: str, new: str) -> None:
    text = (home / file).read_text(encoding="utf-8")
    assert old in text
    (home / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def append(home: Path, file: str, text: str) -> None:
    with (home / file).open("a", encoding="utf-8") as module:
        module.write(text)


def raise_version(home: Path, constant: str, by: int = 1) -> None:
    version = re.search(rf"^{constant} = (\d+)$", (home / INIT).read_text(encoding="utf-8"), re.MULTILINE)
    assert version
    edit(home, INIT, version[0], f"{constant} = {int(version[1]) + by}")


def said(home: Path) -> str:
    return "\n".join(str(change.problem) for change in changes(home))


def changed(home: Path) -> set[tuple[str, str]]:
    """Module or place of the version, and the part of the table."""
    return {(str(change.problem.file), change.problem.field) for change in changes(home)}


def number_changed(home: Path, file: str) -> None:
    append(home, file, "\n_ANOTHER = 7\n")
    accept(home, changes_no_answer=True)
    edit(home, file, "_ANOTHER = 7", "_ANOTHER = 8")


# what fails


def test_another_number_in_the_engine_fails_and_the_message_says_both_ways_on(home: Path) -> None:
    assert changed(home) == set()
    number_changed(home, GENERATION)
    assert changed(home) == {(GENERATION, "answers")}
    assert f"a raised version (PROTOCOL_VERSION in {INIT})" in said(home)
    assert "python scripts/accept_code.py --changes-no-answer" in said(home)


@pytest.mark.parametrize(
    ("file", "parts"),
    [
        ("head_ablation/models/rotary.py", {"answers"}),
        ("head_ablation/jobs/batch_size.py", {"answers"}),
        ("head_ablation/prompts/tokenizer.py", {"answers", "prompts"}),
        ("head_ablation/heads/head.py", {"answers", "head_sets"}),
        (
            "head_ablation/engine/interventions/intervention.py",
            {f"interventions/{name}" for name in INTERVENTIONS.names},
        ),
        ("head_ablation/engine/interventions/zero_output.py", {"interventions/zero_output"}),
        ("head_ablation/engine/watching.py", {f"detectors/{name}" for name in DETECTORS.names}),
        ("head_ablation/engine/gradients.py", {"detectors/attribution"}),
        ("head_ablation/detectors/answers.py", {"detectors/attribution", "detectors/single_head"}),
        ("head_ablation/detectors/settings.py", {f"detectors/{name}" for name in DETECTORS.names}),
        ("head_ablation/prompts/matchers/answer.py", {f"matchers/{name}" for name in MATCHERS.names}),
        ("head_ablation/prompts/matchers/state_names.py", {"matchers/us_state"}),
        ("head_ablation/prompts/samples.py", {"prompts"}),
        ("head_ablation/heads/arms/random.py", {"head_sets"}),
        ("scripts/choose_heads.py", {"head_sets"}),
    ],
)
def test_a_module_counts_where_it_decides(home: Path, file: str, parts: set[str]) -> None:
    number_changed(home, file)
    assert changed(home) == {(file, part) for part in parts}


@pytest.mark.parametrize(
    "file",
    ["common/files.py", "results/rows.py", "models/hub.py", "jobs/store.py", "prompts/notes.py", "study/checks.py"],
)
def test_code_that_decides_no_answer_may_change(home: Path, file: str) -> None:
    number_changed(home, f"head_ablation/{file}")
    assert changed(home) == set()


def test_phrases_of_generated_passages_decide_prompts(home: Path) -> None:
    file = "head_ablation/prompts/passages.yaml"
    append(home, file, "# a comment\n")
    assert changed(home) == set()
    append(home, file, "another: 1\n")
    assert changed(home) == {(file, "prompts")}


def test_a_module_added_to_the_engine_fails_though_nobody_imports_it(home: Path) -> None:
    file = "head_ablation/engine/sampling.py"
    (home / file).write_text("TEMPERATURE = 0.7\n")
    assert changed(home) == {(file, "answers")}
    assert "run python scripts/accept_code.py" in said(home)


def test_a_module_that_the_engine_begins_to_import_is_part_of_it(home: Path) -> None:
    (home / "head_ablation/models/dtypes.py").write_text("HALF = 2\n")
    assert changed(home) == set()
    append(home, GENERATION, "\nfrom head_ablation.models.dtypes import HALF\n")
    # Not by the copies of imports that were read before.
    done = subprocess.run(
        [sys.executable, "scripts/accept_code.py"], cwd=home, env=environment(home), capture_output=True, text=True
    )
    assert done.returncode == 1
    assert GENERATION in done.stderr and "Traceback" not in done.stderr
    assert freshly_changed(home) == {GENERATION, "head_ablation/models/dtypes.py"}


# what passes


def test_comments_docstrings_and_line_breaks_decide_nothing(home: Path) -> None:
    text = (home / GENERATION).read_text(encoding="utf-8")
    docstring = re.search(r'"""(.+)"""', text)
    assert docstring
    reworded = text.replace(docstring[0], '"""Other words."""', 1).replace("(", "(  # why\n", 1) + "\n# the end\n"
    (home / GENERATION).write_text("# first\n\n" + reworded, encoding="utf-8")
    assert changed(home) == set()


def test_a_raised_version_is_accepted_with_what_changed(home: Path) -> None:
    number_changed(home, GENERATION)
    raise_version(home, "PROTOCOL_VERSION")
    assert changed(home) == {(f"PROTOCOL_VERSION in {INIT}", "answers")}
    assert accept(home)
    assert changed(home) == set()


def test_what_changes_no_answer_is_accepted_on_somebodys_word_alone(home: Path) -> None:
    number_changed(home, GENERATION)
    before = (home / TABLE).read_text()
    with pytest.raises(StudyError, match=f"{GENERATION}: answers.*--changes-no-answer"):
        accept(home)
    assert (home / TABLE).read_text() == before
    accept(home, changes_no_answer=True)
    assert changed(home) == set()


def test_one_raised_version_does_not_accept_what_another_stands_for(home: Path) -> None:
    number_changed(home, "head_ablation/prompts/tokenizer.py")
    raise_version(home, "PROTOCOL_VERSION")
    with pytest.raises(StudyError, match="PROMPTS_VERSION") as refused:
        accept(home)
    assert "answers" not in {problem.field for problem in refused.value.problems}


@pytest.mark.parametrize("changes_no_answer", [True, False])
def test_a_version_that_went_down_is_refused(home: Path, changes_no_answer: bool) -> None:
    raise_version(home, "HEAD_SETS_VERSION")
    accept(home)
    raise_version(home, "HEAD_SETS_VERSION", by=-1)
    assert changed(home) == {(f"HEAD_SETS_VERSION in {INIT}", "head_sets")}
    with pytest.raises(StudyError, match="found version 1; expected 2 or more"):
        accept(home, changes_no_answer)


# registries


@pytest.mark.parametrize(
    ("example", "package", "part"),
    [
        ("detector/any_copy", "detectors", "detectors/any_copy"),
        ("intervention/halved_output", "engine/interventions", "interventions/halved_output"),
        ("matcher/percentage", "prompts/matchers", "matchers/percentage"),
        ("arm/bottom", "heads/arms", "head_sets"),
    ],
)
def test_a_new_entry_is_new_and_changes_no_other(home: Path, example: str, package: str, part: str) -> None:
    source = PROJECT / "tests" / "seams" / f"{example}.py"
    shutil.copy(source, home / "head_ablation" / package)
    entry, registry = source.stem.upper(), f"head_ablation/{package}/__init__.py"
    edit(home, registry, "\n)\n", f"\n    {entry},\n)\n")
    edit(
        home, registry, "\nfrom", f"\nfrom head_ablation.{package.replace('/', '.')}.{source.stem} import {entry}\nfrom"
    )
    (change,) = changes(home)
    assert (change.problem.field, change.undecided) == (part, False)
    assert str(change.problem.found).startswith("new")
    accept(home)
    assert changed(home) == set()


def test_other_code_in_a_registrys_file_counts(home: Path) -> None:
    registry = "head_ablation/detectors/__init__.py"
    append(home, registry, "\nDETECTORS['copy_score'].rank = None\n")
    assert changed(home) == {(registry, f"detectors/{name}") for name in DETECTORS.names}


def test_a_raised_version_of_one_entry_is_its_own(home: Path) -> None:
    file = "head_ablation/prompts/matchers/year.py"
    edit(home, file, "version=2", "version=3")
    assert changed(home) == {(f"version of YEAR in {file}", "matchers/year")}
    accept(home)
    assert changed(home) == set()


def test_the_versions_are_those_that_protocols_state() -> None:
    registries = {"detectors": DETECTORS, "interventions": INTERVENTIONS, "matchers": MATCHERS}
    stated = {f"{group}/{one.name}": one.version for group, registry in registries.items() for one in registry}
    stated |= {"answers": PROTOCOL_VERSION, "prompts": PROMPTS_VERSION, "head_sets": HEAD_SETS_VERSION}
    assert {name: part.version for name, part in Code().parts().items()} == stated


# the table


def test_a_table_of_another_form_is_one_message(home: Path) -> None:
    (home / TABLE).write_text('{"answers": 3}')
    with pytest.raises(StudyError, match=f"{TABLE}: file: found another form"):
        changes(home)


def test_trees_that_differ_only_in_layout_are_equal(tmp_path: Path) -> None:
    def of(text: str) -> str:
        (tmp_path / "module.py").write_text(text)
        return digest(tmp_path / "module.py")

    assert of("a = f(1, 2)\n") == of("'''Words.'''\na = f(\n    1,  # one\n    2,\n)\n'''More words.'''\n")
    assert of("a = 'b' 'c'\n") == of('a = "bc"\n')
    different = ["a = 1\n", "a = 2\n", "a = 1.0\n", "a = True\n", "a = '1'\n", "b = 1\n", "a: int = 1\n", "a = -1\n"]
    assert len({*map(of, different)}) == len(different)


def environment(home: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(home), "PATH": "/usr/bin:/bin"}


def freshly_changed(home: Path) -> set[str]:
    """The files of `changes`, by an interpreter that has read no import before."""
    code = "from head_ablation.study.deciding_code import changes\nfor one in changes(): print(one.problem.file)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=home, env=environment(home), capture_output=True, text=True, check=True)
    return {*done.stdout.split()}
