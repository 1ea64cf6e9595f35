"""What a job must not wait for: torch where no model is loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest
from project import PROJECT

LIGHT = (
    *("checks", "config", "config_schema", "files", "head_sets", "heads", "matchers", "model_sources", "passages"),
    *("allocation", "inventory", "jobs", "memory", "planning", "progress", "protocol", "slots", "staleness", "store"),
    *("audit", "bench_processes", "bench_table", "claims", "contradictions", "edgar", "results"),
    *("problems", "prompts", "provenance", "rankings", "samples", "scoring", "statistics", "tables", "figures"),
)
HEAVY = ("torch", "transformers")


def imported(module: str) -> set[str]:
    code = f"import sys, head_ablation.{module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", LIGHT)
def test_light_modules_do_not_import_torch(module: str) -> None:
    assert not set(HEAVY) & imported(module)


def test_the_check_sees_an_import_of_torch() -> None:
    assert "torch" in imported("ablation")


def test_every_module_is_classified() -> None:
    heavy = {
        "ablation",
        "attention",
        "bench_cases",
        "bench_engine",
        "bench_usual_way",
        "detection",
        "generation",
        "key_values",
        "models",
        "reading",
        "runs",
    }
    modules = {path.stem for path in (PROJECT / "head_ablation").glob("*.py")} - {"__init__"}
    assert modules == heavy | set(LIGHT)
