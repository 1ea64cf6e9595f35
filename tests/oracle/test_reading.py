"""Reading and decoding together equal reading alone: shared prefixes, groups, rows that leave, masks left out."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
import torch
from model_outputs import NO_HEADS, our_answers, transformers_answer, worst_difference
from oracle_report import OracleTable
from tiny_models import FAMILIES, LAYERS, random_prompts, tiny_model
from torch import nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from head_ablation.engine import attention, prefill
from head_ablation.engine.ablation import ablate, model_shape
from head_ablation.engine.attention import (
    BEHIND_PREFIX,
    attend_behind_prefix,
    attend_on_gpu,
    mask_behind_prefix,
    reading_attention,
)
from head_ablation.engine.kv_cache import KeyValues
from head_ablation.engine.prefill import Prefix, read_alike, read_prefix, read_prompts
from head_ablation.heads.head import HeadSet

TOLERANCE = 1e-4
SOME = HeadSet.parse(["L0H1", "L1H0", "L1H3"])


# What prompts share


@pytest.mark.parametrize(
    ("ids", "prefix", "shared"),
    [
        ([[5, 6, 7], [5, 6, 8]], [5, 6], [2, 2]),
        ([[5, 6, 7], [9, 6, 7]], [], [0, 0]),
        ([[5, 6, 7, 1], [5, 6, 7, 2], [5, 6, 8, 7], [5, 9, 6, 7]], [5, 6, 7], [3, 3, 2, 1]),
        ([[5, 6, 7], [5, 6, 7]], [5, 6], [2, 2]),  # one token is left to read
        ([[5, 6, 7]], [], [0]),  # nobody to share with
        ([[5]], [], [0]),
    ],
)
def test_each_prompt_shares_what_it_has_in_common_with_the_best_shared_one(
    ids: list[list[int]], prefix: list[int], shared: list[int]
) -> None:
    found = Prefix.of(torch.tensor(ids))
    assert (found.token_ids, found.shared) == (prefix, shared)
    assert found.tokens_read(len(ids[0])) == len(prefix) + sum(len(ids[0]) - count for count in shared)


@pytest.mark.parametrize("seed", range(10))
def test_sharing_never_reads_more_than_all_prompts_whole(seed: int) -> None:
    ids = torch.randint(2, 4, (6, 8), generator=torch.Generator().manual_seed(seed))
    prefix = Prefix.of(ids)
    assert prefix.tokens_read(8) <= ids.numel()
    for row, shared in zip(ids.tolist(), prefix.shared, strict=True):
        assert row[:shared] == prefix.token_ids[:shared]


def test_prompts_are_read_by_length_sorted_by_what_they_share_and_answered_in_their_order() -> None:
    prompts = [[1, 2, 3], [1, 9, 9], [1, 2, 4], [1, 2], [1, 3]]
    read: list[list[int]] = []

    def answer(places: list[int]) -> Any:
        read.append(places)
        return (str(prompts[place]) for place in places)

    assert list(read_alike(prompts, answer)) == [str(prompt) for prompt in prompts]
    assert read == [[1, 0, 2], [3, 4]]


# Keys and values


def filled(rows: int, value: float = 0.0) -> KeyValues:
    room = KeyValues(2, rows, 4)
    states = value + torch.arange(rows).float().view(rows, 1, 1, 1).expand(rows, 1, 3, 2)
    for layer in range(2):
        room.update(states, -states, layer)
    return room


@pytest.mark.parametrize("kept", [[0, 1, 2, 3, 4], [4], [0, 2, 4], [1, 2], [0, 1], [3, 4]])
def test_rows_that_stay_keep_their_keys_and_values(kept: list[int]) -> None:
    room = filled(5)
    order = room.keep(kept)
    assert sorted(order) == kept
    last = torch.full((len(kept), 1, 1, 2), 9.0)
    keys, values = room.update(last, last, 1)
    assert keys[:, 0, :3, 0].tolist() == [[float(row)] * 3 for row in order]
    assert values[:, 0, :3, 0].tolist() == [[-float(row)] * 3 for row in order]
    assert (keys[:, :, 3] == 9).all()


def test_a_prefix_is_copied_into_the_window_and_nowhere_else() -> None:
    room, prefix = filled(3), filled(1, value=7.0)
    room.open(1, 2, length=2)
    room.copy_prefix(prefix)
    room.open(0, 3, length=3)
    keys, _ = room.update(torch.zeros(3, 1, 1, 2), torch.zeros(3, 1, 1, 2), 0)
    assert keys[:, 0, :, 0].tolist() == [[0, 0, 0, 0], [7, 7, 1, 0], [2, 2, 2, 0]]


# Whole models


@pytest.mark.parametrize("seed", range(12))
def test_random_prompts_prefixes_and_groups_equal_transformers_generate(
    seed: int, oracle_table: OracleTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    family = chance.choice(list(FAMILIES.values()))
    model = tiny_model(family)
    monkeypatch.setattr(prefill, "READ_TOKENS", chance.choice([1, 20, 1000]))
    tokens, rows = chance.randint(10, 24), chance.randint(2, 7)
    prompts = random_prompts(rows, tokens, seed=seed)
    for prompt in prompts[1:]:  # each shares another part of the first one
        count = chance.randint(0, tokens)
        prompt[:count] = prompts[0][:count]
    heads = HeadSet(tuple(chance.sample(model_shape(model).all_heads(), 5)))
    ends = transformers_answer(model, prompts[0], 4)[-1]
    model.generation_config.eos_token_id = ends  # so that rows leave at different times

    ours = our_answers(model, prompts, heads, 8, batch_size=chance.randint(1, rows))
    with ablate(model, heads):
        truth = [transformers_answer(model, prompt, 8) for prompt in prompts]
    oracle_table.agree("9 families, shared prefixes, tokens", sum(a != b for a, b in zip(ours, truth, strict=True)), 0)


@pytest.mark.parametrize("name", FAMILIES)
def test_reading_behind_a_prefix_equals_reading_whole(name: str, oracle_table: OracleTable) -> None:
    model = tiny_model(FAMILIES[name])
    ids = torch.tensor(random_prompts(3, 24, shared=14))
    prefix = Prefix.of(ids)
    assert prefix.shared == [14, 14, 14]  # longer than the sliding windows
    room = KeyValues(LAYERS, rows=3, positions=24)
    with torch.inference_mode():
        ours = read_prompts(model, ids, prefix.shared, read_prefix(model, prefix), room)
        whole = model(input_ids=ids, use_cache=False).logits[:, -1]
        room = KeyValues(LAYERS, rows=3, positions=24)
        other = read_prefix(model, Prefix(prefix.token_ids[::-1], prefix.shared))
        wrong = read_prompts(model, ids, prefix.shared, other, room)
    oracle_table.agree("9 families, reading behind a prefix", worst_difference(ours, whole), TOLERANCE)
    oracle_table.differ("9 families, another prefix", worst_difference(wrong, whole), 0.1)


def test_another_condition_s_prefix_gives_other_logits() -> None:
    model = tiny_model(FAMILIES["llama"])
    ids = torch.tensor(random_prompts(2, 16, shared=8))
    prefix = Prefix.of(ids)

    @torch.inference_mode()
    def read(prefix_heads: HeadSet) -> torch.Tensor:
        with ablate(model, prefix_heads):
            kept = read_prefix(model, prefix)
        with ablate(model, SOME):
            return read_prompts(model, ids, prefix.shared, kept, KeyValues(LAYERS, 2, 16))

    with torch.inference_mode(), ablate(model, SOME):
        truth = model(input_ids=ids, use_cache=False).logits[:, -1]
    assert worst_difference(read(SOME), truth) < TOLERANCE
    assert worst_difference(read(NO_HEADS), truth) > 0.1  # negative control


# Attention


def attention_module(groups: int) -> nn.Module:
    module = nn.Module()
    module.num_key_value_groups, module.is_causal = groups, True  # type: ignore[assignment]
    return module


@pytest.mark.parametrize(("new", "every"), [(1, 9), (5, 9), (9, 9), (2, 40)])
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("bias", [False, True])
def test_attention_without_a_mask_equals_attention_with_one(
    new: int, every: int, groups: int, bias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "BLOCK", 3)
    generator = torch.Generator().manual_seed(new * every)
    query = torch.randn(2, 2 * groups, new, 8, generator=generator)
    key, value = (torch.randn(2, 2, every, 8, generator=generator) for _ in range(2))
    how = {"scaling": 0.3, "position_bias": torch.randn(1, 2 * groups, new, every) if bias else None}
    mask = torch.ones(new, every, dtype=torch.bool).tril(every - new)[None, None]
    module = attention_module(groups)
    ours, _ = attend_behind_prefix(module, query, key, value, None, **how)
    truth, _ = sdpa_attention_forward(module, query, key, value, mask, **how)
    assert worst_difference(ours, truth) < 1e-5
    on_card = attend_on_gpu(query, key, value, groups, 0.3)
    if not bias and new > 1:  # here torch makes a mask of it; its kernels for cards cannot be tried on a CPU
        assert worst_difference(on_card.transpose(1, 2), truth) < 1e-5
    if 1 < new < every:  # negative control: the corner that torch counts from by default
        wrong, _ = sdpa_attention_forward(module, query, key, value, mask.flip(-1).triu().flip(-1).tril(), **how)
        assert worst_difference(wrong, truth) > 0.01


def test_a_window_keeps_its_mask_once_it_hides_something() -> None:
    asked = {"batch_size": 1, "q_length": 3, "q_offset": 5, "kv_length": 8}
    assert mask_behind_prefix(**asked) is None
    assert mask_behind_prefix(**asked, local_size=9) is None
    assert mask_behind_prefix(**asked, local_size=4).shape == (1, 1, 3, 8)
    assert mask_behind_prefix(**asked, allow_is_causal_skip=False).shape == (1, 1, 3, 8)


def test_the_models_own_attention_is_back_after_reading() -> None:
    model = tiny_model(FAMILIES["llama"])
    with reading_attention(model):
        assert model.config._attn_implementation == BEHIND_PREFIX
    assert model.config._attn_implementation == "sdpa"
    eager = tiny_model(FAMILIES["llama"], attention="eager")
    with reading_attention(eager):
        assert eager.config._attn_implementation == "eager"


# Half precision


@pytest.mark.slow
@torch.inference_mode()
def test_bfloat16_logits_part_no_further_than_two_ways_of_reading_with_the_plain_model(
    embedded_model: Any, prompts: list[list[int]], oracle_table: OracleTable
) -> None:
    model = copy.deepcopy(embedded_model).to(torch.bfloat16)
    ids = torch.tensor(prompts)
    prefix = Prefix.of(ids)
    ids, shared = ids[torch.tensor(prefix.shared).argsort()], sorted(prefix.shared)
    rows = [ids[row : row + 1] for row in range(len(ids))]
    exact = torch.cat([embedded_model(input_ids=row, use_cache=False).logits[:, -1] for row in rows])
    whole = torch.cat([model(input_ids=row, use_cache=False).logits[:, -1] for row in rows])
    halves = torch.cat([_in_two_calls(model, row, shared[0]) for row in rows])
    ours = read_prompts(
        model, ids, shared, read_prefix(model, prefix), KeyValues(model_shape(model).layers, *ids.shape)
    )

    noise = worst_difference(whole, halves)
    flips = int((ours.argmax(dim=-1) != whole.argmax(dim=-1)).sum())
    check = f"bfloat16, ours = whole (plain model in two calls: {noise:.2f}; {flips} of {len(ids)} first tokens flip)"
    oracle_table.agree(check, worst_difference(ours, whole), 2 * noise)
    error = worst_difference(whole.float(), exact)
    oracle_table.agree(
        f"bfloat16, ours = float32 (plain: {error:.2f})", worst_difference(ours.float(), exact), 2 * error
    )
    oracle_table.differ("bfloat16 = float32", error, TOLERANCE)


def _in_two_calls(model: Any, ids: torch.Tensor, first: int) -> torch.Tensor:
    cache = model(input_ids=ids[:, :first], use_cache=True).past_key_values
    logits: torch.Tensor = model(input_ids=ids[:, first:], past_key_values=cache).logits
    return logits[:, -1]
