"""Which attention a model runs while it reads, decodes or is watched.

Reading goes on behind a cached prefix: of k keys, the i-th of q new positions may see the first k - q + i + 1.
transformers writes that down as one mask, with which torch uses slower kernels and looks at all k keys every time. It
is plain causality, counted from the lower right corner of [q, k] instead of the upper left one: torch's kernels for
GPUs know that as well, and elsewhere a mask for few positions at a time leaves out the keys that none of them sees.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

BEHIND_PREFIX = "sdpa_behind_prefix"
WITH_GRADIENTS = "sdpa_with_gradients"
BLOCK = 256  # positions; smaller ones gain no more (docs/performance.md)


@contextmanager
def attention(model: Any, implementation: str) -> Iterator[None]:
    """Runs the model with another of transformers' attention implementations for a while."""
    before = model.config._attn_implementation
    model.set_attn_implementation(implementation)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


@contextmanager
def reading_attention(model: Any) -> Iterator[None]:
    """Runs torch's attention without a mask behind a prefix, where the model uses torch's and lets it be replaced."""
    with _in_place_of_torchs(model, BEHIND_PREFIX):
        yield


@contextmanager
def gradient_attention(model: Any) -> Iterator[None]:
    """Runs torch's attention so that no device keeps weights [T, T] for the way back, where the model uses torch's."""
    with _in_place_of_torchs(model, WITH_GRADIENTS):
        yield


@contextmanager
def _in_place_of_torchs(model: Any, implementation: str) -> Iterator[None]:
    replaceable = getattr(model, "_supports_attention_backend", False)
    if model.config._attn_implementation != "sdpa" or not replaceable:
        yield
        return
    with attention(model, implementation):
        yield


def attend_with_gradients(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **how: Any,
) -> tuple[torch.Tensor, None]:
    """transformers' torch attention over whole prompts; arguments and result as `attend_behind_prefix`.

    A key is repeated for each query head that reads it: torch's kernels for CPUs that keep no weights want it so.
    """
    if how.get("position_bias") is not None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **how)
    groups = getattr(module, "num_key_value_groups", 1)
    found = scaled_dot_product_attention(
        query,
        repeat_kv(key, groups),
        repeat_kv(value, groups),
        attn_mask=attention_mask,
        is_causal=attention_mask is None,
        scale=how.get("scaling"),
    )
    return found.transpose(1, 2).contiguous(), None


def attend_behind_prefix(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **how: Any,
) -> tuple[torch.Tensor, None]:
    """transformers' torch attention, but without a mask new positions are the last ones of the keys.

    Args:
        module: the attention module, whose `num_key_value_groups` query heads share a key.
        query: [rows, heads, new positions, width].
        key, value: [rows, key-value heads, all positions, width].
        attention_mask: of layers that see less than all before them (sliding windows), else None.
        how: `scaling` and what else transformers passes.

    Returns:
        [rows, new positions, heads, width], and None for the weights.
    """
    new, every = query.shape[2], key.shape[2]
    if attention_mask is not None or new in (1, every):
        return sdpa_attention_forward(module, query, key, value, attention_mask, **how)
    if how.get("position_bias") is not None:  # added to the weights, so it takes a mask
        return sdpa_attention_forward(module, query, key, value, _seen(new, every, query.device)[None, None], **how)
    attend = attend_on_gpu if query.device.type == "cuda" else attend_in_blocks
    found = attend(query, key, value, getattr(module, "num_key_value_groups", 1), how.get("scaling"))
    return found.transpose(1, 2).contiguous(), None


def attend_on_gpu(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, groups: int, scale: float | None
) -> torch.Tensor:
    """By the kernels that know the lower right corner; they want as many keys as queries have heads."""
    from torch.nn.attention.bias import causal_lower_right  # takes 1.5 s to import, most of it torch's compiler

    corner = causal_lower_right(query.shape[2], key.shape[2])
    return scaled_dot_product_attention(
        query, repeat_kv(key, groups), repeat_kv(value, groups), attn_mask=corner, scale=scale
    )


def attend_in_blocks(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, groups: int, scale: float | None
) -> torch.Tensor:
    """By kernels that do not: BLOCK positions at a time, with a mask over what the last of them sees."""
    new, every = query.shape[2], key.shape[2]
    blocks = []
    for start in range(0, new, BLOCK):
        end = min(new, start + BLOCK)
        seen = every - new + end
        blocks.append(
            scaled_dot_product_attention(
                query[:, :, start:end],
                key[:, :, :seen],
                value[:, :, :seen],
                attn_mask=_seen(end - start, seen, query.device),
                scale=scale,
                enable_gqa=groups > 1,
            )
        )
    return torch.cat(blocks, dim=2)


def _seen(new: int, every: int, device: torch.device) -> torch.Tensor:
    """The mask that says so: [new positions, all positions]."""
    return torch.ones(new, every, dtype=torch.bool, device=device).tril(every - new)


def mask_behind_prefix(
    *,
    kv_length: int,
    attention_mask: torch.Tensor | None = None,
    allow_is_causal_skip: bool = True,
    local_size: int | None = None,
    **how: Any,
) -> torch.Tensor | None:
    """No mask where all earlier positions are seen; transformers' own where a layer's window hides some."""
    sees_all = local_size is None or kv_length < local_size
    if attention_mask is None and allow_is_causal_skip and sees_all:
        return None
    return sdpa_mask(
        kv_length=kv_length,
        attention_mask=attention_mask,
        allow_is_causal_skip=allow_is_causal_skip,
        local_size=local_size,
        **how,
    )


AttentionInterface.register(BEHIND_PREFIX, attend_behind_prefix)
AttentionMaskInterface.register(BEHIND_PREFIX, mask_behind_prefix)
AttentionInterface.register(WITH_GRADIENTS, attend_with_gradients)
AttentionMaskInterface.register(WITH_GRADIENTS, sdpa_mask)
