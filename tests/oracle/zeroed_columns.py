"""The first oracle: a copy of the model whose weights cannot pass the ablated heads on. No hook is involved."""

from __future__ import annotations

import copy
from typing import Any

from transformers.pytorch_utils import Conv1D

from head_ablation.engine.ablation import find_projections
from head_ablation.heads.head import HeadSet


def with_zeroed_columns(model: Any, heads: HeadSet, projection_path: str) -> Any:
    """A copy of `model` in which W_O is zero wherever an ablated head comes in.

    Args:
        model: a causal language model of transformers.
        heads: the heads to cut off.
        projection_path: where a layer's projection is, e.g. `model.layers.{}.self_attn.o_proj`.
    """
    copied = copy.deepcopy(model)
    for layer, head in heads:
        projection = copied.get_submodule(projection_path.format(layer))
        weight = projection.weight.data
        # Linear multiplies by the transpose: its inputs are columns. GPT-2's Conv1D does not: its inputs are rows.
        by_input = weight if isinstance(projection, Conv1D) else weight.T
        width = len(by_input) // copied.config.num_attention_heads
        by_input[head * width : (head + 1) * width] = 0
    return copied


def with_zeroed_slices(model: Any, heads: HeadSet) -> Any:
    """As `with_zeroed_columns`, at the projections that the library finds, whatever they are called."""
    copied = copy.deepcopy(model)
    projections = find_projections(copied)
    for layer, head in heads:
        module, width = projections[layer].module, projections[layer].head_width
        weight = module.weight.data
        by_input = weight if isinstance(module, Conv1D) else weight.T
        by_input[head * width : (head + 1) * width] = 0
    return copied
