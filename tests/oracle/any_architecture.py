"""A tiny random model of any architecture that transformers builds as a causal language model.

Sizes are set by the names that configs give them; what needs more stands in OWN. Windows, chunks and the like are
shorter than the prompts, so that they do something.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

ARCHITECTURES = sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
VOCABULARY, HEADS, LAYERS, LARGEST = 97, 4, 2, 1_000_000

_SIZES: dict[str, tuple[str, ...]] = {
    "97": ("vocab_size", "vocab_size_per_layer_input"),
    "32": ("hidden_size", "d_model", "n_embd", "dim", "embedding_size", "word_embed_proj_dim"),
    "48": (
        *("intermediate_size", "ffn_dim", "n_inner", "encoder_ffn_dim", "decoder_ffn_dim", "dim_ff", "dff", "d_ff"),
        *("ffn_hidden_size", "intermediate_size_mlp"),
    ),
    "16": (
        *("moe_intermediate_size", "shared_expert_intermediate_size", "expert_ffn_hidden_size"),
        *("head_dim", "global_head_dim", "dim_head", "q_lora_rank", "kv_lora_rank"),
    ),
    "2": (
        *("num_hidden_layers", "n_layer", "n_layers", "num_layers", "decoder_layers", "encoder_layers"),
        *("num_key_value_heads", "num_kv_heads", "num_global_key_value_heads"),
        *("num_experts_per_tok", "moe_k", "moe_topk", "top_k_experts", "eos_token_id", "index_n_heads"),
    ),
    "4": (
        *("num_attention_heads", "n_head", "n_heads", "num_heads", "decoder_attention_heads"),
        *("encoder_attention_heads", "num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"),
        *("qk_rope_head_dim", "keep_window_size", "floor_scale", "index_topk", "index_block_size"),
    ),
    "64": ("max_position_embeddings", "n_positions", "max_seq_len"),
    "8": (
        *("sliding_window", "attention_chunk_size", "window_size", "rotary_dim", "qk_nope_head_dim", "v_head_dim"),
        *("index_head_dim", "hidden_size_per_layer_input", "d_kv", "linear_key_head_dim", "linear_value_head_dim"),
    ),
    "12": ("qk_head_dim",),
    "1": (
        *("n_group", "topk_group", "n_shared_experts", "moe_num_shared_experts", "first_k_dense_replace"),
        *("bos_token_id", "index_topk_blocks"),
    ),
    "0": ("pad_token_id",),
}
SIZES = {name: int(size) for size, names in _SIZES.items() for name in names}

LATENT: dict[str, Any] = {"num_key_value_heads": HEADS, "head_dim": None}
OWN: dict[str, dict[str, Any]] = {
    **dict.fromkeys(
        ("axk1", "axk2", "deepseek_v2", "deepseek_v3", "deepseek_v32", "glm4_moe_lite", "glm_moe_dsa", "minicpm3"),
        LATENT,
    ),
    **dict.fromkeys(("longcat_flash", "youtu", "dots3_note_text", "hy_v4"), LATENT),
    "bamba": {"mamba_n_heads": 4, "mamba_d_head": 16},
    "granitemoehybrid": {"mamba_n_heads": 4, "mamba_d_head": 16},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "helium": {"head_dim": 8},
    "zaya": {"num_experts_per_tok": 1},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"]},
    "lfm3": {"layer_types": ["conv", "full_attention"]},
    "dbrx": {
        "attn_config": {"kv_n_heads": 2, "rope_theta": 1e4, "clip_qkv": 8.0},
        "ffn_config": {"ffn_hidden_size": 48},
    },
    "reformer": {"is_decoder": True},
    "gemma4_text": {"num_kv_shared_layers": 0},
    "gemma3n_text": {"num_kv_shared_layers": 0},
}


def tiny_config(model_type: str) -> PreTrainedConfig:
    """The architecture's config, as small as it gets."""
    return CONFIG_MAPPING[model_type](**_shrunk(CONFIG_MAPPING[model_type], OWN.get(model_type, {})))


def _shrunk(kind: type[PreTrainedConfig], own: dict[str, Any]) -> dict[str, Any]:
    stated = dict(kind().__dict__)
    small: dict[str, Any] = {name: size for name, size in SIZES.items() if name in stated}
    if stated.get("layer_types"):
        small["layer_types"] = None
    for name, part in stated.items():
        if isinstance(part, PreTrainedConfig):
            small[name] = {"model_type": part.model_type, **_shrunk(type(part), own.get(name, {}))}
    nested = {name for name, part in small.items() if isinstance(part, dict)}
    small.update({name: value for name, value in own.items() if name not in nested})
    return {name: value for name, value in small.items() if not (name == "head_dim" and value is None)}


def tiny_architecture(model_type: str, attention: str) -> Any:
    """A random model of it; the same one on every call, and one that never ends an answer.

    Raises:
        ValueError: it is not tiny, or does not know this attention.
    """
    config = tiny_config(model_type)
    with torch.device("meta"):
        size = sum(weight.numel() for weight in AutoModelForCausalLM.from_config(config).parameters())
    if size > LARGEST:
        raise ValueError(f"{model_type}: {size} parameters are not tiny")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # what is added to below may be random too
        model = AutoModelForCausalLM.from_config(config, attn_implementation=attention).eval()
    model.generation_config.eos_token_id = model.config.eos_token_id = None
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            noise = torch.randn(weight.shape, generator=generator)
            if weight.dim() == 1:
                weight.add_(0.1 * noise)
            else:
                weight.copy_(0.3 * noise)
    return model
