"""Which package may import what: torch only where models run, and downwards only."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from project import PROJECT

LIBRARY = PROJECT / "head_ablation"
ORDER = (
    "common",
    "heads",
    "prompts",
    "planted",
    "models",
    "engine",
    "detectors",
    "jobs",
    "results",
    "figures",
    "report",
    "study",
    "bench",
)
MAY_IMPORT_TORCH = {"engine", "detectors", "bench"}
HEAVY = {"torch", "transformers", "matplotlib"}
IMPORT = re.compile(r"^\s*from head_ablation\.(\w+)", re.MULTILINE)


def modules(package: str) -> list[str]:
    files = (file.relative_to(LIBRARY.parent).with_suffix("") for file in (LIBRARY / package).rglob("*.py"))
    return sorted(".".join(file.parts).removesuffix(".__init__") for file in files)


def imported(names: list[str]) -> set[str]:
    """What a fresh interpreter has imported after all of these modules."""
    code = f"import sys\nfor name in {names!r}: __import__(name)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_every_package_is_known() -> None:
    assert {folder.name for folder in LIBRARY.iterdir() if (folder / "__init__.py").is_file()} == set(ORDER)


@pytest.mark.parametrize("package", [package for package in ORDER if package not in MAY_IMPORT_TORCH])
def test_only_engine_detectors_and_bench_import_torch(package: str) -> None:
    assert not {"torch", "transformers"} & imported(modules(package))


@pytest.mark.slow
def test_the_check_sees_an_import_of_torch() -> None:
    assert "torch" in imported(modules("engine"))


def test_what_the_workflow_reads_its_rules_with_imports_nothing_slow() -> None:
    """The registries among it: their entries import torch and matplotlib only when they are used."""
    rules = "\n".join(map(read, (PROJECT / "rules").rglob("*.smk")))
    used = re.findall(r"^from (head_ablation[\w.]*)", rules, re.MULTILINE)
    assert "head_ablation.study.checks" in used and "head_ablation.figures" in used
    assert not HEAVY & imported(sorted(set(used)))


def read(path) -> str:
    return path.read_text(encoding="utf-8")


def upward(package: str, text: str) -> set[str]:
    """The packages that stand behind `package` in the order, and are imported all the same."""
    return {other for other in IMPORT.findall(text) if other in ORDER and ORDER.index(other) > ORDER.index(package)}


@pytest.mark.parametrize("package", ORDER)
def test_imports_point_downwards(package: str) -> None:
    found = {file.name: upward(package, read(file)) for file in (LIBRARY / package).rglob("*.py")}
    assert {name: packages for name, packages in found.items() if packages} == {}


def test_the_check_sees_an_import_that_points_upwards() -> None:
    assert upward("heads", "def f():\n    from head_ablation.study.study import Study\n") == {"study"}
    assert upward("study", "from head_ablation.heads.head import Head\n") == set()
