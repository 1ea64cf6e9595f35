"""The ablation of the embedded model against two oracles, and wrong ablations that both must notice.

Oracle 1: the same model with zeroed columns of W_O, without any hook. Oracle 2: a plain float64 Llama that shares no
code with transformers. Logits are the unit of every difference; the ablation under test moves them by more than 1.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from model_outputs import (
    NO_HEADS,
    continued_answer,
    differing_tokens,
    our_answers,
    read,
    read_then_step,
    recorded_logits,
    transformers_answer,
    worst_difference,
)
from oracle_report import OracleTable
from plain_llama import PlainLlama
from wrong_ablations import (
    WrongAblation,
    decoding_skipped,
    key_value_group_zeroed,
    last_position_only,
    layer_off_by_one,
    nothing_ablated,
    output_sliced,
    prompt_skipped,
    query_zeroed,
)
from zeroed_columns import with_zeroed_columns

from head_ablation.engine.ablation import ablate, model_shape
from head_ablation.engine.prefill import Prefix
from head_ablation.heads.head import HeadSet

HEADS = HeadSet.parse(["L0H0", "L0H3", "L5H1", "L5H8", "L12H4", "L20H0", "L20H1", "L20H2", "L29H7"])
O_PROJ = "model.layers.{}.self_attn.o_proj"
ANSWER_TOKENS = 8
TOLERANCE = 1e-3  # float32 rounding moves logits by 1e-4, the mildest wrong ablation by more than 1
NOTICED = 1.0

Prompts = list[list[int]]


@pytest.fixture(scope="module")
def zeroed_model(embedded_model: Any) -> Any:
    """Oracle 1: HEADS cut off in the weights."""
    return with_zeroed_columns(embedded_model, HEADS, O_PROJ)


@pytest.fixture(scope="module")
def true_answers(zeroed_model: Any, prompts: Prompts) -> Prompts:
    """The answers of transformers' own `generate` to one prompt at a time, from oracle 1."""
    return [transformers_answer(zeroed_model, prompt, ANSWER_TOKENS) for prompt in prompts]


@pytest.fixture(scope="module")
def true_logits(zeroed_model: Any, prompts: Prompts, true_answers: Prompts) -> torch.Tensor:
    """The logits with which oracle 1 answers, one prompt at a time: [prompts, ANSWER_TOKENS, vocabulary]."""
    rows = [
        read_then_step(zeroed_model, prompt, answer[:-1]) for prompt, answer in zip(prompts, true_answers, strict=True)
    ]
    return torch.stack(rows)


def test_zeroed_output_equals_zeroed_projection_columns_at_every_prompt_position(
    embedded_model: Any, zeroed_model: Any, prompts: Prompts, oracle_table: OracleTable
) -> None:
    for prompt in prompts[:2]:
        with ablate(embedded_model, HEADS):
            ours = read(embedded_model, prompt)
        truth = read(zeroed_model, prompt)
        last = worst_difference(ours[-1], truth[-1])
        oracle_table.agree("hook = zeroed columns, reading, last position", last, TOLERANCE)
        everywhere = worst_difference(ours, truth)
        oracle_table.agree("hook = zeroed columns, reading, all positions", everywhere, TOLERANCE)


def test_zeroed_output_equals_zeroed_projection_columns_at_every_decoding_step(
    embedded_model: Any,
    prompts: Prompts,
    true_answers: Prompts,
    true_logits: torch.Tensor,
    oracle_table: OracleTable,
) -> None:
    with ablate(embedded_model, HEADS):
        ours = read_then_step(embedded_model, prompts[0], true_answers[0][:-1])
    difference = worst_difference(ours[1:], true_logits[0, 1:])
    oracle_table.agree("hook = zeroed columns, decoding steps", difference, TOLERANCE)


@pytest.mark.parametrize("number", [1, 20, 100, 270])
def test_random_head_sets_equal_zeroed_projection_columns(
    number: int, embedded_model: Any, prompts: Prompts, oracle_table: OracleTable
) -> None:
    every_head = model_shape(embedded_model).all_heads()
    heads = HeadSet(tuple(random.Random(number).sample(every_head, number)))
    with ablate(embedded_model, heads):
        ours = read(embedded_model, prompts[0])
    truth = read(with_zeroed_columns(embedded_model, heads, O_PROJ), prompts[0])
    difference = worst_difference(ours, truth)
    oracle_table.agree("hook = zeroed columns, 1 to 270 random heads", difference, TOLERANCE)


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_batched_answers_equal_those_of_transformers_generate_on_zeroed_columns(
    batch_size: int,
    embedded_model: Any,
    prompts: Prompts,
    true_answers: Prompts,
    oracle_table: OracleTable,
) -> None:
    ours = our_answers(embedded_model, prompts, HEADS, ANSWER_TOKENS, batch_size)
    difference = differing_tokens(ours, true_answers)
    oracle_table.agree("tokens, batches of 1, 2, 5 = one at a time, zeroed", difference, 0)


