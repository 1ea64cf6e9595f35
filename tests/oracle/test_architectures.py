"""Every architecture that transformers builds as a causal language model: exact, or refused before it is loaded.

Accepted is only what is shown here to be exact: a head's slice zeroed is that head's output zeroed in plain attention
arithmetic, the engine's answers are those of transformers on zeroed weights, and detection sees the model's own rows.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from any_architecture import ARCHITECTURES, HEADS, LAYERS, OWN, tiny_architecture
from architectures_table import PAGE, page
from model_outputs import (
    NO_HEADS,
    continued_answer,
    differing_tokens,
    our_answers,
    read,
    transformers_answer,
    worst_difference,
)
from oracle_report import OracleTable
from plain_attention import misplaced, plainly_ablated, single_heads
from tiny_models import random_prompts
from transformers.utils import logging
from zeroed_columns import with_zeroed_slices

from head_ablation.common.problems import StudyError
from head_ablation.detectors.attribution import attributed
from head_ablation.engine.ablation import ablate, find_projections
from head_ablation.engine.kv_cache import KeyValues
from head_ablation.engine.prefill import unheard
from head_ablation.engine.unembedding import Unembedding
from head_ablation.engine.watching import Rows, WatchedBatch
from head_ablation.heads.head import HeadSet
from head_ablation.models.architectures import (
    ANY_ATTENTION,
    EAGER_ONLY,
    REASONS,
    SINKS,
    architecture_problems,
    has_sinks,
)
from head_ablation.models.size import ModelSize

ACCEPTED = sorted(ANY_ATTENTION | EAGER_ONLY)
ABLATED = HeadSet.parse(["L0H1", "L1H0", "L1H3"])
# Configs that do not say how few keys they keep, or say it layer by layer: the estimate takes the most.
SHARED_OR_UNEVEN = {"falcon", "gpt_bigcode", "gemma4", "gemma4_text", "gemma4_unified", "gemma4_unified_text"}
SHARED_OR_UNEVEN |= {"mimo_v2_flash"}
TOLERANCE, NOTICED, TOKENS, ANSWER, END = 1e-3, 0.02, 14, 4, 3


@pytest.fixture(autouse=True)
def quiet() -> None:
    """transformers warns of what tiny configs lack."""
    logging.set_verbosity_error()


def attention_of(kind: str) -> str:
    """The attention that an architecture is tried with."""
    return "eager" if kind in EAGER_ONLY else "sdpa"


def off_plain_arithmetic(model: Any) -> tuple[float, float]:
    """How far single heads' ablation is from plain arithmetic at most, and how much it changes at least.

    Args:
        model: with eager attention. One that lets no attention be put in the place of its own is compared inside.
    """
    (prompt,) = random_prompts(rows=1, tokens=TOKENS)
    whole = read(model, prompt)
    off, effects = [], []
    for heads in single_heads(LAYERS, HEADS):
        with ablate(model, heads):
            ours = read(model, prompt)
        with plainly_ablated(model, heads):
            theirs = read(model, prompt)
        off.append(worst_difference(ours, theirs))
        effects.append(worst_difference(ours, whole))
    with plainly_ablated(model, NO_HEADS):
        off.append(worst_difference(read(model, prompt), whole))
    return min(max(off), misplaced(model, prompt)), min(effects)


@pytest.mark.parametrize("kind", ACCEPTED)
def test_a_zeroed_slice_is_the_heads_output_zeroed_in_plain_arithmetic(kind: str, oracle_table: OracleTable) -> None:
    off, effect = off_plain_arithmetic(tiny_architecture(kind, "eager"))
    oracle_table.agree("every architecture, slice = head in plain attention", off, TOLERANCE)
    oracle_table.differ("every architecture, head not ablated", effect, NOTICED)


@pytest.mark.parametrize(
    ("kind", "variant"),
    [
        ("falcon", {"alibi": True}),
        ("falcon", {"new_decoder_architecture": True, "num_kv_heads": 2}),
        ("gpt_bigcode", {"multi_query": False}),
        ("deepseek_v3", {"q_lora_rank": None}),
        ("deepseek_v2", {"q_lora_rank": None}),
        ("phi", {"partial_rotary_factor": 0.5, "qk_layernorm": True}),
        ("stablelm", {"use_parallel_residual": True, "qk_layernorm": True}),
        ("llama4_text", {"attn_temperature_tuning": True}),
        ("gemma4_text", {"attention_k_eq_v": True}),
    ],
    ids=str,
)
def test_other_ways_of_an_architecture_are_exact_too(
    kind: str, variant: dict[str, Any], monkeypatch: pytest.MonkeyPatch, oracle_table: OracleTable
) -> None:
    monkeypatch.setitem(OWN, kind, {**OWN.get(kind, {}), **variant})
    off, effect = off_plain_arithmetic(tiny_architecture(kind, "eager"))
    oracle_table.agree("every architecture, slice = head in plain attention", off, TOLERANCE)
    oracle_table.differ("every architecture, head not ablated", effect, NOTICED)
    model = tiny_architecture(kind, attention_of(kind))
    prompts = random_prompts(rows=2, tokens=TOKENS, shared=5)
    truth = [transformers_answer(with_zeroed_slices(model, ABLATED), prompt, ANSWER) for prompt in prompts]
    off = differing_tokens(our_answers(model, prompts, ABLATED, ANSWER, 2), truth)
    oracle_table.agree("every architecture, ablated tokens = zeroed weights", off, 0)


@pytest.mark.parametrize("kind", ["bitnet", "diffllama"])
def test_slices_that_are_no_heads_output_are_noticed(
    kind: str, oracle_table: OracleTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_architecture(kind, "eager")
    with pytest.raises(StudyError, match=rf"model_type: found '{kind}'"):
        find_projections(model)
    monkeypatch.setattr("head_ablation.models.architectures.ANY_ATTENTION", ANY_ATTENTION | {kind})
    off, _ = off_plain_arithmetic(model)
    oracle_table.differ("slices that are no head's output", off, 1)


@pytest.mark.parametrize("kind", ACCEPTED)
def test_answers_are_those_of_transformers_with_zeroed_weights(kind: str, oracle_table: OracleTable) -> None:
    model = tiny_architecture(kind, attention_of(kind))
    zeroed = with_zeroed_slices(model, ABLATED)
    prompts = random_prompts(rows=3, tokens=TOKENS, shared=5)
    whole = [transformers_answer(model, prompt, ANSWER) for prompt in prompts]
    truth = [transformers_answer(zeroed, prompt, ANSWER) for prompt in prompts]
    off = differing_tokens(our_answers(model, prompts, NO_HEADS, ANSWER, 2), whole)
    oracle_table.agree("every architecture, baseline tokens = transformers", off, 0)
    off = differing_tokens(our_answers(model, prompts, ABLATED, ANSWER, 2), truth)
    oracle_table.agree("every architecture, ablated tokens = zeroed weights", off, 0)
    assert differing_tokens(whole, truth) > 0 or worst_difference(read(model, prompts[0]), read(zeroed, prompts[0])) > 0


@pytest.mark.slow
@pytest.mark.parametrize("shared", [0, TOKENS - 1])
@pytest.mark.parametrize("kind", ACCEPTED)
def test_other_prefixes_and_decode_positions_too(kind: str, shared: int, oracle_table: OracleTable) -> None:
    model = tiny_architecture(kind, attention_of(kind))
    zeroed = with_zeroed_slices(model, ABLATED)
    prompts = random_prompts(rows=3, tokens=TOKENS, shared=shared)
    truth = [transformers_answer(zeroed, prompt, ANSWER) for prompt in prompts]
    off = differing_tokens(our_answers(model, prompts, ABLATED, ANSWER, 2), truth)
    oracle_table.agree("every architecture, ablated tokens = zeroed weights", off, 0)
    if kind != "mpt":  # transformers cannot go on from its cache itself
        truth = [continued_answer(model, zeroed, prompt, ANSWER) for prompt in prompts]
        off = differing_tokens(our_answers(model, prompts, ABLATED, ANSWER, 2, "decode"), truth)
        oracle_table.agree("every architecture, positions: decode", off, 0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ACCEPTED)
def test_detection_sees_the_rows_of_the_model_itself(kind: str, oracle_table: OracleTable) -> None:
    model, eager = tiny_architecture(kind, attention_of(kind)), tiny_architecture(kind, "eager")
    prompts = random_prompts(rows=2, tokens=TOKENS, shared=5)
    batch = WatchedBatch(model, prompts, ANSWER, unheard)
    steps = list(batch.answer(ANSWER))
    answers = [[rows.tokens[row] for rows in steps] for row in range(2)]
    off = differing_tokens(answers, [transformers_answer(model, prompt, ANSWER) for prompt in prompts])
    oracle_table.agree("every architecture, detection's tokens = transformers", off, 0)
    for row, prompt in enumerate(prompts):
        rows = _rows(eager, prompt + answers[row])
        for step, seen in enumerate(steps):
            at = TOKENS - 1 + step
            off = max(worst_difference(*pair) for pair in _pairs(seen, row, rows, range(at, at + 1)))
            oracle_table.agree("every architecture, rows of answers = the model's", off, TOLERANCE)
        sums = torch.stack([weights[:, TOKENS - 1].sum(dim=-1) for weights in rows])
        assert bool((sums < 0.999).any()) == has_sinks(kind)
    others = random_prompts(rows=2, tokens=END + 1, seed=7)
    for seen in batch.with_ends(TOKENS - END, others):
        assert len(seen.positions) == (1 if kind == "falcon" else END + 1)
        for row, prompt in enumerate(prompts):
            rows = _rows(eager, [*prompt[:-END], *others[row]])
            off = max(worst_difference(*pair) for pair in _pairs(seen, row, rows, seen.positions))
            oracle_table.agree("every architecture, rows of another end = the model's", off, TOLERANCE)
            off = max(worst_difference(*pair) for pair in _pairs(seen, 1 - row, rows, seen.positions))
            oracle_table.differ("every architecture, rows of another prompt", off, NOTICED)


WRITES_OTHERWISE = {  # what enters the projection is gated or made otherwise; or keys and values are kept as a latent
    *("afmoe", "beam", "granite_swa", "granitemoe_swa", "laguna"),
    *("axk1", "deepseek_v2", "deepseek_v3", "glm4_moe_lite", "minicpm3", "youtu"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ACCEPTED)
def test_locos_refuses_what_heads_do_not_write_as_it_supposes_and_attribution_scores_all(kind: str) -> None:
    model, ids = tiny_architecture(kind, attention_of(kind)), random_prompts(rows=1, tokens=TOKENS)[0]
    if kind in WRITES_OTHERWISE:
        with pytest.raises(StudyError, match="locos cannot score"):
            Unembedding(model).refuse_gates(ids)
    else:
        Unembedding(model).refuse_gates(ids)
    scores = attributed(model, ids, [[5, 6], [7]])
    assert len(scores) == LAYERS and scores.isfinite().all() and scores.abs().min() > 0


def _pairs(seen: Rows, row: int, layers: list[torch.Tensor], positions: range) -> Iterator[tuple[torch.Tensor, ...]]:
    """Of each layer the rows that were seen of a prompt, and those of a whole pass [heads, positions, keys]."""
    assert seen.positions == positions
    for ours, whole in zip(seen.layers, layers, strict=True):
        yield ours[row], whole[:, positions.start : positions.stop, : ours.shape[-1]]


@torch.inference_mode()
def _rows(model: Any, ids: list[int]) -> list[torch.Tensor]:
    output = model(input_ids=torch.tensor([ids]), output_attentions=True, use_cache=False)
    return [weights[0] for weights in output.attentions]


def test_a_read_prefix_that_changes_what_is_seen_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: Doge chooses what is seen by what is there; read in two parts, its answers are others."""
    monkeypatch.setattr("head_ablation.models.architectures.ANY_ATTENTION", ANY_ATTENTION | {"doge"})
    model = tiny_architecture("doge", "eager")
    prompts = random_prompts(rows=3, tokens=TOKENS, shared=TOKENS - 1)
    truth = [transformers_answer(model, prompt, 6) for prompt in prompts]
    assert differing_tokens(our_answers(model, prompts, NO_HEADS, 6, 2), truth) > 0


