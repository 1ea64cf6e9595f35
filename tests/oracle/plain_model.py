"""Four families of decoders written out in float64, with every attention matrix whole: slow, and nobody else's code.

Llama (grouped queries), Qwen3 (norms of queries and keys), Mistral (a sliding window) and GPT-NeoX (partial rotation,
parallel residual, biases). Weights and sizes are read from a model of transformers; nothing of its code is run.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Run:
    """One forward pass.

    Attributes:
        logits: [positions, vocabulary].
        attention: of each layer [heads, positions, keys].
        values: of each layer [heads, keys, width], those of a head's group.
        outputs: of each layer [positions, heads, width], before the output projection.
    """

    logits: Tensor
    attention: list[Tensor]
    values: list[Tensor]
    outputs: list[Tensor]


class PlainModel:
    """A decoder of one of the four families.

    Args:
        model: of transformers.
        rotated: False: no rotation, as a negative control.
    """

    def __init__(self, model: Any, rotated: bool = True):
        config = model.config
        self.weights = {name: tensor.detach().double() for name, tensor in model.state_dict().items()}
        self.is_neox = config.model_type == "gpt_neox"
        self.has_qk_norms = config.model_type == "qwen3"
        self.window = config.sliding_window if config.model_type == "mistral" else None
        self.layers, self.heads = config.num_hidden_layers, config.num_attention_heads
        self.groups = getattr(config, "num_key_value_heads", None) or self.heads
        self.width = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self.epsilon = config.layer_norm_eps if self.is_neox else config.rms_norm_eps
        rope = config.rope_parameters
        self.theta = rope["rope_theta"]
        self.turned = int(self.width * rope.get("partial_rotary_factor", 1.0)) if rotated else 0

    def run(self, ids: Sequence[int], ablated: Collection[tuple[int, int]] = ()) -> Run:
        """The whole of a prompt, with the outputs of (layer, head) pairs zero."""
        embedding = "gpt_neox.embed_in" if self.is_neox else "model.embed_tokens"
        hidden = self._weight(embedding)[list(ids)]  # [positions, hidden]
        run = Run(torch.empty(0), [], [], [])
        for layer in range(self.layers):
            block = self._neox_block if self.is_neox else self._llama_block
            hidden = block(layer, hidden, run, ablated)
        last = "gpt_neox.final_layer_norm" if self.is_neox else "model.norm"
        return Run(self._norm(hidden, last) @ self.unembedding.T, run.attention, run.values, run.outputs)

    @property
    def unembedding(self) -> Tensor:
        """W_U [vocabulary, hidden]."""
        return self._weight("lm_head")

    def projection(self, layer: int) -> Tensor:
        """W_O [hidden, heads, width]."""
        name = f"gpt_neox.layers.{layer}.attention.dense" if self.is_neox else f"model.layers.{layer}.self_attn.o_proj"
        return self._weight(name).view(-1, self.heads, self.width)

    def _weight(self, name: str) -> Tensor:
        return self.weights[f"{name}.weight"]

    def _linear(self, hidden: Tensor, name: str) -> Tensor:
        return hidden @ self._weight(name).T + self.weights.get(f"{name}.bias", torch.zeros(1).double())

    def _norm(self, hidden: Tensor, name: str) -> Tensor:
        if self.is_neox:
            centred = hidden - hidden.mean(dim=-1, keepdim=True)
            scaled = centred / (centred.pow(2).mean(dim=-1, keepdim=True) + self.epsilon).sqrt()
            return scaled * self._weight(name) + self.weights[f"{name}.bias"]
        return hidden / (hidden.pow(2).mean(dim=-1, keepdim=True) + self.epsilon).sqrt() * self._weight(name)

    def _llama_block(self, layer: int, hidden: Tensor, run: Run, ablated: Collection[tuple[int, int]]) -> Tensor:
        name = f"model.layers.{layer}"
        normed = self._norm(hidden, f"{name}.input_layernorm")
        query, key, value = (
            self._linear(normed, f"{name}.self_attn.{part}_proj").view(len(hidden), -1, self.width) for part in "qkv"
        )
        if self.has_qk_norms:
            query, key = (self._norm(x, f"{name}.self_attn.{y}_norm") for x, y in ((query, "q"), (key, "k")))
        hidden = hidden + self._attend(layer, query, key, value, run, ablated)
        normed = self._norm(hidden, f"{name}.post_attention_layernorm")
        gate, up = (self._linear(normed, f"{name}.mlp.{part}_proj") for part in ("gate", "up"))
        return hidden + self._linear(gate * gate.sigmoid() * up, f"{name}.mlp.down_proj")

    def _neox_block(self, layer: int, hidden: Tensor, run: Run, ablated: Collection[tuple[int, int]]) -> Tensor:
        name = f"gpt_neox.layers.{layer}"
        normed = self._norm(hidden, f"{name}.input_layernorm")
        together = self._linear(normed, f"{name}.attention.query_key_value").view(len(hidden), self.heads, 3, -1)
        attended = self._attend(layer, *together.unbind(dim=2), run, ablated)
        attended = attended + self.weights[f"{name}.attention.dense.bias"]
        normed = self._norm(hidden, f"{name}.post_attention_layernorm")
        inner = self._linear(normed, f"{name}.mlp.dense_h_to_4h")
        inner = inner * 0.5 * (1 + torch.erf(inner / 2**0.5))
        return hidden + attended + self._linear(inner, f"{name}.mlp.dense_4h_to_h")

    def _attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, run: Run, ablated: Collection[tuple[int, int]]
    ) -> Tensor:
        """What all heads add, without a bias; query, key, value are [positions, heads or groups, width]."""
        positions = torch.arange(len(query))
        hidden_keys = positions[None] > positions[:, None]
        if self.window:
            hidden_keys = hidden_keys | (positions[:, None] - positions[None] >= self.window)
        rows, values, outputs = [], [], []
        for head in range(self.heads):
            group = head // (self.heads // self.groups)
            scores = self._rotate(query[:, head]) @ self._rotate(key[:, group]).T / self.width**0.5
            rows.append(scores.masked_fill(hidden_keys, -torch.inf).softmax(dim=-1))
            values.append(value[:, group])
            kept = 0.0 if (layer, head) in ablated else 1.0
            outputs.append(kept * (rows[-1] @ values[-1]))
        stacked = torch.stack(outputs, dim=1)
        run.attention.append(torch.stack(rows))
        run.values.append(torch.stack(values))
        run.outputs.append(stacked)
        return torch.einsum("phw,ohw->po", stacked, self.projection(layer))

    def _rotate(self, vectors: Tensor) -> Tensor:
        turned, rest = vectors[:, : self.turned], vectors[:, self.turned :]
        if not self.turned:
            return rest
        frequencies = self.theta ** (-torch.arange(0, self.turned, 2).double() / self.turned)
        angles = torch.outer(torch.arange(len(vectors)).double(), frequencies)
        first, second = turned.chunk(2, dim=-1)
        cos, sin = angles.cos(), angles.sin()
        return torch.cat([first * cos - second * sin, second * cos + first * sin, rest], dim=-1)
