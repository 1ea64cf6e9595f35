"""Scoring as a job: what its files were made from is held against what the study says now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scored_result import BASELINE, JUDGE, PROMPTS, scored, to
from typed import arms, level_settings

from head_ablation.common import software
from head_ablation.common.files import read_json, write_json, write_jsonl
from head_ablation.common.problems import StudyError
from head_ablation.heads.head import HeadSet, ModelShape
from head_ablation.heads.head_sets import HeadSetSettings
from head_ablation.jobs.protocol import generation_protocol
from head_ablation.models.pointer import ModelSource, Pointer
from head_ablation.prompts.prompt import counted_prompts, prompts_digest
from head_ablation.results.published_format import ResultIdentity
from head_ablation.results.score_task import ScoreTask

SOURCE = ModelSource("mine", "own/model", None, None)
MADE_FROM = {"source": "own/model", "revision": None, "shape": None}
POINTER = Pointer("mine", None, "/models/mine", "f1", ModelShape(4, 8, 512), made_from=MADE_FROM)
TASK = ScoreTask(
    settings=level_settings(),
    heads=HeadSetSettings("tiny/inc_year/tokens_3", ("top-1", "top-2"), arms()),
    identity=ResultIdentity(
        "wu24_ablation_incremental", "tiny", "mine", "inc_year", "When?", 3, 0.5, "wu24", "copy_score"
    ),
    judge=JUDGE,
    model=SOURCE,
)
HEADS = {"baseline": [], "top-1": ["L0H7"], "top-2": ["L0H7", "L3H1"]}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """All files of one method and experiment, as the study says now; a file of generations for each condition."""
    asked = counted_prompts(PROMPTS, "answerable")
    POINTER.write(tmp_path / "model.json")
    write_jsonl(tmp_path / "prompts.jsonl", [prompt.to_json() for prompt in PROMPTS])
    ranked = [{"head": head, "score": 1 / rank, "rank": rank} for rank, head in enumerate(HEADS["top-2"], start=1)]
    write_json(tmp_path / "ranking.json", {"head_rankings": ranked})
    answers = to(asked, BASELINE)["generations"]
    for name, heads in HEADS.items():
        made = generation_protocol(POINTER, prompts_digest(asked), HeadSet.parse(heads), TASK.settings)
        write_json(tmp_path / f"{name}.json", {**made, "generations": answers})
    return tmp_path


def score(files: Path, task: ScoreTask = TASK):
    inputs = [files / name for name in ("model.json", "prompts.jsonl", "ranking.json", "baseline.json")]
    return task.result(*inputs, [files / "top-1.json", files / "top-2.json"])


def test_files_that_the_study_would_make_now_are_scored(files: Path) -> None:
    result = score(files)
    assert [entry["num_heads"] for entry in result["top_heads_ablations"]] == [1, 2]
    assert result["baseline"]["correct"] == 3


@pytest.mark.parametrize("field", ["source", "revision"])
def test_a_pointer_that_was_made_from_another_source_is_refused_by_field(files: Path, field: str) -> None:
    with pytest.raises(StudyError) as refused:
        score(files, replace(TASK, model=replace(SOURCE, **{field: "other"})))
    (problem,) = refused.value.problems
    assert (problem.file, problem.field) == (files / "model.json", f"made_from.{field}")
    assert problem.found == MADE_FROM[field] and problem.expected == "other, as the study says now"


def test_a_pointer_of_an_earlier_version_is_taken_as_it_is(files: Path) -> None:
    content = read_json(files / "model.json")
    del content["made_from"]
    write_json(files / "model.json", content)
    assert score(files, replace(TASK, model=replace(SOURCE, source="other")))


# What is installed is no measure of files that were made elsewhere, and may be nothing.


def put_software(files: Path, stated: Any, *names: str) -> None:
    for name in names or HEADS:
        write_json(files / f"{name}.json", {**read_json(files / f"{name}.json"), "software": stated})


def with_policy(policy: str) -> ScoreTask:
    return replace(TASK, settings=level_settings(software=policy))


def refused(files: Path, policy: str = "minor") -> set[tuple[str, str, str]]:
    with pytest.raises(StudyError) as refusal:
        score(files, with_policy(policy))
    return {(Path(problem.file).stem, problem.field, str(problem.found)) for problem in refusal.value.problems}


WHOLE = {"torch": "2.13.0+cpu", "transformers": "5.23.0"}
OLD = {"torch": "2.12", "transformers": "5.23"}


def test_files_of_another_release_than_is_installed_are_scored_together(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_software(files, OLD)
    monkeypatch.setattr(software, "_installed", lambda _: None)
    assert score(files)["protocol"]["software"] == OLD


def test_a_condition_of_another_release_than_the_baselines_is_refused(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(software, "_installed", lambda _: None)
    put_software(files, OLD, "top-2")
    put_software(files, {"torch": "2.13", "transformers": "5.23"}, "baseline", "top-1")
    with pytest.raises(StudyError) as refusal:
        score(files)
    (problem,) = refusal.value.problems
    assert (problem.file, problem.field, problem.found) == (files / "top-2.json", "software.torch", "2.12")
    assert problem.expected == "2.13, as the baseline's file states"
    assert score(files, with_policy("any"))["protocol"]["software"]["torch"] == "2.13"


@pytest.mark.parametrize("policy", ["minor", "exact"])
def test_files_that_state_no_software_are_refused_all_of_them(files: Path, policy: str) -> None:
    for name in HEADS:
        content = read_json(files / f"{name}.json")
        del content["software"]
        write_json(files / f"{name}.json", content)
    both = {"software.torch", "software.transformers"}
    assert refused(files, policy) == {(name, field, "None") for name in HEADS for field in both}
    assert "software" not in score(files, with_policy("any"))["protocol"]


def test_files_of_the_other_policy_are_refused(files: Path) -> None:
    put_software(files, WHOLE)
    assert score(files, with_policy("exact"))["protocol"]["software"] == WHOLE
    assert ("baseline", "software.torch", "2.13.0+cpu") in refused(files, "minor")
    put_software(files, OLD)
    assert score(files, with_policy("minor"))
    assert ("baseline", "software.torch", "2.12") in refused(files, "exact")


@pytest.mark.parametrize("stated", [None, 3, [], {}, {"torch": 2.13, "transformers": "5.23"}, {"torch": "2.13"}])
def test_software_of_another_form_is_refused_by_name(files: Path, stated: Any) -> None:
    put_software(files, stated, "top-1")
    assert {file for file, _, _ in refused(files)} == {"top-1"}


def test_a_result_states_its_software_only_where_its_files_do() -> None:
    assert "software" not in scored()["protocol"]