# Refusals


@pytest.mark.parametrize("kind", sorted(set(ARCHITECTURES) - set(ACCEPTED)))
def test_what_is_not_accepted_is_refused_by_name_with_a_reason(kind: str) -> None:
    (problem,) = architecture_problems(Path("config.json"), {"model_type": kind})
    assert (problem.field, problem.found) == ("model_type", f"'{kind}'")
    assert problem.fix == REASONS.get(kind, problem.fix) and problem.fix.endswith((".", "yet."))


def test_the_lists_overlap_nowhere_and_name_what_transformers_has() -> None:
    assert not ANY_ATTENTION & EAGER_ONLY and not set(ACCEPTED) & set(REASONS)
    assert set(ACCEPTED) | set(REASONS) <= set(ARCHITECTURES)
    assert set(ACCEPTED) >= SINKS


@pytest.mark.parametrize("kind", sorted(EAGER_ONLY))
def test_models_that_need_eager_attention_say_so_with_key_and_value(kind: str) -> None:
    config = {"model_type": kind}
    for attention in ("sdpa", "flash_attention_2"):
        (problem,) = architecture_problems(Path("config.json"), config, attention)
        assert problem.expected == "attention: eager for this model"
    assert not list(architecture_problems(Path("config.json"), config, "eager"))
    with pytest.raises(ValueError, match=r"does not support an attention implementation|not supported"):
        tiny_architecture(kind, "sdpa")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "llava", "vision_config": {}}, "It is no text model"),
        ({"model_type": "mamba"}, "has no attention heads"),
        ({"model_type": "brand_new"}, "Nobody has compared"),
        ({"model_type": "gemma4_text", "num_kv_shared_layers": 2}, "num_kv_shared_layers: found 2; expected 0"),
        ({"model_type": "gemma4", "text_config": {"num_kv_shared_layers": 2}}, "num_kv_shared_layers: found 2"),
        (
            {"model_type": "llama", "layer_types": ["mamba", "full_attention"]},
            "layer_types: found mamba; expected only",
        ),
    ],
)
def test_what_a_config_tells_is_refused_before_loading(config: dict[str, Any], message: str) -> None:
    (problem,) = architecture_problems(Path("config.json"), config)
    assert message in str(problem)


