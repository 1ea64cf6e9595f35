"""The digest of a stage's code covers all that its script imports, however the import is written."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from project import PROJECT

from head_ablation.study.code import reached

LIBRARY = PROJECT / "head_ablation"
MODULES = [*LIBRARY.rglob("*.py"), *(PROJECT / "scripts").glob("*.py")]


def imported(text: str) -> set[str]:
    """What Python imports of the library: modules, and names that may be modules."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{name.name}" for name in node.names)}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return {name for name in found if name.startswith("head_ablation")}


def files(names: set[str], home: Path) -> set[Path]:
    places = [home / name.replace(".", "/") for name in names]
    found = {place.with_suffix(".py") for place in places} | {place / "__init__.py" for place in places}
    return {path for path in found if path.is_file()}


def test_every_import_of_every_module_is_followed() -> None:
    missed = {file: files(imported(file.read_text("utf-8")), PROJECT) - reached([file]) for file in MODULES}
    assert {file: paths for file, paths in missed.items() if paths} == {}


@pytest.mark.parametrize(
    "text",
    [
        "import head_ablation.heads.head",
        "from head_ablation.heads.head import Head",
        "from head_ablation.heads import head",
        "from head_ablation.heads import head as one, arms",
        "from head_ablation.heads import (\n    arms,\n    head,\n)",
        "def f():\n    from head_ablation.heads import head",
        "from head_ablation.common import files\nfrom head_ablation.heads import head",
    ],
)
def test_an_import_is_followed_however_it_is_written(tmp_path: Path, text: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(text)
    assert LIBRARY / "heads" / "head.py" in reached([script])


def test_what_is_left_out_is_neither_counted_nor_followed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("from head_ablation.heads.head_sets import choose_head_sets")
    out = LIBRARY / "heads" / "head_sets.py"
    assert reached([script], left_out=lambda file: file == out) == {script}
    assert len(reached([script])) > 2
