"""The page of truth passes what is as predicted, fails what is not, and says which heads a ranking mistakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from planted_model import TOKENS, Planted, planted_model

from head_ablation.common.experiment import Experiment
from head_ablation.heads.head import Head
from head_ablation.planted.prediction import predicted_answer, read_facts
from head_ablation.planted.roles import Roles
from head_ablation.results.scoring import Judge
from head_ablation.results.truth import (
    FAIL,
    OPEN,
    PASS,
    Ranked,
    Row,
    TruthTask,
    ranked_rows,
    truth_markdown,
    truth_rows,
)

EXPERIMENT = Experiment("planted", "seat", TOKENS)
TASK = TruthTask(
    "zero_output", "all", {"seat": Judge("text", "typed")}, {"truth": "given", "wu24": "copy_score"}, (1, 2)
)
Says = Callable[[Roles, Any, Sequence[Head]], str]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return planted_model(tmp_path_factory.mktemp("planted"))


def as_predicted(roles: Roles, prompt: Any, heads: Sequence[Head]) -> str:
    facts = read_facts(roles, prompt)
    assert facts
    return predicted_answer(roles, facts, heads) or ""


def entry(planted: Planted, heads: Sequence[Head], says: Says) -> dict[str, Any]:
    judge = TASK.judges["seat"]
    texts = {prompt.filename: (says(planted.roles, prompt, heads), prompt) for prompt in planted.prompts["seat"]}
    samples = [
        {"filename": name, "text": text, **judge.verdicts(text, prompt.golds)} for name, (text, prompt) in texts.items()
    ]
    return {"num_heads": len(heads), "heads": [list(head) for head in heads], "samples": samples}


def study(planted: Planted, says: Says = as_predicted, method: str = "truth") -> dict[str, Any]:
    """A result: the two strongest heads, one by one, and a draw of the previous-token head."""
    top, previous = planted.roles.of_role("retrieval"), planted.roles.of_role("previous_token")
    return {
        "ranking_method": method,
        "model_key": "planted",
        "question": "seat",
        "total_tokens": TOKENS,
        "baseline": entry(planted, (), says),
        "top_heads_ablations": [entry(planted, top[:level], says) for level in (1, 2)],
        "random_heads_ablations": [{"num_heads": 1, "draws": [{"draw": 0, **entry(planted, previous, says)}]}],
    }


def rows(planted: Planted, *results: Mapping[str, Any], roles: Roles | None = None, **task: Any) -> list[Row]:
    prompts = {EXPERIMENT: planted.prompts["seat"]}
    return truth_rows(results, prompts, {"planted": roles or planted.roles}, replace(TASK, **task))


def page(found: Sequence[Row], ranked: Sequence[Ranked] = ()) -> str:
    return truth_markdown(found, ranked, TASK)


def test_answers_that_are_as_predicted_pass(planted: Planted) -> None:
    found = rows(planted, study(planted), study(planted, method="wu24"))
    conditions = ["baseline", *["top-1", "top-2", "random-1-0"] * 2]
    assert [(row.method, row.condition) for row in found] == list(
        zip(["-", *["truth"] * 3, *["wu24"] * 3], conditions, strict=True)
    )
    assert {row.verdict for row in found} == {PASS}
    assert [row.predicted for row in found] == [row.found for row in found]
    assert found[0].found > found[1].found > found[2].found > found[3].found == 0
    text = page(found)
    assert f"**PASS**: 7 of 7 conditions ({7 * 36} answers) are as predicted." in text
    assert "| planted/seat/tokens_136 | truth | random-1-0 | 36 | 0.0 % | 0.0 % | 0 | pass |" in text


def test_one_other_answer_fails_though_accuracy_is_the_same(planted: Planted) -> None:
    result = study(planted)
    lost = next(one for one in result["top_heads_ablations"][1]["samples"] if not one["correct"])
    lost["text"] = "never"
    found = rows(planted, result)
    assert [row.verdict for row in found] == [PASS, PASS, FAIL, PASS]
    assert found[2].predicted == found[2].found
    assert "**FAIL**: 1 of 4 conditions" in page(found)
    assert f"truth, top-2, {lost['filename']}: predicted 'unknown', found 'never'" in page(found)


def test_a_wrong_verdict_fails(planted: Planted) -> None:
    result = study(planted)
    result["baseline"]["samples"][0]["correct"] ^= True
    assert rows(planted, result)[0].verdict == FAIL


def test_wrong_strengths_fail(planted: Planted) -> None:
    weaker = [replace(one, strength=1.0) if one.role == "retrieval" else one for one in planted.roles.heads]
    found = rows(planted, study(planted), roles=replace(planted.roles, heads=tuple(weaker)))
    assert found[0].verdict == FAIL and "**FAIL**" in page(found)


def test_answers_of_neighbouring_heads_fail(planted: Planted) -> None:
    def neighbours(roles: Roles, prompt: Any, heads: Sequence[Head]) -> str:
        return as_predicted(roles, prompt, [Head(head.layer, (head.head + 1) % 8) for head in heads])

    assert [row.verdict for row in rows(planted, study(planted, neighbours))] == [PASS, FAIL, FAIL, FAIL]


def test_what_is_not_predicted_neither_passes_nor_fails(planted: Planted) -> None:
    found = rows(planted, study(planted), intervention="mean")
    assert [row.verdict for row in found] == [PASS, OPEN, OPEN, OPEN]
    assert found[1].predicted is None
    assert "**PASS**: 1 of 4 conditions (144 answers) are as predicted; 3 are not predicted." in page(found)
    assert "| 36 | - |" in page(found)
    assert page(rows(planted, study(planted), intervention="mean")[1:]).startswith(
        "# Truth\n\n**NOT PREDICTED**: 0 of 3"
    )


def test_other_models_are_passed_over(planted: Planted) -> None:
    assert rows(planted, {**study(planted), "model_key": "smollm2"}) == []


def test_a_rankings_first_heads_are_told_by_role(planted: Planted) -> None:
    retrieval, decoys = planted.roles.of_role("retrieval"), planted.roles.of_role("attention_decoy")
    order = [decoys[0], *retrieval[:4], decoys[1], *retrieval[4:]]
    entries = [{"head": str(head), "score": score} for head, score in zip(order, [9, 8, 8, 8, 5, 5, 5, 1], strict=True)]
    ranking = {("wu24", EXPERIMENT): {"head_rankings": entries}, ("none", EXPERIMENT): {"head_rankings": []}}
    first, second, six = ranked_rows(ranking, {"planted": planted.roles}, (1, 2))
    assert (first.precision, first.recall, first.tied) == (0, 0, 0)
    assert (second.precision, second.recall, second.tied) == (1 / 2, 1 / 6, 3)
    assert (six.level, six.precision, six.recall, six.tied) == (6, 4 / 6, 4 / 6, 3)
    assert "| wu24 | copy_score | planted/seat/tokens_136 | 6 | 0.67 | 0.67 | 2 attention_decoy | 3 |" in page(
        [], [six]
    )


def test_texts_of_answers_are_no_markup(planted: Planted) -> None:
    result = study(planted)
    result["baseline"]["samples"][0]["text"] = "<b>|\n# x"
    text = page(rows(planted, result))
    assert "found '&lt;b>\\| # x'" in text


def test_roles_are_enough_to_predict(planted: Planted, tmp_path: Path) -> None:
    planted.roles.write(tmp_path / "roles.json")
    read = Roles.read(tmp_path / "roles.json")
    assert {row.verdict for row in rows(planted, study(planted), roles=read)} == {PASS}