def test_defaults_that_config_json_leaves_out_are_refused_on_the_loaded_model() -> None:
    model = tiny_architecture("gemma4_text", "eager")
    model.config.num_kv_shared_layers = 1
    with pytest.raises(StudyError, match="num_kv_shared_layers: found 1"):
        find_projections(model)


# Projections without parameters


def quantized(model: Any) -> Any:
    """A copy whose projections are packed into 8 bits: they keep no parameters at all."""
    return torch.ao.quantization.quantize_dynamic(copy.deepcopy(model), {torch.nn.Linear}, dtype=torch.qint8)


@pytest.mark.filterwarnings("ignore")
def test_heads_are_ablated_before_a_packed_projection_as_before_any(oracle_table: OracleTable) -> None:
    packed = quantized(tiny_architecture("llama", "sdpa"))
    assert not list(find_projections(packed)[0].module.parameters())
    (prompt,) = random_prompts(rows=1, tokens=TOKENS)
    with ablate(packed, ABLATED):
        ours = read(packed, prompt)
    with _zeroed_by_hand(packed, ABLATED):
        truth = read(packed, prompt)
    oracle_table.agree("packed projections, slice zeroed", worst_difference(ours, truth), 0)
    oracle_table.differ("packed projections, not ablated", worst_difference(ours, read(packed, prompt)), NOTICED)


