"""What detectors hold at once, beside the weights and the prompts' keys and values."""

from __future__ import annotations

from head_ablation.models.size import BYTES, WATCHED_BYTES, ModelSize, row_bytes

LLAMA_3_8B = ModelSize(
    parameters=8_030_000_000, layers=32, heads=32, hidden=4096, intermediate=14336, keys=1024, attention=4 * 4096
)
"""The example of the docs, at 8,192 tokens in bfloat16."""


def answer_bytes(size: ModelSize, dtype: str, tokens: int) -> float:
    """The rows of one prompt while it is answered, of all layers in float32 and as the model made them."""
    return row_bytes(size.layers, size.heads, tokens) * (1 + BYTES[dtype] / 4)


def watched_bytes(size: ModelSize, dtype: str, tokens: int) -> float:
    """Rows of attention that are looked at together: of all layers in float32, and as the model made them."""
    return max(WATCHED_BYTES * (1 + BYTES[dtype] / 4), answer_bytes(size, dtype, tokens))


def gradient_bytes(size: ModelSize, dtype: str, tokens: int) -> float:
    """What a pass with gradients keeps of one prompt: of each layer its input and its heads' outputs, and one layer.

    A layer that is run again holds what `ModelSize.reading_bytes` counts, once more as gradients.
    """
    kept = size.layers * tokens * BYTES[dtype] * (size.hidden + size.outputs)
    return kept + 2 * size.layer_bytes(dtype, tokens)


def no_bytes(_size: ModelSize, _dtype: str, _tokens: int) -> float:
    """Nothing more."""
    return 0.0
