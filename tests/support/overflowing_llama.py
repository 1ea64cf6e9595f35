"""A tiny Llama that overflows in float16 if exactly one of two heads is ablated; all other answers are numbers.

L0H0 and L0H1 write about +40000 and -40000 to one coordinate of the residual stream that nothing else writes to: as
long as both do, or neither, it stays 0. L1H0 writes 46000 of the sign that it finds there, and float16 ends at 65504.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from byte_tokenizer import save_byte_tokenizer
from tiny_llama import tiny_llama

OVERFLOWING = ["L0H1"]
CONSTANT, QUIET = 30, 31  # coordinates of the residual stream: 1 in every embedding; written by these heads only
WIDTH = 8  # of a head


@torch.no_grad()
def overflowing_llama(seed: int = 0) -> Any:
    """The model in float16, in evaluation mode; its weights are fit for positions: all."""
    model = tiny_llama(seed)
    first, second = (layer.self_attn for layer in model.model.layers)
    model.model.embed_tokens.weight[:, CONSTANT] = 1
    model.model.embed_tokens.weight[:, QUIET] = 0
    for layer in model.model.layers:
        layer.self_attn.o_proj.weight[QUIET] = 0
        layer.mlp.down_proj.weight[QUIET] = 0
    first.q_proj.weight[WIDTH : 2 * WIDTH] = first.q_proj.weight[:WIDTH]  # equal attention: an exact cancellation
    _read(first, CONSTANT, 16)
    _read(second, QUIET, 8)
    _write(first, head=0, weight=1024)
    _write(first, head=1, weight=-1024)
    _write(second, head=0, weight=1024)
    return model.half()


def _read(attention: Any, coordinate: int, weight: float) -> None:
    """Makes the first value of heads 0 and 1 (they share their values) a multiple of one coordinate."""
    attention.v_proj.weight[0] = 0
    attention.v_proj.weight[0, coordinate] = weight


def _write(attention: Any, head: int, weight: float) -> None:
    """Makes a head write its first value to the quiet coordinate."""
    attention.o_proj.weight[:, head * WIDTH] = 0
    attention.o_proj.weight[QUIET, head * WIDTH] = weight


def save_overflowing_llama(folder: Path, seed: int = 0) -> list[str]:
    """Writes config, weights and tokenizer; returns the heads whose ablation, alone, overflows in float16."""
    overflowing_llama(seed).save_pretrained(folder)
    save_byte_tokenizer(folder)
    return OVERFLOWING
