"""The second oracle: attention as its equation says, head by head, with the outputs of ablated heads zero.

It is put in the place of transformers' attention where a model lets it be replaced. Where a model does not, its own
attention weights times the values that it cached must be what enters the output projection: then a head's slice is
that head's output, and nothing else is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, eager_mask

from head_ablation.engine.ablation import find_projections
from head_ablation.engine.attention import attention
from head_ablation.engine.kv_cache import KeyValues
from head_ablation.heads.head import Head, HeadSet

PLAIN = "plain"
_ABLATED: set[tuple[int, int]] = set()


def plain_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **_how: Any,
) -> tuple[Tensor, None]:
    """Each head's softmax(q k^T scaling + mask) v, or zero if it is ablated: [rows, positions, heads, width].

    Args:
        module: its `layer_idx` says which heads are ablated here.
        query: [rows, heads, positions, width].
        key, value: [rows, key-value heads, keys, width].
        attention_mask: added to the scores.
        scaling, softcap: of the scores.
        s_aux: attention sinks [heads]: scores of a key that has no value.
    """
    group = query.shape[1] // key.shape[1]
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    outputs = []
    for head in range(query.shape[1]):
        scores = query[:, head] @ key[:, head // group].transpose(1, 2) * scale  # [rows, positions, keys]
        if softcap is not None:
            scores = softcap * torch.tanh(scores / softcap)
        if attention_mask is not None:
            scores = scores + attention_mask[:, head if attention_mask.shape[1] > 1 else 0]
        if s_aux is not None:
            scores = torch.cat([scores, s_aux[head].expand(*scores.shape[:2], 1)], dim=-1)
        weights = scores.softmax(dim=-1)[..., : key.shape[2]]
        kept = 0.0 if (module.layer_idx, head) in _ABLATED else 1.0
        outputs.append(kept * (weights @ value[:, head // group]))
    return torch.stack(outputs, dim=2), None


AttentionInterface.register(PLAIN, plain_attention)
AttentionMaskInterface.register(PLAIN, eager_mask)


@contextmanager
def plainly_ablated(model: Any, heads: HeadSet) -> Iterator[None]:
    """Runs the model with plain attention, in which these heads' outputs are zero."""
    _ABLATED.update(tuple(head) for head in heads)
    try:
        with attention(model, PLAIN):
            yield
    finally:
        _ABLATED.clear()


@torch.inference_mode()
def misplaced(model: Any, prompt: list[int]) -> float:
    """How far the projections' inputs are from attention weights times cached values, head by head, at most.

    Args:
        model: with eager attention.
        prompt: token ids.
    """
    projections = find_projections(model)
    inputs: dict[int, Tensor] = {}
    handles = [
        projection.module.register_forward_pre_hook(
            lambda _module, args, layer=layer: inputs.__setitem__(layer, args[0].clone())
        )
        for layer, projection in enumerate(projections)
    ]
    cache = KeyValues(len(projections), rows=1, positions=len(prompt))
    ids = torch.tensor([prompt])
    weights = model(input_ids=ids, past_key_values=cache, use_cache=True, output_attentions=True).attentions
    for handle in handles:
        handle.remove()
    worst = 0.0
    for layer, projection in enumerate(projections):
        values = cache.blocks[layer].values
        assert values is not None
        group = projection.heads // values.shape[1]
        for head in range(projection.heads):
            output = weights[layer][0, head, :, -len(prompt) :] @ values[0, head // group]
            start = head * projection.head_width
            found = inputs[layer][0, :, start : start + projection.head_width]
            worst = max(worst, float((output - found).abs().max()) if output.shape == found.shape else float("inf"))
    return worst


def single_heads(layers: int, heads: int) -> list[HeadSet]:
    """The first, an inner and the last head of the first and the last layer, one by one."""
    places = [(layer, head) for layer in sorted({0, layers - 1}) for head in sorted({0, 1, heads - 1})]
    return [HeadSet((Head(layer, head),)) for layer, head in places]
