"""A random Llama, of 2 layers x 4 heads (2 of keys and values) by default, over the byte tokenizer's vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from byte_tokenizer import BOS_ID, EOS_ID, VOCABULARY_SIZE, save_byte_tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

LAYERS, HEADS, POSITIONS = 2, 4, 512


def tiny_llama(
    seed: int = 0, attention: str = "sdpa", layers: int = LAYERS, heads: int = HEADS, head_size: int = 8
) -> Any:
    """The model in evaluation mode; weights large enough that attention is far from uniform."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY_SIZE,
        hidden_size=8 * heads,
        intermediate_size=48,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=2,
        head_dim=head_size,
        max_position_embeddings=POSITIONS,
        bos_token_id=BOS_ID,
        eos_token_id=EOS_ID,
        initializer_range=0.4,
        attn_implementation=attention,
    )
    return LlamaForCausalLM(config).eval()


def save_tiny_llama(folder: Path, seed: int = 0, layers: int = LAYERS, heads: int = HEADS) -> Path:
    """Writes config, weights (safetensors) and tokenizer."""
    tiny_llama(seed, layers=layers, heads=heads).save_pretrained(folder)
    return save_byte_tokenizer(folder)
