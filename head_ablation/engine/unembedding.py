"""What heads add to the logits of given tokens by what they read: the raw unembedding, without the final norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from head_ablation.common.problems import StudyError
from head_ablation.engine.ablation import Projection, find_projections
from head_ablation.engine.prefill import unheard
from head_ablation.engine.watching import WatchedBatch

EXACT, ROUNDED = 1e-3, 0.03  # shares of the largest output: in float32, and in half precision


class Unembedding:
    """The output embedding W_U of a model, behind its attention output projections W_O.

    Args:
        model: a causal language model of transformers.

    Raises:
        StudyError: the model has no plain matrices for them.
    """

    def __init__(self, model: Any):
        self.model, self.projections = model, find_projections(model)
        head = model.get_output_embeddings()
        self.rows: torch.Tensor = head.weight  # [vocabulary, hidden]
        self.matrices = [
            _matrix(projection, self.rows.shape[-1], type(model).__name__) for projection in self.projections
        ]

    @torch.inference_mode()
    def added(self, layer: int, weights: torch.Tensor, values: torch.Tensor, tokens: Sequence[int]) -> torch.Tensor:
        """The sum over keys of weight * W_U[token]^T W_O^h value.

        Args:
            layer: the layer.
            weights: [prompts, heads, keys].
            values: [prompts, key-value heads, keys, head_width]; a head reads those of its group.
            tokens: of each prompt.

        Returns:
            [prompts, heads], float32.
        """
        projection = self.projections[layer]
        self._refuse_values(values, projection)
        read = _read(weights, values)  # [prompts, heads, head_width]
        rows = self.rows[list(tokens)].to(read.device).float()  # [prompts, hidden]
        directions = rows @ self.matrices[layer].to(read.device).float()  # [prompts, heads * head_width]
        return (read * directions.view_as(read)).sum(dim=-1)

    @torch.inference_mode()
    def refuse_gates(self, ids: Sequence[int]) -> None:
        """Raises StudyError if a head's output is not its attention times its values, as where a gate follows.

        Args:
            ids: a few tokens to see it on.
        """
        found: dict[int, torch.Tensor] = {}
        handles = [
            projection.module.register_forward_pre_hook(
                lambda _module, args, layer=layer: found.__setitem__(layer, args[0][:, -1].clone())
            )
            for layer, projection in enumerate(self.projections)
        ]
        try:
            (rows,) = WatchedBatch(self.model, [ids], 1, unheard).answer(1)
        finally:
            for handle in handles:
                handle.remove()
        tolerance = EXACT if self.model.dtype == torch.float32 else ROUNDED
        for layer, projection in enumerate(self.projections):
            self._refuse_values(rows.values[layer], projection)
            read = _read(rows.layers[layer][:, :, -1], rows.values[layer])
            output = found[layer].float().view_as(read)
            if (read - output).abs().max() > tolerance * output.abs().max():
                raise StudyError(
                    f"layer {layer}: what enters the output projection is not attention times values; a gate or a norm"
                    " stands between, so that locos cannot score this model"
                )

    def _refuse_values(self, values: torch.Tensor, projection: Projection) -> None:
        groups, width = values.shape[1], values.shape[-1]
        if projection.heads % groups or width != projection.head_width:
            raise StudyError(
                f"the model keeps {groups} values of width {width} of each position, which are not what its"
                f" {projection.heads} heads of width {projection.head_width} read; locos cannot score it"
            )


def _read(weights: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """The sum over keys of weight * value, for every head: [prompts, heads, head_width]."""
    prompts, heads, keys = weights.shape
    groups = values.shape[1]
    grouped = weights.view(prompts, groups, heads // groups, keys)
    return (grouped @ values.float()).view(prompts, heads, -1)


def _matrix(projection: Projection, hidden: int, model: str) -> torch.Tensor:
    """W_O [hidden, heads * head_width] of a projection."""
    weight: Any = getattr(projection.module, "weight", None)
    inputs = projection.heads * projection.head_width
    is_transposed = type(projection.module).__name__ == "Conv1D"  # GPT-2's keeps [in, out]
    if not isinstance(weight, torch.Tensor) or not weight.is_floating_point():
        raise StudyError(f"{model}: the output projections keep no plain weights; locos cannot score it")
    matrix = weight.T if is_transposed else weight
    if matrix.shape != (hidden, inputs):
        raise StudyError(
            f"{model}: output projection of shape {tuple(matrix.shape)}; expected {(hidden, inputs)}, the width of"
            " the output embedding and that of all heads; locos cannot score it"
        )
    return matrix


def vocabulary_size(model: Any) -> int:
    """How many ids the model has an embedding for."""
    return int(model.get_input_embeddings().weight.shape[0])
