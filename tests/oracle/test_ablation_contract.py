"""What `ablate` and `generate` promise of any model, tried on a tiny Llama: refusals, no leaks, rows on their own."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import islice
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
    transformers_answer,
    worst_difference,
)
from oracle_report import OracleTable
from tiny_models import FAMILIES, HEADS, HIDDEN, LAYERS, random_prompts, tiny_model
from torch import nn
from zeroed_columns import with_zeroed_columns

from head_ablation.common.problems import StudyError
from head_ablation.engine.ablation import ablate, find_projections, model_shape
from head_ablation.engine.generation import GenerationSettings, generate
from head_ablation.engine.settings import AblationSettings
from head_ablation.heads.head import HeadSet

LLAMA = FAMILIES["llama"]
SOME = HeadSet.parse(["L0H1", "L1H0", "L1H3"])
SETTINGS = GenerationSettings(max_new_tokens=6, stop=(), batch_size=1)
TOLERANCE = 1e-4


@pytest.fixture
def model() -> Any:
    """A fresh tiny Llama."""
    return tiny_model(LLAMA)


def hooks_of(model: nn.Module) -> int:
    """How many hooks are installed anywhere in the model."""
    return sum(len(module._forward_pre_hooks) + len(module._forward_hooks) for module in model.modules())


def bypass_projection(model: Any, layer: int) -> None:
    """The layer's attention then reaches its projection's matrix product past the hooks, as a fused kernel would."""
    attention = model.model.layers[layer].self_attn
    attention.__dict__["o_proj"] = attention.o_proj.forward  # found before the submodule of that name


# Refusals


def test_heads_outside_the_model_are_refused_by_name(model: Any) -> None:
    heads = HeadSet.parse(["L0H1", "L0H4", "L3H0"])
    with (
        pytest.raises(StudyError, match="heads L0H4, L3H0 do not exist in a model of 3 layers x 4 heads"),
        ablate(model, heads),
    ):
        pass
    assert hooks_of(model) == 0


def test_model_without_a_recognisable_projection_is_refused(model: Any) -> None:
    layer = model.model.layers[1]
    layer.mixer = layer.self_attn
    del layer.self_attn
    with (
        pytest.raises(StudyError, match=r"per layer: \{0: 1, 1: 0, 2: 1\}; expected exactly one"),
        ablate(model, SOME),
    ):
        pass


def test_layer_with_two_projections_is_refused(model: Any) -> None:
    model.model.layers[2].self_attn.out_proj = nn.Linear(HIDDEN, HIDDEN)
    with pytest.raises(StudyError, match=r"per layer: \{0: 1, 1: 1, 2: 2\}"):
        find_projections(model)


def test_projection_whose_width_is_no_multiple_of_the_heads_is_refused(model: Any) -> None:
    model.model.layers[0].self_attn.o_proj = nn.Linear(HIDDEN + 1, HIDDEN)
    with pytest.raises(StudyError, match=f"{HIDDEN + 1} inputs are no multiple of {HEADS} heads"):
        find_projections(model)


def test_bypassed_projection_is_refused(model: Any) -> None:
    bypass_projection(model, layer=1)
    with pytest.raises(StudyError, match=r"layer 1: the ablation hook fired \{\} times"), ablate(model, SOME):
        read(model, [5, 6, 7])


def test_projection_bypassed_only_while_decoding_is_refused(model: Any) -> None:
    with pytest.raises(StudyError, match=r"layer 0: .* fired \{'prompt': 1\} times"), ablate(model, SOME):
        _bypass_after_the_prompt(model, layer=0)


@torch.inference_mode()
def _bypass_after_the_prompt(model: Any, layer: int) -> None:
    cache = model(input_ids=torch.tensor([[5, 6, 7]]), use_cache=True).past_key_values
    bypass_projection(model, layer)
    model(input_ids=torch.tensor([[8]]), past_key_values=cache)


def test_bypassed_projection_in_a_layer_without_ablated_heads_is_no_error(model: Any) -> None:
    bypass_projection(model, layer=2)
    with ablate(model, SOME) as report:
        read(model, [5, 6, 7])
    assert set(report.fired) == {0, 1}


@pytest.mark.parametrize("shared", [0, 3])
def test_no_answer_is_given_before_its_hooks_are_known_to_have_fired(shared: int, model: Any) -> None:
    bypass_projection(model, layer=1)
    answers = generate(model, str, random_prompts(rows=2, tokens=6, shared=shared), SOME, SETTINGS)
    with pytest.raises(StudyError, match="layer 1: the ablation hook fired"):
        next(answers)


def test_logits_that_are_no_numbers_are_refused(model: Any) -> None:
    model.model.norm.weight.data.fill_(float("nan"))
    with pytest.raises(StudyError, match="NaN"):
        list(generate(model, str, [[5, 6]], SOME, SETTINGS))
    assert hooks_of(model) == 0


# Nothing leaks


@pytest.mark.parametrize("seed", range(20))
def test_random_masks_equal_zeroed_columns_and_leave_the_model_as_it_was(
    seed: int, model: Any, oracle_table: OracleTable
) -> None:
    chance = random.Random(seed)
    every_head = model_shape(model).all_heads()
    heads = HeadSet(tuple(chance.sample(every_head, chance.randint(1, len(every_head)))))
    tokens, rows = chance.randint(1, 20), chance.randint(1, 5)
    shared = chance.randint(0, tokens - 1)
    prompts = random_prompts(rows, tokens, shared, seed)
    before = read(model, prompts[0])

    with ablate(model, heads):
        ours = read(model, prompts[0])
    answers = our_answers(model, prompts, heads, 6, batch_size=chance.randint(1, rows))

    zeroed = with_zeroed_columns(model, heads, LLAMA.projection)
    difference = worst_difference(ours, read(zeroed, prompts[0]))
    oracle_table.agree("tiny Llama, random masks = zeroed columns", difference, TOLERANCE)
    truth = [transformers_answer(zeroed, prompt, 6) for prompt in prompts]
    oracle_table.agree("tiny Llama, random masks, tokens", differing_tokens(answers, truth), 0)
    assert torch.equal(read(model, prompts[0]), before)
    assert hooks_of(model) == 0


@pytest.mark.parametrize("positions", ["all", "decode"])
def test_prompts_are_counted_as_they_are_read(model: Any, positions: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("head_ablation.engine.prefill.READ_TOKENS", 12)  # two prompts at a time
    counted: list[int] = []
    settings = replace(SETTINGS, batch_size=5, ablation=AblationSettings(positions=positions))
    answers = generate(model, str, random_prompts(rows=7, tokens=7, shared=1), SOME, settings, counted.append)
    assert not counted
    next(answers)
    assert counted == [2, 2, 1]  # its batch
    list(answers)
    assert counted == [2, 2, 1, 2]


def test_hooks_are_removed_and_the_error_is_kept_when_the_block_fails(model: Any) -> None:
    with pytest.raises(KeyError, match="the user's own"), ablate(model, SOME):
        raise KeyError("the user's own")
    assert hooks_of(model) == 0


def test_model_is_whole_between_two_answers(model: Any) -> None:
    prompts = random_prompts(rows=3, tokens=6)
    before = read(model, prompts[0])
    answers = generate(model, str, prompts, SOME, SETTINGS)
    next(answers)
    assert torch.equal(read(model, prompts[0]), before)
    answers.close()
    assert hooks_of(model) == 0


def test_baseline_and_ablation_may_be_generated_side_by_side(model: Any) -> None:
    prompts = random_prompts(rows=3, tokens=6)
    apart = [our_answers(model, prompts, heads, 6, 1) for heads in (NO_HEADS, SOME)]
    assert differing_tokens(*apart) > 0
    baseline, ablated = (generate(model, str, prompts, heads, SETTINGS) for heads in (NO_HEADS, SOME))
    together = [(one.token_ids, other.token_ids) for one, other in zip(baseline, ablated, strict=True)]
    assert together == list(zip(*apart, strict=True))


# Rows of a batch are alone


@pytest.mark.parametrize("positions", ["all", "decode"])
@pytest.mark.parametrize(("tokens", "shared"), [(1, 0), (9, 0), (9, 4), (9, 8), (9, 9)], ids=lambda number: str(number))
def test_answers_equal_those_of_one_prompt_at_a_time(model: Any, positions: str, tokens: int, shared: int) -> None:
    prompts = random_prompts(rows=5, tokens=tokens, shared=shared)
    alone = [our_answers(model, [prompt], SOME, 6, 1, positions)[0] for prompt in prompts]
    for batch_size in (1, 2, 5, 8):
        assert our_answers(model, prompts, SOME, 6, batch_size, positions) == alone
    assert our_answers(model, prompts[::-1], SOME, 6, 2, positions)[::-1] == alone


@pytest.mark.parametrize("positions", ["all", "decode"])
def test_prompts_of_different_lengths_are_answered_apart_and_in_their_order(model: Any, positions: str) -> None:
    short, long = random_prompts(rows=4, tokens=6, shared=2), random_prompts(rows=3, tokens=9, shared=0)
    prompts = [long[0], short[0], short[1], long[1], short[2], long[2], short[3]]
    alone = [our_answers(model, [prompt], SOME, 6, 1, positions)[0] for prompt in prompts]
    assert our_answers(model, prompts, SOME, 6, 2, positions) == alone
    assert our_answers(model, [*short, *long], SOME, 6, 2, positions) != alone  # negative control: the order counts


@pytest.mark.parametrize(("tokens", "shared"), [(1, 0), (9, 0), (9, 4), (9, 9)])
def test_decode_positions_equal_a_prompt_read_whole_and_continued_with_zeroed_columns(
    tokens: int, shared: int, model: Any, oracle_table: OracleTable
) -> None:
    prompts = random_prompts(rows=3, tokens=tokens, shared=shared)
    zeroed = with_zeroed_columns(model, SOME, LLAMA.projection)
    truth = [continued_answer(model, zeroed, prompt, 6) for prompt in prompts]
    ours = our_answers(model, prompts, SOME, 6, batch_size=2, positions="decode")
    oracle_table.agree("tiny Llama, positions: decode, tokens", differing_tokens(ours, truth), 0)


@pytest.mark.parametrize("positions", ["all", "decode"])
def test_rows_that_have_ended_leave_the_others_as_they_are(model: Any, positions: str) -> None:
    prompts = random_prompts(rows=4, tokens=9, shared=3)
    whole = our_answers(model, prompts, SOME, 8, 4, positions)
    ends = [whole[0][2], whole[1][4]]
    model.generation_config.eos_token_id = ends
    expected = [_up_to_first(answer, ends) for answer in whole]
    assert len({len(answer) for answer in expected}) > 1
    assert our_answers(model, prompts, SOME, 8, 4, positions) == expected


def test_an_answer_stops_with_the_token_that_completes_a_stop_string(model: Any) -> None:
    prompts = random_prompts(rows=2, tokens=9, shared=3)
    first, second = our_answers(model, prompts, SOME, 8, 2)
    stop = (str(first[2])[-1], str(second[-1]))
    settings = GenerationSettings(8, stop, 2)
    decode = lambda tokens: " ".join(str(token) for token in tokens)  # noqa: E731
    for answer, whole in zip(generate(model, decode, prompts, SOME, settings), (first, second), strict=True):
        assert whole[: len(answer.token_ids)] == answer.token_ids
        assert any(text in answer.text for text in stop)
        assert not any(text in decode(answer.token_ids[:-1]) for text in stop)


@pytest.mark.parametrize("blank", ["\n", " \n", "\n\n \t"])
def test_white_space_that_an_answer_begins_with_does_not_end_it(model: Any, blank: str) -> None:
    prompts = random_prompts(rows=2, tokens=9, shared=3)
    whole = our_answers(model, prompts, SOME, 8, 2)
    firsts = {answer[0] for answer in whole}  # say nothing; every other token is a word and a line break
    decode = lambda tokens: "".join(blank if token in firsts else f"{token}\n" for token in tokens)  # noqa: E731
    answers = list(generate(model, decode, prompts, SOME, GenerationSettings(8, ("\n",), 2)))
    for answer, tokens in zip(answers, whole, strict=True):
        spoken = next(place for place, token in enumerate(tokens) if token not in firsts)
        assert answer.token_ids == tokens[: spoken + 1]
        assert answer.text.startswith(blank)  # kept as the model said it


def _up_to_first(answer: list[int], ends: list[int]) -> list[int]:
    for place, token in enumerate(answer):
        if token in ends:
            return answer[: place + 1]
    return answer


def test_empty_head_set_generates_what_the_model_generates(model: Any) -> None:
    prompts = random_prompts(rows=3, tokens=9, shared=4)
    truth = [transformers_answer(model, prompt, 6) for prompt in prompts]
    assert our_answers(model, prompts, NO_HEADS, 6) == truth
    assert len(list(islice(generate(model, str, prompts, NO_HEADS, SETTINGS), 2))) == 2


def test_every_layer_fires_in_prompt_and_decoding(model: Any) -> None:
    heads = HeadSet(tuple(model_shape(model).all_heads()))
    with ablate(model, heads) as report:
        read_then_step(model, [5, 6, 7], [8, 9])
    assert report.fired == {layer: {"prompt": 1, "decode": 2} for layer in range(LAYERS)}
