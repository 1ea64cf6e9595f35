"""How large a model is, and how much memory its weights, its keys and values, and a forward call take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

READ_TOKENS = 4096  # of new tokens in one forward call, if that is more than one prompt's; part of the protocol
CONTEXT = 0.7e9  # bytes that torch and CUDA take
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
NAMES = {
    "hidden": ("hidden_size", "n_embd", "d_model"),
    "intermediate": ("intermediate_size", "n_inner", "ffn_dim"),
    "heads": ("num_attention_heads", "n_head"),
    "layers": ("num_hidden_layers", "n_layer"),
}


@dataclass(frozen=True)
class ModelSize:
    """What a model's memory follows from.

    Attributes:
        parameters: in its weights.
        layers, heads: query heads of a layer.
        hidden, intermediate: widths of the residual stream and inside the MLP.
        keys: width of all keys of a layer; that of its values is the same.
    """

    parameters: int
    layers: int
    heads: int
    hidden: int
    intermediate: int
    keys: int

    @classmethod
    def of(cls, config: Mapping[str, Any], parameters: int) -> ModelSize | None:
        """From a model's (text) config; None if it does not say how wide the model is."""
        found = {field: next((config[key] for key in keys if config.get(key)), 0) for field, keys in NAMES.items()}
        if not (found["hidden"] and found["heads"] and found["layers"]):
            return None
        width = config.get("head_dim") or found["hidden"] // found["heads"]
        keys = width * (config.get("num_key_value_heads") or found["heads"])
        return cls(parameters, keys=keys, **{**found, "intermediate": found["intermediate"] or 4 * found["hidden"]})

    def weights_bytes(self, dtype: str) -> float:
        """The weights in memory."""
        return self.parameters * BYTES[dtype]

    def position_bytes(self, dtype: str) -> float:
        """Keys and values of one position of one prompt."""
        return 2 * self.layers * self.keys * BYTES[dtype]

    def reading_bytes(self, dtype: str, attention: str, tokens: int) -> float:
        """What one forward call holds while it reads READ_TOKENS, or one prompt if that is longer.

        Inside the MLP gate, up and product, around it the residual stream, its norm, queries, keys and values repeated
        for every query head, and outputs. Eager attention adds its weights, in float32 too.
        """
        read = max(tokens, READ_TOKENS)
        eager = (4 + BYTES[dtype]) * self.heads * tokens * read if attention == "eager" else 0
        return read * BYTES[dtype] * (3 * self.intermediate + 7 * self.hidden) + eager

    def needed_bytes(self, dtype: str, attention: str, tokens: int, rows: int) -> float:
        """All that `rows` prompts of so many tokens, answers included, take; one more row keeps the shared prefix."""
        kept = (rows + 1) * tokens * self.position_bytes(dtype)
        return CONTEXT + self.weights_bytes(dtype) + self.reading_bytes(dtype, attention, tokens) + kept