def test_answers_do_not_depend_on_the_order_of_prompts(
    embedded_model: Any, prompts: Prompts, true_answers: Prompts, oracle_table: OracleTable
) -> None:
    ours = our_answers(embedded_model, prompts[::-1], HEADS, ANSWER_TOKENS)
    difference = differing_tokens(ours[::-1], true_answers)
    oracle_table.agree("tokens, prompts in reverse order", difference, 0)


def test_answers_do_not_depend_on_sharing_a_prefix(
    embedded_model: Any, zeroed_model: Any, prompts: Prompts, oracle_table: OracleTable
) -> None:
    unshared = [[token, *prompt[1:]] for token, prompt in enumerate(prompts[:3], start=1000)]
    truth = [transformers_answer(zeroed_model, prompt, ANSWER_TOKENS) for prompt in unshared]
    ours = our_answers(embedded_model, unshared, HEADS, ANSWER_TOKENS)
    oracle_table.agree("tokens, prompts without a shared prefix", differing_tokens(ours, truth), 0)


def test_the_ablation_changes_answers(
    embedded_model: Any, prompts: Prompts, true_answers: Prompts, oracle_table: OracleTable
) -> None:
    whole = our_answers(embedded_model, prompts, NO_HEADS, ANSWER_TOKENS)
    changed = differing_tokens(whole, true_answers)
    oracle_table.differ("tokens, nothing ablated", changed, 0)


def test_logits_inside_generate_equal_those_of_zeroed_columns(
    embedded_model: Any, prompts: Prompts, true_logits: torch.Tensor, oracle_table: OracleTable
) -> None:
    with recorded_logits(embedded_model) as record:
        our_answers(embedded_model, prompts, HEADS, ANSWER_TOKENS, batch_size=len(prompts))
    ours = torch.stack(record[-ANSWER_TOKENS:], dim=1)  # the call before these read the shared prefix
    shared = Prefix.of(torch.tensor(prompts)).shared  # rows stand in its order
    order = sorted(range(len(prompts)), key=lambda row: shared[row])
    difference = worst_difference(ours, true_logits[order])
    oracle_table.agree("logits inside batched generate = zeroed columns", difference, TOLERANCE)


def test_hook_equals_a_plain_float64_llama(
    embedded_model: Any,
    embedded_folder: Path,
    prompts: Prompts,
    true_answers: Prompts,
    oracle_table: OracleTable,
) -> None:
    prompt, answer = prompts[0], true_answers[0]
    truth = PlainLlama(embedded_folder).logits(prompt + answer, ablated=set(HEADS))
    with ablate(embedded_model, HEADS):
        reading = read(embedded_model, prompt + answer)
        stepping = read_then_step(embedded_model, prompt, answer)
    difference = worst_difference(reading, truth)
    oracle_table.agree("hook = plain float64 Llama, all positions", difference, TOLERANCE)
    difference = worst_difference(stepping, truth[len(prompt) - 1 :])
    oracle_table.agree("hook with cache = plain float64 Llama", difference, TOLERANCE)


def test_model_without_ablation_equals_a_plain_float64_llama(
    embedded_model: Any, embedded_folder: Path, prompts: Prompts, oracle_table: OracleTable
) -> None:
    truth = PlainLlama(embedded_folder).logits(prompts[1])
    difference = worst_difference(read(embedded_model, prompts[1]), truth)
    oracle_table.agree("nothing ablated = plain float64 Llama", difference, TOLERANCE)


def test_empty_head_set_equals_no_hook_bit_for_bit(
    embedded_model: Any, prompts: Prompts, oracle_table: OracleTable
) -> None:
    answer = transformers_answer(embedded_model, prompts[0], ANSWER_TOKENS)
    without = read_then_step(embedded_model, prompts[0], answer)
    with ablate(embedded_model, NO_HEADS):
        empty = read_then_step(embedded_model, prompts[0], answer)
    difference = worst_difference(empty, without)
    oracle_table.agree("empty head set = no hook (bits)", difference, 0)
    assert torch.equal(empty, without)
    ours = our_answers(embedded_model, prompts[:1], NO_HEADS, ANSWER_TOKENS)
    oracle_table.agree("tokens, empty head set = transformers", differing_tokens(ours, [answer]), 0)


