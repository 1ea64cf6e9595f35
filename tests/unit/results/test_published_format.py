"""Given results are taken in as they are, or refused for each way in which their form is wrong, all at once."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from project import PROJECT
from published_study import RESULTS, experiment_of, load, needs_published_study
from results_factory import answers, result

from head_ablation.common.problems import StudyError
from head_ablation.results.published_format import ResultExpectation, read_result, result_problems
from head_ablation.study.config_schema import with_defaults
from head_ablation.study.loading import read_resolved
from head_ablation.study.paths import Paths
from head_ablation.study.tasks import acceptances

LEVELS = (2, 4)
EXPECTED = ResultExpectation(
    method="wu24",
    methods=("wu24", "qrhead", "summed_attention"),
    models=("llama3", "instruct"),
    model_name="meta-llama/Meta-Llama-3-8B-Instruct",
    question="inc_year",
    tokens=2048,
    levels=LEVELS,
)


def given(
    baseline: str = "1111", top: tuple[str, ...] = ("0111", "0001"), draws: int = 1, **identity: Any
) -> dict[str, Any]:
    """A result as the published study writes it: top heads L0H0, L0H1, ..., random heads from layer 1 on."""
    tops = dict(zip(LEVELS, map(answers, top), strict=True))
    randoms = {level: [answers(baseline)] * draws for level in LEVELS}
    made = result(answers(baseline), tops, randoms, samples=False, majority=None, **identity)
    del made["unanswerable"]
    made |= {"model_name": "a/model", "question_prompt": "When?"}
    for entry in made["top_heads_ablations"]:
        set_heads(entry, [[0, head] for head in range(entry["num_heads"])])
    made["random_heads_ablations"] = [_pooled(entry) for entry in made["random_heads_ablations"]]
    return made


def set_heads(entry: dict[str, Any], heads: list[list[int]]) -> None:
    entry |= {"heads": heads, "heads_str": [f"L{layer}H{head}" for layer, head in heads]}


def _pooled(entry: dict[str, Any]) -> dict[str, Any]:
    """One draw as the published study writes it, several as this one does."""
    draws = entry["draws"]
    for place, draw in enumerate(draws):
        set_heads(draw, [[1 + place, head] for head in range(entry["num_heads"])])
    first = {key: value for key, value in draws[0].items() if key != "draw"}
    if len(draws) == 1:
        return first
    sums = {key: sum(draw[key] for draw in draws) for key in ("correct", "total")}
    mean = sum(draw["accuracy_drop"] for draw in draws) / len(draws)
    return {**first, **sums, "accuracy_drop": mean, "draws": draws}


def found(content: Any, expected: ResultExpectation = EXPECTED) -> list[str]:
    return [str(problem) for problem in result_problems("given.json", content, expected)]


def changed(*path: Any, value: Any) -> dict[str, Any]:
    """A good result with another value at a path such as ("baseline", "total"); None removes it."""
    made = given(draws=2)
    *parents, last = path
    place: Any = made
    for parent in parents:
        place = place[parent]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return made


@pytest.mark.parametrize("draws", [1, 2])
def test_a_good_result_has_no_problem(draws: int) -> None:
    assert found(given(draws=draws)) == []


@needs_published_study
def test_the_published_results_have_no_problem() -> None:
    for file in RESULTS:
        question, tokens = experiment_of(file)
        of_file = {"question": question, "tokens": tokens, "levels": (5, 10, 20, 30, 40, 50)}
        assert found(load(file), ResultExpectation(**{**vars(EXPECTED), **of_file})) == []


def test_the_content_stays_but_for_the_studys_own_names(tmp_path: Path) -> None:
    content = given() | {"timestamp": "2026", "method": "retrieval heads"}
    (tmp_path / "given.json").write_text(json.dumps(content), encoding="utf-8")
    taken = read_result(tmp_path / "given.json", EXPECTED)
    assert taken == content | {"ranking_method": "wu24", "model_key": "llama3"}


@pytest.mark.parametrize("value", [[], None])
def test_a_random_arm_is_not_needed(value: Any) -> None:
    assert found(changed("random_heads_ablations", value=value)) == []


def test_the_models_full_name_is_enough() -> None:
    content = given() | {"model_key": "another", "model_name": EXPECTED.model_name}
    assert found(content) == []


def test_numbers_that_contradict_each_other_are_left_to_the_audit() -> None:
    content = given()
    content["top_heads_ablations"][0] |= {"accuracy": 0.1, "accuracy_drop": 0.7, "total": 30}
    set_heads(content["top_heads_ablations"][1], [[0, 0]])
    assert found(content | {"test_samples": 9}) == []


TOP, RANDOM = "top_heads_ablations", "random_heads_ablations"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([1], "file: found list; expected a JSON object"),
        (changed("baseline", value=None), "baseline: found nothing"),
        (changed(TOP, 1, "correct", value=None), "top_heads_ablations[1].correct: found nothing"),
        (changed(TOP, 1, "heads_str", value=None), "top_heads_ablations[1].heads_str: found nothing"),
        (changed(TOP, 1, "heads_str", 2, value="0-2"), "heads_str[2]: found '0-2'; expected a head written like"),
        (changed(TOP, 1, "heads", 2, value=[0]), "top_heads_ablations[1].heads[2]: found [0]; expected [layer, head]"),
        (changed(TOP, value=[]), "top_heads_ablations: found []; expected an entry per level"),
        (changed("baseline", "accuracy", value=1.5), "baseline.accuracy: found 1.5; expected a share"),
        (
            changed("baseline", "accuracy", value=math.nan),
            "baseline.accuracy: found nan; expected a share, from 0 to 1",
        ),
        (changed("method", value=""), "method: found ''"),
        (changed("method", value="qrhead_ablation_incremental"), "expected a result of 'wu24', as its path says"),
        (changed("method", value="summed_attention"), "expected a result of 'wu24', as its path says"),
        (changed("question", value="hq_state"), "question: found 'hq_state'; expected 'inc_year', as its path says"),
        (changed("total_tokens", value=4096), "total_tokens: found 4096; expected 2048, as its path says"),
        (changed("model_key", value="base"), "model_key: found 'base'; expected 'llama3' or 'instruct'"),
        (changed(TOP, 1, value=None), "top_heads_ablations[*].num_heads: found 2; expected 2, 4"),
        (changed(TOP, 1, "num_heads", value=8), "top_heads_ablations[*].num_heads: found 2, 8; expected 2, 4"),
        (changed(RANDOM, 0, "num_heads", value=4), "random_heads_ablations[*].num_heads: found 4, 4; expected 2, 4"),
        (changed("baseline", "correct", value=9), "baseline.correct: found 9; expected at most 4"),
        (changed(RANDOM, 1, "draws", 1, "correct", value=5), "random_heads_ablations[1].draws[1].correct: found 5"),
    ],
)
def test_every_fault_of_form_is_named(content: Any, said: str) -> None:
    problems = found(content)
    assert len(problems) == 1
    assert said in problems[0]


def test_all_faults_are_named_at_once_and_each_once() -> None:
    content = given() | {"question": "hq_state"}
    del content["baseline"], content["model_name"], content["question_prompt"], content[TOP][0]["heads"]
    problems = found(content)
    assert len(problems) == len(set(problems)) == 5


@pytest.mark.parametrize("content", [{}, {"baseline": 3, TOP: 3, RANDOM: [3, {"draws": 3}]}, {TOP: {"num_heads": 2}}])
def test_no_content_is_too_wrong_to_be_described(content: Any) -> None:
    assert found(content)


def test_a_file_that_is_not_there_or_no_json_is_refused(tmp_path: Path) -> None:
    for text in (None, '{"method": '):
        if text:
            (tmp_path / "given.json").write_text(text, encoding="utf-8")
        with pytest.raises(StudyError, match=r"given.json: file: found"):
            read_result(tmp_path / "given.json", EXPECTED)


# a study


def write_study(folder: Path, contents: dict[str, Any], **own: Any) -> Path:
    """Given results by question, and the resolved config of a study that takes them in."""
    for question, content in contents.items():
        path = folder / "given" / question / "tokens_2048.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
    config = {
        "study": "mine",
        "models": {"llama3": {"source": EXPECTED.model_name, "model_dir": "instruct"}},
        "questions": {question: {} for question in contents},
        "tokens": [2048],
        "results_from": f"{folder}/given/{{question}}/tokens_{{tokens}}.json",
        "rankings": {"wu24": None},
        "levels": list(LEVELS),
    }
    resolved = folder / "results" / "config.yaml"
    resolved.parent.mkdir(exist_ok=True)
    resolved.write_text(yaml.safe_dump(with_defaults({**config, **own})), encoding="utf-8")
    return resolved


def accept(folder: Path, contents: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    study = read_resolved(write_study(folder, contents))
    study = replace(study, paths=Paths(results=str(folder / "taken")))
    command = [sys.executable, "scripts/accept_results.py", *acceptances(study)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_a_study_takes_in_all_of_its_results_or_none(tmp_path: Path) -> None:
    contents = {question: given(question=question) for question in ("inc_year", "inc_state")}
    taken = tmp_path / "taken" / "mine" / "ablation" / "wu24" / "llama3"
    wrong = {**contents, "inc_state": contents["inc_year"]}
    refused = accept(tmp_path, wrong)
    assert refused.returncode == 1 and "question: found 'inc_year'; expected 'inc_state'" in refused.stderr
    assert not taken.exists()
    assert accept(tmp_path, contents).returncode == 0
    for question, content in contents.items():
        expected = content | {"ranking_method": "wu24", "model_key": "llama3"}
        assert load(taken / question / "tokens_2048.json") == expected