def _zeroed_by_hand(model: Any, heads: HeadSet) -> Any:
    from wrong_ablations import _zero_input

    return _zero_input(model, heads, lambda _new: slice(None))


# Memory


@torch.inference_mode()
@pytest.mark.parametrize("kind", ACCEPTED)
def test_memory_is_estimated_for_at_least_what_is_kept(kind: str) -> None:
    model = tiny_architecture(kind, "eager")
    cache = KeyValues(LAYERS, rows=1, positions=TOKENS)
    model(input_ids=torch.tensor(random_prompts(rows=1, tokens=TOKENS)), past_key_values=cache, use_cache=True)
    kept = sum(tensor.nbytes for block in cache.blocks for tensor in (block.keys, block.values)) / TOKENS
    size = ModelSize.of(model.config.get_text_config().to_dict(), parameters=1)
    assert size is not None
    estimated = size.position_bytes("float32") - 4 * size.expanded
    assert estimated >= kept
    if kind not in SHARED_OR_UNEVEN:
        assert estimated == kept


# The table


def test_the_table_of_architectures_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python tests/oracle/architectures_table.py writes it anew"


def test_what_the_table_calls_supported_builds_and_has_a_head_for_every_slice() -> None:
    assert {kind for kind in ARCHITECTURES if f"| `{kind}` | yes" in page()} == set(ACCEPTED)
