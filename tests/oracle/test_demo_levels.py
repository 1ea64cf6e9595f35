"""The demo's levels are decided by what its own detection finds: no tie at a cut, no head that never scored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from project import PROJECT

from head_ablation.detectors import DETECTORS
from head_ablation.engine.runner import Runner
from head_ablation.heads.ranking_facts import FEW_PROMPTS, ranking_facts
from head_ablation.jobs.work import DetectionWork
from head_ablation.models.pointer import prepare
from head_ablation.prompts.builders import build_prompts, prompt_builder
from head_ablation.prompts.samples import Sample
from head_ablation.prompts.tokenizer import PromptTokenizer
from head_ablation.study.loading import load_study
from head_ablation.study.planning import Plan
from head_ablation.study.settings import detection_settings, prompt_settings
from head_ablation.study.study import Study

(MODEL,) = yaml.safe_load((PROJECT / "config.yaml").read_text(encoding="utf-8"))["models"]


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Study:
    """The demo study, in the folder that its paths are meant from."""
    monkeypatch.chdir(PROJECT)
    return load_study(yaml.safe_load(Path("config.yaml").read_text(encoding="utf-8")), "config.yaml")


def detected(study: Study, question: str, model: Path, folder: Path) -> dict[str, Any]:
    """The ranking that the study detects for a question at its first prompt length."""
    lines = (Plan(study).samples(question, "train") or "").splitlines()
    settings = prompt_settings(study, MODEL, question)
    filler = Path(study.filler).read_text(encoding="utf-8")
    builder = prompt_builder(
        PromptTokenizer(model), settings.layout, settings.question, filler, study.config["tokens"][0]
    )
    prompts = build_prompts(builder, [Sample.from_json(json.loads(line)) for line in lines])
    work = DetectionWork.of(
        prepare(str(model), None, folder), prompts, detection_settings(study, "wu24", MODEL, question)
    )
    runner = Runner(work.pointer, work.settings.run, threads=1)
    return DETECTORS[work.settings.detector].rank(runner, work.watched, work.settings)


@pytest.mark.slow
@pytest.mark.parametrize("question", ["inc_year", "inc_state"])
def test_the_demos_levels_are_decided_by_its_detection(
    demo: Study, embedded_folder: Path, tmp_path: Path, question: str
) -> None:
    assert question in demo.questions
    ranking = detected(demo, question, embedded_folder, tmp_path)
    assert list(ranking_facts(ranking, demo.levels).warnings()) == []
    assert ranking["successful_retrievals"] >= 3 * FEW_PROMPTS
    beyond = ranking_facts(ranking, [30])  # negative control: only 25 and 22 heads score
    assert [cut.unscored > 0 for cut in beyond.cuts] == [True]
