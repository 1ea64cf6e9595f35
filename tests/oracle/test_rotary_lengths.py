"""Rotary factors that depend on the length: LongRoPE's prompts are read whole, what cannot be equal is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from model_outputs import NO_HEADS, continued_answer, differing_tokens, our_answers, transformers_answer
from tiny_models import FAMILIES, Family, random_prompts, tiny_model
from zeroed_columns import with_zeroed_columns

from head_ablation.common.problems import StudyError
from head_ablation.engine.prefill import rotary_lengths, unheard
from head_ablation.engine.watching import WatchedBatch
from head_ablation.heads.head import HeadSet
from head_ablation.models.rotary import RotaryLengths

ORIGINAL, ANSWER = 16, 6
HEADS = HeadSet.parse(["L0H1", "L1H0", "L1H3"])


def scaled(kind: str, **rotary: Any) -> Family:
    """The family with another rotary scaling."""
    family = FAMILIES[kind]
    parameters = {"rope_theta": 10000.0, **rotary}
    return Family(kind, {**family.settings, "rope_parameters": parameters}, family.projection, family.head_width)


def phi3() -> Family:
    """Phi-3 with LongRoPE: short factors of 1 up to ORIGINAL tokens, long ones beyond."""
    width = FAMILIES["phi3"].head_width
    long = torch.linspace(2, 5, width // 2).tolist()
    family = scaled("phi3", rope_type="longrope", short_factor=[1.0] * (width // 2), long_factor=long)
    family.settings["original_max_position_embeddings"] = ORIGINAL
    family.settings["sliding_window"] = None
    return family


def dynamic(longest: int) -> Family:
    """A Llama with dynamic NTK scaling beyond `longest` tokens."""
    family = scaled("llama", rope_type="dynamic", factor=4.0)
    family.settings["max_position_embeddings"] = longest
    return family


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize(("tokens", "shared"), [(30, 6), (30, 29), (18, 17), (30, 0), (10, 6)])
def test_longrope_answers_are_those_of_generate(tokens: int, shared: int, attention: str) -> None:
    family = phi3()
    model = tiny_model(family, attention)
    zeroed = with_zeroed_columns(model, HEADS, family.projection)
    prompts = random_prompts(rows=2, tokens=tokens, shared=shared)
    for heads, truth in ((NO_HEADS, model), (HEADS, zeroed)):
        expected = [transformers_answer(truth, prompt, ANSWER) for prompt in prompts]
        assert our_answers(model, prompts, heads, ANSWER) == expected
    expected = [continued_answer(model, zeroed, prompt, ANSWER) for prompt in prompts]
    assert our_answers(model, prompts, HEADS, ANSWER, positions="decode") == expected


def test_a_prefix_read_alone_would_have_other_factors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RotaryLengths, "read_whole", lambda _self, _tokens: False)
    model = tiny_model(phi3())
    prompts = random_prompts(rows=2, tokens=30, shared=6)
    truth = [transformers_answer(model, prompt, ANSWER) for prompt in prompts]
    assert differing_tokens(our_answers(model, prompts, NO_HEADS, ANSWER), truth) > 0


def test_detection_reads_longrope_prompts_whole_too() -> None:
    model = tiny_model(phi3())
    prompts = random_prompts(rows=2, tokens=30, shared=6)
    steps = [rows.tokens for rows in WatchedBatch(model, prompts, ANSWER, unheard).answer(ANSWER)]
    truth = [transformers_answer(model, prompt, ANSWER) for prompt in prompts]
    assert [list(row) for row in zip(*steps, strict=True)] == truth


@pytest.mark.parametrize("tokens", [ORIGINAL - ANSWER + 1, ORIGINAL, ORIGINAL + 1])
def test_lengths_at_which_longrope_changes_its_factors_are_refused(tokens: int) -> None:
    model, prompts = tiny_model(phi3()), random_prompts(rows=2, tokens=tokens, shared=6)
    for refused in (
        lambda: our_answers(model, prompts, NO_HEADS, ANSWER),
        lambda: WatchedBatch(model, prompts, ANSWER, unheard),
    ):
        with pytest.raises(
            StudyError, match=f"prompts of {tokens} tokens; expected at most 10 or at least 18: LongRoPE"
        ):
            refused()


def test_dynamic_scaling_within_the_trained_length_is_exact_and_refused_beyond() -> None:
    prompts = random_prompts(rows=3, tokens=20, shared=12)
    model = tiny_model(dynamic(26))
    truth = [transformers_answer(model, prompt, ANSWER) for prompt in prompts]
    assert our_answers(model, prompts, NO_HEADS, ANSWER) == truth
    with pytest.raises(StudyError, match="expected at most 19: beyond 25 tokens, answers included, dynamic NTK"):
        our_answers(tiny_model(dynamic(25)), prompts, NO_HEADS, ANSWER)


def test_dynamic_scaling_beyond_the_trained_length_has_no_answer_of_its_own() -> None:
    """Why it is refused: transformers itself answers a prompt otherwise once it has answered a longer one."""
    model = tiny_model(dynamic(16))
    short, long = random_prompts(1, 20, seed=1)[0], random_prompts(1, 40)[0]
    fresh = transformers_answer(model, short, 8)
    transformers_answer(model, long, 8)
    assert transformers_answer(model, short, 8) != fresh


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, RotaryLengths()),
        ({"rope_scaling": None, "rope_parameters": {"rope_type": "yarn"}}, RotaryLengths()),
        (
            {
                "rope_scaling": {"type": "su"},
                "original_max_position_embeddings": 4096,
                "max_position_embeddings": 131072,
            },
            RotaryLengths(longrope=4096),
        ),
        (
            {"rope_parameters": {"rope_type": "longrope", "original_max_position_embeddings": 8}},
            RotaryLengths(longrope=8),
        ),
        ({"rope_scaling": {"type": "dynamic", "factor": 2}, "max_position_embeddings": 9}, RotaryLengths(dynamic=9)),
        (
            {"rope_parameters": {"full_attention": {"rope_type": "dynamic"}}, "max_position_embeddings": 7},
            RotaryLengths(dynamic=7),
        ),
    ],
)
def test_lengths_are_read_from_every_form_of_config(config: dict[str, Any], expected: RotaryLengths) -> None:
    assert RotaryLengths.of(config) == expected


def test_lengths_are_read_from_loaded_models() -> None:
    assert rotary_lengths(tiny_model(phi3())) == RotaryLengths(longrope=ORIGINAL)
    assert rotary_lengths(tiny_model(dynamic(25))) == RotaryLengths(dynamic=25)
    assert rotary_lengths(tiny_model(FAMILIES["llama"])) == RotaryLengths()
