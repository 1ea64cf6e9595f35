"""Nine families of models, each under two attention kernels: the ablation equals zeroed columns in all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from model_outputs import (
    NO_HEADS,
    differing_tokens,
    our_answers,
    read,
    read_then_step,
    transformers_answer,
    worst_difference,
)
from oracle_report import OracleTable
from plain_llama import PlainLlama
from tiny_models import FAMILIES, LAYERS, Family, random_prompts, tiny_model
from tiny_models import HEADS as HEADS_PER_LAYER
from wrong_ablations import WrongAblation, layer_off_by_one, output_sliced
from zeroed_columns import with_zeroed_columns

from head_ablation.engine.ablation import ablate, find_projections
from head_ablation.heads.head import Head, HeadSet

HEADS = HeadSet.parse(["L0H1", "L1H0", "L1H3"])
PROMPT_TOKENS = 14  # longer than the sliding windows
ANSWER_TOKENS = 8
TOLERANCE = 1e-4
NOTICED = 0.1


class Case(NamedTuple):
    """A family's model and its oracle, the copy with HEADS cut off in the weights."""

    family: Family
    model: Any
    zeroed: Any


@pytest.fixture(
    scope="module",
    params=[(name, attention) for name in FAMILIES for attention in ("sdpa", "eager")],
    ids=lambda pair: "-".join(pair),
)
def case(request: pytest.FixtureRequest) -> Case:
    """Every family under every attention kernel."""
    name, attention = request.param
    family = FAMILIES[name]
    model = tiny_model(family, attention)
    return Case(family, model, with_zeroed_columns(model, HEADS, family.projection))


def test_every_layer_has_one_projection_of_the_right_head_width(case: Case) -> None:
    projections = find_projections(case.model)
    expected = [case.model.get_submodule(case.family.projection.format(layer)) for layer in range(LAYERS)]
    assert [projection.module for projection in projections] == expected
    assert {projection.heads for projection in projections} == {HEADS_PER_LAYER}
    assert {projection.head_width for projection in projections} == {case.family.head_width}


def test_zeroed_output_equals_zeroed_projection_columns(case: Case, oracle_table: OracleTable) -> None:
    (prompt,) = random_prompts(rows=1, tokens=PROMPT_TOKENS)
    answer = transformers_answer(case.zeroed, prompt, ANSWER_TOKENS)
    with ablate(case.model, HEADS):
        reading = read(case.model, prompt)
        stepping = read_then_step(case.model, prompt, answer)
    truth = read(case.zeroed, prompt)
    difference = worst_difference(reading, truth)
    oracle_table.agree("9 families, hook = zeroed columns, reading", difference, TOLERANCE)
    truth = read(case.zeroed, prompt + answer)[len(prompt) - 1 :]
    difference = worst_difference(stepping, truth)
    oracle_table.agree("9 families, hook = zeroed columns, decoding", difference, TOLERANCE)


@pytest.mark.parametrize("shared", [0, 5, PROMPT_TOKENS - 1], ids="shared-{}".format)
def test_batched_answers_equal_those_of_transformers_generate_on_zeroed_columns(
    shared: int, case: Case, oracle_table: OracleTable
) -> None:
    prompts = random_prompts(rows=3, tokens=PROMPT_TOKENS, shared=shared)
    truth = [transformers_answer(case.zeroed, prompt, ANSWER_TOKENS) for prompt in prompts]
    ours = our_answers(case.model, prompts, HEADS, ANSWER_TOKENS, batch_size=2)
    difference = differing_tokens(ours, truth)
    oracle_table.agree("9 families, tokens = transformers, zeroed", difference, 0)


def test_empty_head_set_equals_no_hook_bit_for_bit(case: Case, oracle_table: OracleTable) -> None:
    (prompt,) = random_prompts(rows=1, tokens=PROMPT_TOKENS)
    without = read_then_step(case.model, prompt, [5, 6])
    with ablate(case.model, NO_HEADS):
        empty = read_then_step(case.model, prompt, [5, 6])
    difference = worst_difference(empty, without)
    oracle_table.agree("9 families, empty head set = no hook (bits)", difference, 0)
    assert torch.equal(empty, without)


def test_hooks_fire_once_per_forward_call_in_both_phases(case: Case) -> None:
    (prompt,) = random_prompts(rows=1, tokens=PROMPT_TOKENS)
    with ablate(case.model, HEADS) as report:
        read_then_step(case.model, prompt, [5, 6])
    assert report.calls == {"prompt": 1, "decode": 2}
    assert report.fired == {0: report.calls, 1: report.calls}


@pytest.mark.parametrize("wrong", [layer_off_by_one, output_sliced])
def test_wrong_ablation_is_noticed(wrong: WrongAblation, case: Case, oracle_table: OracleTable) -> None:
    (prompt,) = random_prompts(rows=1, tokens=PROMPT_TOKENS)
    with wrong(case.model, HEADS):
        theirs = read(case.model, prompt)
    difference = worst_difference(theirs[-1], read(case.zeroed, prompt)[-1])
    name = wrong.__name__.replace("_", " ")
    oracle_table.differ(f"9 families, {name}, last position", difference, NOTICED)


def test_each_head_of_a_group_is_ablated_alone(tmp_path: Path, oracle_table: OracleTable) -> None:
    model = tiny_model(FAMILIES["llama"])
    model.save_pretrained(tmp_path)
    plain = PlainLlama(tmp_path)
    (prompt,) = random_prompts(rows=1, tokens=PROMPT_TOKENS)
    for layer in range(LAYERS):
        for number in range(HEADS_PER_LAYER):
            head, sister = Head(layer, number), Head(layer, number ^ 1)  # of the same group
            with ablate(model, HeadSet((head,))):
                ours = read(model, prompt)
            difference = worst_difference(ours, plain.logits(prompt, {head}))
            oracle_table.agree("each head = plain float64 Llama", difference, TOLERANCE)
            difference = worst_difference(ours, plain.logits(prompt, {sister}))
            oracle_table.differ("the other head of its group", difference, NOTICED)
