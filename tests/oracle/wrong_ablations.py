"""Deliberately wrong ablations: mistakes that were made elsewhere and that the oracle checks must notice.

Each is a context manager (model, heads) like `head_ablation.engine.ablation.ablate`. Those that reach for q_proj and
v_proj need a Llama-like model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from head_ablation.engine.ablation import ablate, find_projections, model_shape
from head_ablation.heads.head import Head, HeadSet

WrongAblation = Callable[[Any, HeadSet], AbstractContextManager[None]]


@contextmanager
def nothing_ablated(_model: Any, _heads: HeadSet) -> Iterator[None]:
    """No hook at all: shows that the ablation under test changes anything."""
    yield


@contextmanager
def output_sliced(model: Any, heads: HeadSet) -> Iterator[None]:
    """Zeroes the slice in the projection's OUTPUT; behind W_O the axis is no longer split by head."""
    projections = find_projections(model)
    with ExitStack() as hooks:
        for layer, ablated in heads.by_layer().items():
            width = projections[layer].head_width
            _zero_output(hooks, projections[layer].module, ablated, width)
        yield


@contextmanager
def key_value_group_zeroed(model: Any, heads: HeadSet) -> Iterator[None]:
    """Zeroes the values of the head's key-value group, and with them its sister heads."""
    projections = find_projections(model)
    group = model.config.num_attention_heads // model.config.num_key_value_heads
    with ExitStack() as hooks:
        for layer, ablated in heads.by_layer().items():
            values = model.model.layers[layer].self_attn.v_proj
            groups = [head // group for head in ablated]
            _zero_output(hooks, values, groups, projections[layer].head_width)
        yield


@contextmanager
def query_zeroed(model: Any, heads: HeadSet) -> Iterator[None]:
    """Zeroes the head's query: it then attends uniformly and still writes."""
    projections = find_projections(model)
    with ExitStack() as hooks:
        for layer, ablated in heads.by_layer().items():
            queries = model.model.layers[layer].self_attn.q_proj
            _zero_output(hooks, queries, ablated, projections[layer].head_width)
        yield


@contextmanager
def layer_off_by_one(model: Any, heads: HeadSet) -> Iterator[None]:
    """Ablates the same heads one layer further up (the last layer's in the first)."""
    layers = model_shape(model).layers
    shifted = HeadSet(tuple(Head((layer + 1) % layers, head) for layer, head in heads))
    with ablate(model, shifted):
        yield


@contextmanager
def prompt_skipped(model: Any, heads: HeadSet) -> Iterator[None]:
    """Ablates only while decoding: the prompt is read by the whole model."""
    with _zero_input(model, heads, lambda new: slice(None) if new == 1 else slice(0)):
        yield


@contextmanager
def decoding_skipped(model: Any, heads: HeadSet) -> Iterator[None]:
    """Ablates only while the prompt is read."""
    with _zero_input(model, heads, lambda new: slice(0) if new == 1 else slice(None)):
        yield


@contextmanager
def last_position_only(model: Any, heads: HeadSet) -> Iterator[None]:
    """Ablates only the last position of every forward call."""
    with _zero_input(model, heads, lambda _new: slice(-1, None)):
        yield


def _zero_output(hooks: ExitStack, module: nn.Module, blocks: list[int], width: int) -> None:
    def hook(_module: nn.Module, _args: Any, output: Tensor) -> Tensor:
        output = output.clone()
        for block in blocks:
            output[..., block * width : (block + 1) * width] = 0
        return output

    hooks.callback(module.register_forward_hook(hook).remove)


@contextmanager
def _zero_input(model: Any, heads: HeadSet, positions: Callable[[int], slice]) -> Iterator[None]:
    """Zeroes the right slices of the projections' inputs, at the positions chosen among the new ones."""
    projections = find_projections(model)
    with ExitStack() as hooks:
        for layer, ablated in heads.by_layer().items():
            width = projections[layer].head_width

            def hook(
                _module: nn.Module,
                args: tuple[Tensor],
                ablated: list[int] = ablated,
                width: int = width,
            ) -> tuple[Tensor]:
                hidden = args[0].clone()  # [batch, positions, heads * head_width]
                for head in ablated:
                    at = positions(hidden.shape[1])
                    hidden[:, at, head * width : (head + 1) * width] = 0
                return (hidden,)

            handle = projections[layer].module.register_forward_pre_hook(hook)
            hooks.callback(handle.remove)
        yield
