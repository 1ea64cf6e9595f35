"""How an answer's log-probability changes with each head's output: gradients at the output projections' inputs.

Weights are frozen, and the graph begins at the first projection's input: nothing before it and no weight gets a
gradient. Layers are run again one by one on the way back (checkpointing; Chen et al. 2016, arXiv 1604.06174), so that
beside each layer's input and each projection's input only one layer's activations are held.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from head_ablation.engine.ablation import Projection, find_layers, find_projections
from head_ablation.engine.attention import gradient_attention
from head_ablation.engine.likelihoods import sum_log_probs
from head_ablation.engine.prefill import refuse_lengths


def output_products(model: Any, prompt: Sequence[int], answer: Sequence[int]) -> torch.Tensor:
    """Of each head the sum over positions of o . dm / do, o its output, m the log-probability of an answer.

    To first order it is what m loses when the head's output becomes zero everywhere (attribution patching: Nanda 2023;
    Kramar et al. 2024, arXiv 2403.00745).

    Args:
        model: a causal language model of transformers, in evaluation mode.
        prompt: token ids.
        answer: token ids; those behind which another one is predicted are positions too.

    Returns:
        [layers, heads], float64.
    """
    refuse_lengths(model, len(prompt), len(answer))
    ids = torch.tensor([[*prompt, *answer[:-1]]], device=model.device)
    projections = find_projections(model)
    products = torch.zeros(len(projections), projections[0].heads, dtype=torch.float64)
    layers = find_layers(model)
    with (
        torch.enable_grad(),
        gradient_attention(model),
        _frozen(model),
        _run_again(layers),
        _watched(projections, products),
    ):
        logits = model(input_ids=ids, use_cache=False, logits_to_keep=len(answer)).logits[0]
        sum_log_probs(logits, answer).backward()  # type: ignore[no-untyped-call]
    return products


@contextmanager
def _frozen(model: nn.Module) -> Iterator[None]:
    """Gives no weight a gradient for a while."""
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    for weight in trained:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in trained:
            weight.requires_grad_(True)


@contextmanager
def _run_again(layers: Sequence[nn.Module]) -> Iterator[None]:
    """Has each layer run again on the way back, in place of keeping what it made."""
    own = [vars(layer).get("forward") for layer in layers]  # accelerate's, of a model on several devices
    for layer in layers:
        layer.forward = partial(checkpoint, layer.forward, use_reentrant=False, preserve_rng_state=False)
    try:
        yield
    finally:
        for layer, before in zip(layers, own, strict=True):
            del layer.forward
            if before is not None:
                layer.forward = before


@contextmanager
def _watched(projections: Sequence[Projection], products: torch.Tensor) -> Iterator[None]:
    """Adds the products of inputs and their gradients up in `products` [layers, heads], on the way back."""

    watched: set[int] = set()

    def watch(layer: int, projection: Projection, _module: nn.Module, args: tuple[torch.Tensor, ...]) -> Any:
        outputs = args[0] if args[0].requires_grad else args[0].detach().requires_grad_()
        if layer in watched:  # the layer is run again
            return (outputs, *args[1:])
        watched.add(layer)
        found = outputs.detach()  # a tensor that its own hook refers to would stay

        def add(gradient: torch.Tensor) -> None:
            product = found.float() * gradient.float()  # [1, positions, heads * head_width]
            per_head = product.view(-1, projection.heads, projection.head_width).sum(dim=(0, 2))
            products[layer] += per_head.cpu().double()

        outputs.register_hook(add)  # type: ignore[no-untyped-call]
        return (outputs, *args[1:])

    handles = [
        projection.module.register_forward_pre_hook(partial(watch, layer, projection))
        for layer, projection in enumerate(projections)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
