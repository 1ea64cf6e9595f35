"""Tiny random models of nine families, each a few thousand weights that differ from their defaults.

Where the family allows it: two query heads to a key-value head, a head width that is not hidden / heads, and a
sliding window shorter than the prompts. Weights are wide (0.3) so that one head moves logits by far more than
rounding does, and biases are not zero: an ablation must leave the projection's bias alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

VOCABULARY, HIDDEN, LAYERS, HEADS, WINDOW = 97, 32, 3, 4, 8

SIZES = {
    "hidden_size": HIDDEN,
    "intermediate_size": 48,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
}
GROUPED = {**SIZES, "num_key_value_heads": 2}
SLIDING = {**GROUPED, "sliding_window": WINDOW}
WIDE = {**GROUPED, "head_dim": 16}
GEMMA = {**WIDE, **SLIDING, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
GPT2 = {"n_embd": HIDDEN, "n_layer": LAYERS, "n_head": HEADS, "n_positions": 64}
OPT = {**SIZES, "ffn_dim": 48, "word_embed_proj_dim": HIDDEN}
O_PROJ = "model.layers.{}.self_attn.o_proj"


@dataclass(frozen=True)
class Family:
    """How to make a tiny model of a family and what `find_projections` must find in it.

    Attributes:
        model_type: the family's name in transformers.
        settings: the configuration.
        projection: where a layer's projection is.
        head_width: of one head in the projection's input.
    """

    model_type: str
    settings: dict[str, Any]
    projection: str
    head_width: int


FAMILIES = {
    family.model_type: family
    for family in (
        Family("llama", WIDE, O_PROJ, head_width=16),
        Family("qwen2", GROUPED, O_PROJ, head_width=8),
        Family("qwen3", WIDE, O_PROJ, head_width=16),
        Family("mistral", SLIDING, O_PROJ, head_width=8),
        Family("gemma3_text", GEMMA, O_PROJ, head_width=16),
        Family("phi3", SLIDING, O_PROJ, head_width=8),
        Family("gpt2", GPT2, "transformer.h.{}.attn.c_proj", head_width=8),
        Family("gpt_neox", SIZES, "gpt_neox.layers.{}.attention.dense", head_width=8),
        Family("opt", OPT, "model.decoder.layers.{}.self_attn.out_proj", head_width=8),
    )
}


def tiny_model(family: Family, attention: str = "sdpa") -> Any:
    """A random model of the family; the same one on every call."""
    config = AutoConfig.for_model(
        family.model_type,
        vocab_size=VOCABULARY,
        bos_token_id=1,
        eos_token_id=None,
        pad_token_id=0,
        **{"max_position_embeddings": 64, **family.settings},
    )
    model = AutoModelForCausalLM.from_config(config, attn_implementation=attention).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1:  # biases, and weights of norms around 0 or 1
                parameter.add_(0.1 * noise)
            else:
                parameter.copy_(0.3 * noise)
    return model


def random_prompts(rows: int, tokens: int, shared: int = 0, seed: int = 0) -> list[list[int]]:
    """Prompts [rows, tokens] that agree in their first `shared` tokens and differ in the next."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(2, VOCABULARY, (rows, tokens), generator=generator)
    ids[:, :shared] = ids[0, :shared].clone()
    if shared < tokens:
        ids[:, shared] = torch.arange(rows) + 2
    return ids.tolist()
