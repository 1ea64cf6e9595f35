"""A Llama written out by hand in float64, to check the library against something that shares no code with it.

It reads config.json and model.safetensors itself and uses nothing of transformers: no modelling code, no cache, no
attention kernel. Heads are computed one by one in a Python loop; an ablated head's output is zero before the heads
are concatenated, which is the definition of the ablation (and tests that head h owns the h-th slice).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

NO_HEADS: frozenset[tuple[int, int]] = frozenset()


class PlainLlama:
    """The forward pass of one prompt, from a folder with config.json and model.safetensors."""

    def __init__(self, folder: Path):
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.layers: int = config["num_hidden_layers"]
        self.heads: int = config["num_attention_heads"]
        self.group = self.heads // config["num_key_value_heads"]  # query heads per key-value head
        self.width: int = config.get("head_dim") or config["hidden_size"] // self.heads
        self.epsilon: float = config["rms_norm_eps"]
        self.theta: float = config["rope_parameters"]["rope_theta"]
        self.tied: bool = config["tie_word_embeddings"]
        self.weights = load_file(folder / "model.safetensors")

    def logits(
        self,
        token_ids: Sequence[int],
        ablated: Collection[tuple[int, int]] = NO_HEADS,
        ablated_from: int = 0,
    ) -> Tensor:
        """The logits [positions, vocabulary] with the (layer, head) pairs `ablated` from position `ablated_from` on."""
        hidden = self._weight("model.embed_tokens")[list(token_ids)]  # [positions, hidden]
        for layer in range(self.layers):
            name = f"model.layers.{layer}"
            normed = self._norm(hidden, f"{name}.input_layernorm")
            outputs = [self._head(normed, f"{name}.self_attn", head) for head in range(self.heads)]
            for head, output in enumerate(outputs):
                if (layer, head) in ablated:
                    output[ablated_from:] = 0
            concatenated = torch.cat(outputs, dim=-1)  # [positions, heads * width]
            hidden = hidden + concatenated @ self._weight(f"{name}.self_attn.o_proj").T
            normed = self._norm(hidden, f"{name}.post_attention_layernorm")
            hidden = hidden + self._feed_forward(normed, f"{name}.mlp")
        unembedding = self._weight("model.embed_tokens" if self.tied else "lm_head")
        return self._norm(hidden, "model.norm") @ unembedding.T

    def _weight(self, name: str) -> Tensor:
        return self.weights[f"{name}.weight"].double()

    def _norm(self, hidden: Tensor, name: str) -> Tensor:
        mean_square = (hidden * hidden).mean(dim=-1, keepdim=True)
        return hidden / (mean_square + self.epsilon).sqrt() * self._weight(name)

    def _head(self, normed: Tensor, name: str, head: int) -> Tensor:
        """One query head's output [positions, width]; it reads the key-value head head // group."""
        query = self._rotate(self._project(normed, f"{name}.q_proj", head))
        key = self._rotate(self._project(normed, f"{name}.k_proj", head // self.group))
        value = self._project(normed, f"{name}.v_proj", head // self.group)
        scores = query @ key.T / self.width**0.5  # [positions, positions]
        future = torch.ones_like(scores, dtype=torch.bool).triu(1)
        return scores.masked_fill(future, -torch.inf).softmax(dim=-1) @ value

    def _project(self, normed: Tensor, name: str, head: int) -> Tensor:
        return normed @ self._weight(name)[head * self.width : (head + 1) * self.width].T

    def _rotate(self, vectors: Tensor) -> Tensor:
        """Rotary positions (Su et al. 2021, eq. 34); component i turns with component i + width / 2."""
        frequencies = self.theta ** (-torch.arange(0, self.width, 2).double() / self.width)
        angles = torch.outer(torch.arange(len(vectors)).double(), frequencies)
        first, second = vectors.chunk(2, dim=-1)
        cos, sin = angles.cos(), angles.sin()
        return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)

    def _feed_forward(self, normed: Tensor, name: str) -> Tensor:
        gate = normed @ self._weight(f"{name}.gate_proj").T
        up = normed @ self._weight(f"{name}.up_proj").T
        return (gate * gate.sigmoid() * up) @ self._weight(f"{name}.down_proj").T
