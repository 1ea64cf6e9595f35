"""How large a model is, and how much memory its weights, its keys and values, and a forward call take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

READ_TOKENS = 4096  # of new tokens in one forward call, if that is more than one prompt's; part of the protocol
WATCHED_BYTES = 0.5e9  # of attention rows that a detector looks at together, unless one row of each head takes more
CONTEXT = 0.7e9  # bytes that torch and CUDA take
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
NAMES = {
    "hidden": ("hidden_size", "n_embd", "d_model"),
    "intermediate": ("intermediate_size", "n_inner", "ffn_dim"),
    "heads": ("num_attention_heads", "n_head", "n_heads", "num_heads", "attention_heads"),
    "layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
}

DOUBLED_WHERE_SLIDING = ("mimo_v2_flash",)  # sliding layers keep twice the key-value heads that the config states


@dataclass(frozen=True)
class ModelSize:
    """What a model's memory follows from.

    Attributes:
        parameters: in its weights.
        layers, heads: query heads of a layer.
        hidden, intermediate: widths of the residual stream and inside the MLP.
        keys, values: widths of all keys and of all values of a layer that are kept; None: values are as wide as keys.
        expanded: width of the keys and values that a layer makes anew of what is kept (multi-head latent attention).
        attention: width of queries, keys, values and outputs of a layer, all query heads' together; None: four times
            the residual stream.
    """

    parameters: int
    layers: int
    heads: int
    hidden: int
    intermediate: int
    keys: int
    values: int | None = None
    expanded: int = 0
    attention: int | None = None

    @classmethod
    def of(cls, config: Mapping[str, Any], parameters: int) -> ModelSize | None:
        """From a model's (text) config; None if it does not say how wide the model is."""
        found = {field: next((config[key] for key in keys if config.get(key)), 0) for field, keys in NAMES.items()}
        if not (found["hidden"] and found["heads"] and found["layers"]):
            return None
        widths = _latent_widths(config, found["heads"]) or _widths(config, found["hidden"], found["heads"])
        return cls(parameters, **widths, **{**found, "intermediate": found["intermediate"] or 4 * found["hidden"]})

    def weights_bytes(self, dtype: str) -> float:
        """The weights in memory."""
        return self.parameters * BYTES[dtype]

    def position_bytes(self, dtype: str) -> float:
        """What is kept of one position of one prompt, and what one layer at a time makes of it."""
        values = self.keys if self.values is None else self.values
        return (self.layers * (self.keys + values) + self.expanded) * BYTES[dtype]

    def reading_bytes(self, dtype: str, attention: str, tokens: int) -> float:
        """What one forward call holds while it reads READ_TOKENS, or one prompt if that is longer.

        Inside the MLP gate, up and product, around it the residual stream, its norm and their sum; in attention
        queries, keys and values repeated for every query head, and outputs. Eager attention adds its weights, in
        float32 too.
        """
        read = max(tokens, READ_TOKENS)
        eager = (4 + BYTES[dtype]) * self.heads * tokens * read if attention == "eager" else 0
        return self.layer_bytes(dtype, read) + eager

    def layer_bytes(self, dtype: str, tokens: int) -> float:
        """What one layer makes of so many tokens, but for attention weights."""
        attending = 4 * self.hidden if self.attention is None else self.attention
        return tokens * BYTES[dtype] * (3 * self.intermediate + 3 * self.hidden + attending)

    @property
    def outputs(self) -> int:
        """The width of all heads' outputs of a layer, as near as the sizes tell."""
        return self.hidden if self.attention is None else self.attention // 4

    def needed_bytes(self, dtype: str, attention: str, tokens: int, rows: int) -> float:
        """All that `rows` prompts of so many tokens, answers included, take; one more row keeps the shared prefix."""
        kept = (rows + 1) * tokens * self.position_bytes(dtype)
        return CONTEXT + self.weights_bytes(dtype) + self.reading_bytes(dtype, attention, tokens) + kept


def row_bytes(layers: int, heads: int, keys: int) -> int:
    """What the attention rows of one position take, of all heads, in float32."""
    return 4 * layers * heads * keys


def _widths(config: Mapping[str, Any], hidden: int, heads: int) -> dict[str, int]:
    """Of attention that keeps keys and values as they are."""
    layers = [part for part in (config.get("per_layer_config") or {}).values() if isinstance(part, Mapping)]
    width = _widest(("head_dim", "global_head_dim"), config, *layers) or hidden // heads
    shared = _widest(("num_key_value_heads", "num_global_key_value_heads"), config, *layers) or heads
    shared *= 2 if config.get("model_type") in DOUBLED_WHERE_SLIDING else 1
    value = _widest(("v_head_dim",), config, *layers) or width
    return {"keys": width * shared, "values": value * shared, "attention": 2 * heads * (width + value)}


def _widest(names: tuple[str, ...], *parts: Mapping[str, Any]) -> int:
    """The largest of these numbers, of all layers or of sliding ones, in any part of a config; 0: there is none."""
    return max((part.get(key) or 0 for part in parts for name in names for key in (name, f"swa_{name}")), default=0)


def _latent_widths(config: Mapping[str, Any], heads: int) -> dict[str, int] | None:
    """Of multi-head latent attention (DeepSeek-V2, section 2.1), which keeps what keys and values are made from.

    They are made anew in every forward call, for all positions that are kept: both at once, and the keys once more,
    joined with their rotated part.
    """
    latent, rotated = config.get("kv_lora_rank"), config.get("qk_rope_head_dim")
    if not latent or not rotated:
        return None
    plain, value = config["qk_nope_head_dim"], config["v_head_dim"]
    expanded = heads * (plain + value + plain + rotated)
    return {
        "keys": latent,
        "values": rotated,
        "expanded": expanded,
        "attention": heads * (plain + rotated + value) + expanded,
    }