@pytest.mark.parametrize(
    "wrong",
    [
        nothing_ablated,
        output_sliced,
        key_value_group_zeroed,
        query_zeroed,
        layer_off_by_one,
        prompt_skipped,
        last_position_only,
    ],
)
def test_wrong_ablation_is_noticed_when_reading(
    wrong: WrongAblation,
    embedded_model: Any,
    zeroed_model: Any,
    prompts: Prompts,
    oracle_table: OracleTable,
) -> None:
    truth = read(zeroed_model, prompts[0])
    with wrong(embedded_model, HEADS):
        theirs = read(embedded_model, prompts[0])
    name = wrong.__name__.replace("_", " ")
    last = worst_difference(theirs[-1], truth[-1])
    oracle_table.differ(f"{name}, reading, last position", last, NOTICED)
    everywhere = worst_difference(theirs, truth)
    oracle_table.differ(f"{name}, reading, all positions", everywhere, NOTICED)


@pytest.mark.parametrize(
    "wrong",
    [
        output_sliced,
        key_value_group_zeroed,
        query_zeroed,
        layer_off_by_one,
        prompt_skipped,
        decoding_skipped,
        last_position_only,
    ],
)
def test_wrong_ablation_is_noticed_when_decoding(
    wrong: WrongAblation,
    embedded_model: Any,
    prompts: Prompts,
    true_answers: Prompts,
    true_logits: torch.Tensor,
    oracle_table: OracleTable,
) -> None:
    with wrong(embedded_model, HEADS):
        theirs = read_then_step(embedded_model, prompts[0], true_answers[0][:-1])
    name = wrong.__name__.replace("_", " ")
    difference = worst_difference(theirs[1:], true_logits[0, 1:])
    oracle_table.differ(f"{name}, decoding steps", difference, NOTICED)


def test_hooks_fire_once_per_forward_call_in_both_phases(embedded_model: Any, prompts: Prompts) -> None:
    with ablate(embedded_model, HEADS) as report:
        read_then_step(embedded_model, prompts[0], [5, 6, 7])
    assert report.calls == {"prompt": 1, "decode": 3}
    assert report.fired == dict.fromkeys((0, 5, 12, 20, 29), report.calls)


def test_decode_positions_equal_a_prompt_read_whole_and_continued_with_zeroed_columns(
    embedded_model: Any, zeroed_model: Any, prompts: Prompts, oracle_table: OracleTable
) -> None:
    truth = [continued_answer(embedded_model, zeroed_model, prompt, ANSWER_TOKENS) for prompt in prompts[:3]]
    ours = our_answers(embedded_model, prompts[:3], HEADS, ANSWER_TOKENS, positions="decode")
    difference = differing_tokens(ours, truth)
    oracle_table.agree("tokens, positions: decode = whole prompt, then zeroed", difference, 0)


def test_decode_positions_equal_a_plain_float64_llama_ablated_from_the_last_prompt_token(
    embedded_model: Any,
    embedded_folder: Path,
    prompts: Prompts,
    true_logits: torch.Tensor,
    oracle_table: OracleTable,
) -> None:
    prompt = prompts[0]
    with recorded_logits(embedded_model) as record:
        (answer,) = our_answers(embedded_model, [prompt], HEADS, ANSWER_TOKENS, positions="decode")
    ours = torch.cat(record[-len(answer) :])
    last = len(prompt) - 1
    plain = PlainLlama(embedded_folder)
    truth = plain.logits(prompt + answer[:-1], ablated=set(HEADS), ablated_from=last)[last:]
    difference = worst_difference(ours, truth)
    oracle_table.agree("positions: decode = plain float64 Llama", difference, TOLERANCE)
    everywhere = worst_difference(true_logits[0, 0], truth[0])
    oracle_table.differ("positions: all, taken for decode", everywhere, NOTICED)


def test_ablation_leaves_nothing_behind(embedded_model: Any, prompts: Prompts, oracle_table: OracleTable) -> None:
    before = read(embedded_model, prompts[0])
    our_answers(embedded_model, prompts[:2], HEADS, max_new_tokens=2)
    after = read(embedded_model, prompts[0])
    oracle_table.agree("baseline after = before (bits)", worst_difference(after, before), 0)
    assert torch.equal(after, before)
