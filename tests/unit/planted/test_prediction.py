"""Predictions, by cases worked out by hand: the strengths are 6 to 1, 2 against, 2.2 and 1.1 for the other fact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from planted_model import Planted, planted_model

from head_ablation.heads.head import Head
from head_ablation.planted.options import PlantedOptions
from head_ablation.planted.prediction import EFFECTS, Facts, predicted_answer, read_facts
from head_ablation.planted.roles import ROLES, Roles
from head_ablation.planted.texts import read_texts

ROLES_HERE = Roles.of(PlantedOptions(), read_texts())
THRESHOLDS = {"1905": 10.4, "1909": 2.5, "1913": 20.5, "1917": 1.4, "Santa": 6.5, "Reno": 1.4, "Fe": 0.35, ".": 0.35}
HANDMADE = replace(ROLES_HERE, thresholds=THRESHOLDS)
RETRIEVAL = HANDMADE.of_role("retrieval")
NEGATIVE, DISTRACTOR = HANDMADE.of_role("negative"), HANDMADE.of_role("distractor")
REDUNDANT, CONSTANT = HANDMADE.of_role("redundant"), HANDMADE.of_role("constant")
PREVIOUS = HANDMADE.of_role("previous_token")
WEAK = Facts(gold=("1905", "."), distractor=("1909", "."))  # 19 of 10.4; 3.3 of 2.5
LONG = Facts(gold=("Santa", "Fe", "."), distractor=("Reno", "."))


def said(facts: Facts, heads: Sequence[Head] = (), **how: str) -> str | None:
    return predicted_answer(HANDMADE, facts, heads, **how)


@pytest.mark.parametrize(
    ("heads", "answer"),
    [
        ((), "1905 ."),  # 19 / 10.4 > 3.3 / 2.5
        (RETRIEVAL[:1], "1909 ."),  # 13 / 10.4 = 1.25 < 1.32: the fact is lost to the subsidiary's
        (RETRIEVAL[:2], "1909 ."),
        ([RETRIEVAL[0], DISTRACTOR[0]], "1905 ."),  # 1.25 > 1, and 1.1 / 2.5 < 1
        ([*RETRIEVAL[:2], DISTRACTOR[0]], "unknown"),  # 8 / 10.4 < 1
        (RETRIEVAL, "1909 ."),  # -2 + 3.3 = 1.3 > 0.35, so that the stop follows
        ([*RETRIEVAL, DISTRACTOR[1]], "unknown"),  # 2.2 / 2.5 < 1
        (PREVIOUS, "unknown"),
        (REDUNDANT[:1], "1905 ."),
        (REDUNDANT[1:], "1905 ."),
        (REDUNDANT, "unknown"),
        (CONSTANT, "unknown"),
        ([*HANDMADE.of_role("attention_decoy", "copy_decoy", "idle")], "1905 ."),
    ],
)
def test_the_answer_is_the_largest_of_a_handful_of_numbers(heads: Sequence[Head], answer: str) -> None:
    assert said(WEAK, heads) == answer


def test_a_negative_head_prevents_an_answer_that_its_ablation_brings_back() -> None:
    facts = Facts(gold=("1913", "."), distractor=("1905", "."))
    assert said(facts) == "unknown"  # 19 < 20.5
    assert said(facts, NEGATIVE) == "1913 ."  # 21 > 20.5


def test_a_fact_of_several_words_is_copied_to_its_end() -> None:
    assert said(LONG, DISTRACTOR[:1]) == "Santa Fe ."
    assert said(LONG, RETRIEVAL[:4]) == "Reno ."  # 1 / 6.5 < 3.3 / 1.4


def test_what_is_left_may_begin_an_answer_and_not_end_it() -> None:
    """Of the strengths -2 and 2.2 the first word takes 2.2, those behind it 0.2."""
    assert said(LONG, [*RETRIEVAL, DISTRACTOR[1]]) == "Reno unknown"


def test_while_decoding_the_previous_token_head_is_not_needed() -> None:
    assert said(WEAK, PREVIOUS, positions="decode") == "1905 ."
    assert said(WEAK, REDUNDANT, positions="decode") == "unknown"


def test_interventions_differ_in_the_constant_head_alone() -> None:
    for intervention in ("zero_query", "first_token"):
        assert said(WEAK, CONSTANT, intervention=intervention) == "1905 ."
        assert said(WEAK, PREVIOUS, intervention=intervention) == "unknown"


def test_what_does_not_follow_from_the_construction_is_not_predicted() -> None:
    assert said(WEAK, CONSTANT, intervention="mean") == "1905 ."
    assert said(WEAK, RETRIEVAL[:1], intervention="mean") is None
    assert said(WEAK, RETRIEVAL[:1], intervention="no_such") is None
    assert said(WEAK, RETRIEVAL[:1], positions="no_such") is None
    assert said(WEAK, (), intervention="no_such") == "1905 ."  # nothing is ablated


def test_every_intervention_knows_only_roles_that_there_are() -> None:
    assert {role for effects in EFFECTS.values() for role in effects} <= set(ROLES)
    assert set(EFFECTS["zero_output"]) == set(ROLES)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return planted_model(tmp_path_factory.mktemp("planted"))


def test_facts_are_read_from_the_prompts_words(planted: Planted) -> None:
    for prompts in planted.prompts.values():
        for prompt in prompts:
            facts = read_facts(planted.roles, prompt)
            assert facts and " ".join(facts.gold) == f"{prompt.gold} ."
            assert facts.distractor != facts.gold


def test_facts_of_prompts_that_say_them_otherwise_are_not_read(planted: Planted) -> None:
    prompt = planted.prompts["founded"][0]
    start, end = prompt.passage_span

    def without(word: str) -> list[int]:
        return [planted.id("<unk>") if token == planted.id(word) else token for token in prompt.token_ids]

    gold_twice = [planted.id(prompt.gold), *prompt.token_ids[1:]]
    for token_ids in (
        without("around"),
        gold_twice,
        [*prompt.token_ids[:-1], planted.id("<unk>")],
        [planted.id("during"), *prompt.token_ids[1:]],
    ):
        assert read_facts(planted.roles, replace(prompt, token_ids=token_ids)) is None
    assert read_facts(planted.roles, replace(prompt, passage_span=(start, start + 3), answer_span=None)) is None
    assert read_facts(replace(planted.roles, least_tokens=len(prompt.token_ids) + 1), prompt) is None
    assert read_facts(replace(planted.roles, copy_lag=len(prompt.token_ids) - end), prompt) is None
    assert read_facts(planted.roles, prompt) is not None
