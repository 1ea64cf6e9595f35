"""The benchmark compares like with like: it refuses two ways that answer differently."""

from __future__ import annotations

import pytest
import torch
from tiny_llama import tiny_llama

from head_ablation.benchmarks import _count_ties, compare, every_nth_head
from head_ablation.generation import GenerationSettings
from head_ablation.heads import HeadSet
from head_ablation.problems import StudyError

SETTINGS = GenerationSettings(max_new_tokens=3, stop=(), batch_size=2)


@pytest.fixture(scope="module")
def model():
    return tiny_llama()


def prompts(model) -> list[list[int]]:
    return torch.randint(3, model.config.vocab_size, (3, 12), generator=torch.Generator().manual_seed(1)).tolist()


def test_both_ways_give_the_same_answers_and_ratios_are_positive(model) -> None:
    heads = every_nth_head(model.config.num_hidden_layers, model.config.num_attention_heads, step=3)
    ratios = compare(model, str, prompts(model), heads, SETTINGS)
    assert ratios["generate_per_prompt"] > 0
    assert ratios["ablation_cost"] > 0
    assert ratios["answers_parted_at_a_tie"] == 0


def test_an_answer_that_differs_without_a_tie_is_refused(model) -> None:
    ids = prompts(model)[:1]
    with torch.inference_mode():
        best, *_, worst = model(torch.tensor(ids)).logits[0, -1].argsort(descending=True).tolist()
    with pytest.raises(StudyError, match="expected the same"):
        _count_ties(model, ids, HeadSet(()), [[best]], [[worst]])


def test_equal_answers_are_no_tie(model) -> None:
    assert _count_ties(model, prompts(model)[:1], HeadSet(()), [[5, 6]], [[5, 6, 7]]) == 0
