"""What zeroing a head's query does, which is sometimes taken for "no output": the head emits the mean of its values.

With a zero query every attention logit is 0, the softmax is uniform over what the mask allows, and the head writes the
average of all values so far. That is another experiment than removing the head.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from wrong_ablations import query_zeroed

from head_ablation.engine.ablation import ablate, find_projections
from head_ablation.heads.head import Head, HeadSet

HEAD = Head(5, 7)
TOLERANCE = 1e-4


def head_outputs(model: Any, ids: list[int]) -> torch.Tensor:
    """What HEAD hands to the output projection: [positions, head_width]."""
    seen = []
    projection = find_projections(model)[HEAD.layer]
    handle = projection.module.register_forward_hook(lambda _module, args, _output: seen.append(args[0][0]))
    with torch.inference_mode():
        model(input_ids=torch.tensor([ids]))
    handle.remove()
    return seen[0].unflatten(-1, (projection.heads, projection.head_width))[:, HEAD.head]


def running_mean_of_values(model: Any, ids: list[int]) -> torch.Tensor:
    """The mean of the head's values up to each position: [positions, head_width]."""
    seen = []
    values = model.model.layers[HEAD.layer].self_attn.v_proj
    handle = values.register_forward_hook(lambda _module, _args, output: seen.append(output[0]))
    with torch.inference_mode():
        model(input_ids=torch.tensor([ids]))
    handle.remove()
    shared = model.config.num_attention_heads // model.config.num_key_value_heads
    own = seen[0].unflatten(-1, (model.config.num_key_value_heads, -1))[:, HEAD.head // shared]
    return own.cumsum(dim=0) / torch.arange(1, len(own) + 1)[:, None]


def test_a_zeroed_query_writes_the_mean_of_the_values_not_zero(embedded_model: Any, prompts: list[list[int]]) -> None:
    mean = running_mean_of_values(embedded_model, prompts[0])
    with query_zeroed(embedded_model, HeadSet((HEAD,))):
        zeroed_query = head_outputs(embedded_model, prompts[0])
    torch.testing.assert_close(zeroed_query, mean, atol=TOLERANCE, rtol=0)
    assert zeroed_query.norm(dim=-1).min() > 100 * TOLERANCE  # nowhere zero
    whole = head_outputs(embedded_model, prompts[0])
    assert (whole - mean).abs().max() > 100 * TOLERANCE  # negative control: attention as it is, is not the mean


def test_a_zeroed_output_is_zero(embedded_model: Any, prompts: list[list[int]]) -> None:
    with ablate(embedded_model, HeadSet((HEAD,))):
        assert not head_outputs(embedded_model, prompts[0]).any()
    assert head_outputs(embedded_model, prompts[0]).any()  # negative control


@pytest.mark.parametrize("positions", [1, 2, 40])
def test_the_first_position_has_one_value_and_gives_it_whole(
    embedded_model: Any, prompts: list[list[int]], positions: int
) -> None:
    ids = prompts[0][:positions]
    with query_zeroed(embedded_model, HeadSet((HEAD,))):
        first = head_outputs(embedded_model, ids)[0]
    torch.testing.assert_close(first, head_outputs(embedded_model, ids)[0], atol=TOLERANCE, rtol=0)
