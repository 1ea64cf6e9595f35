"""Each seam takes a new entry by a module and a line: the examples of CONTRIBUTING.md, run in a study."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from checkouts import copy_project
from project import PROJECT
from tiny_study import TinyStudy, write_detected_study

pytestmark = pytest.mark.workflow

SEAMS = {  # example -> the package that takes it
    "detector/any_copy": "detectors",
    "intervention/halved_output": "engine/interventions",
    "arm/bottom": "heads/arms",
    "matcher/percentage": "prompts/matchers",
    "figure/drop_by_question": "figures",
}


def register(library: Path, example: str, package: str) -> None:
    """Puts an example's module into its package, and its one line and import into the registry."""
    source = PROJECT / "tests" / "seams" / f"{example}.py"
    shutil.copy(source, library / package)
    name = source.stem.upper()
    registry = library / package / "__init__.py"
    module = f"head_ablation.{package.replace('/', '.')}.{source.stem}"
    text = registry.read_text(encoding="utf-8")
    text = text.replace(
        "from head_ablation.common.registry", f"from {module} import {name}\nfrom head_ablation.common.registry"
    )
    registry.write_text(re.sub(r"\n\)\n$", f"\n    {name},\n)\n", text), encoding="utf-8")


def use_them(config: dict[str, Any]) -> None:
    config["rankings"] = {"mine": {"detector": "any_copy", "min_tokens": 1}}
    config["arms"] = {"random": {}, "bottom": {}}
    config["ablation"] = {"intervention": "halved_output", "factor": 0}
    config["figures"] = ["drop_by_question"]
    config["questions"] = {"inc_state": {}}
    config["levels"] = [30]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> TinyStudy:
    """The detected study with every example registered and used, run to its end."""
    study = write_detected_study(copy_project(tmp_path_factory.mktemp("seams")))
    for example, package in SEAMS.items():
        register(study.checkout.folder / "head_ablation", example, package)
    study.configure(use_them)
    study.checkout.snakemake()
    return study


def test_a_new_detector_ranks(study: TinyStudy) -> None:
    ranking = json.loads(study.checkout.results("rankings/mine/smollm2/inc_state/tokens_128.json").read_text())
    assert len(ranking["head_rankings"]) == 270
    assert {entry["score"] for entry in ranking["head_rankings"]} >= {0, 1}


def test_a_new_arm_is_a_condition_a_field_of_the_result_and_a_row_of_every_table(study: TinyStudy) -> None:
    result = json.loads(study.checkout.results("ablation/mine/smollm2/inc_state/tokens_128.json").read_text())
    (entry,) = result["bottom_heads_ablations"]
    assert (entry["num_heads"], len(entry["heads"])) == (30, 30)
    levels = pd.read_csv(study.checkout.results("tables/levels.csv"))
    assert list(levels["arm"]) == ["baseline", "top", "random", "bottom"]
    key_results = pd.read_csv(study.checkout.results("tables/key_results.csv"))
    assert {"bottom_drop_points", "bottom_gap_points"} <= set(key_results)
    assert "drop, bottom heads" in study.checkout.results("tables/key_results.md").read_text()


def test_a_new_intervention_with_its_option_is_part_of_the_protocol_and_of_what_is_said(study: TinyStudy) -> None:
    folder = study.checkout.results("generations/mine/smollm2/inc_state/tokens_128")
    made = json.loads((folder / "top-30.json").read_text())
    assert made["settings"]["intervention"] == {"name": "halved_output", "version": 1, "factor": 0}
    baseline = json.loads(study.checkout.results("generations/baseline/smollm2/inc_state/tokens_128.json").read_text())
    assert made["generations"] != baseline["generations"]
    assert {row["filename"] for row in made["generations"]} == {row["filename"] for row in baseline["generations"]}


def test_a_new_figure_is_drawn(study: TinyStudy) -> None:
    drawn = {path.name for path in study.checkout.results("figures").iterdir() if path.is_file()}
    assert drawn == {f"drop_by_question.{kind}" for kind in ("svg", "png", "pdf")}


def test_a_new_matcher_is_a_word_of_the_config(study: TinyStudy) -> None:
    words = {"text": "What share?", "stem": "", "column": "original_Inc_state_truth", "label": "Share"}
    study.configure(lambda config: config["questions"].update(share={**words, "matcher": "percentage"}))
    said = study.checkout.snakemake("--dry-run", check=False)
    assert "expected a percentage such as 12.5 %" in said  # it reads the column, and says what it misses
