"""How much memory a model takes, and so how many prompts it holds and decodes at once.

Reading costs the same however many prompts are read together, once they are a thousand tokens or so. Decoding does not:
a step passes over all weights for as many tokens as there are rows. So few prompts are read at a time, and as many are
decoded together as there is memory for their keys and values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from head_ablation.problems import StudyError

if TYPE_CHECKING:
    from head_ablation.prompts import Prompt

READ_TOKENS = 4096  # of new tokens in one forward call, if that is more than one prompt's; part of the protocol
MOST_ROWS = 64  # decoding more together gains little
USABLE = 0.95  # of the memory: what is freed is not always of use again
CONTEXT = 0.7e9  # bytes that torch and CUDA take
CARD_GB = 24.0  # of a card that the config says nothing of
CPU_GB = 8.0  # besides the weights, of main memory that it says nothing of
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


@dataclass(frozen=True)
class Load:
    """How many prompts there are, and the longest one's tokens."""

    prompts: int
    tokens: int

    @classmethod
    def of(cls, prompts: Sequence[Prompt]) -> Load:
        """Of an experiment's prompts."""
        return cls(len(prompts), max((len(prompt.token_ids) for prompt in prompts), default=0))


def settle(settings: Mapping[str, Any], model: str, size: ModelSize | None, load: Load) -> dict[str, Any]:
    """The settings with a number for `batch_size: auto`, and without what only that number follows from.

    Args:
        settings: the study's generation or detection settings.
        model: its name, for errors.
        size: its size, if it is known.
        load: what it is asked.

    Raises:
        StudyError: the model's size is not known, or not even one prompt fits.
    """
    settled = {key: value for key, value in settings.items() if key != "memory_gb"}
    if settings["batch_size"] == "auto":
        if size is None:
            raise StudyError(
                f"model {model}: nothing says how large it is, its config no more than its pointer file (model.json"
                " below results/models/). Remove that file and run again, or set a number for batch_size"
            )
        settled["batch_size"] = min(_rows_that_fit(settings, model, size, load), max(1, load.prompts))
    return settled


def _rows_that_fit(settings: Mapping[str, Any], model: str, size: ModelSize, load: Load) -> int:
    tokens, how = load.tokens + settings["max_new_tokens"], (settings["dtype"], settings["attention"])
    given_gb = settings["memory_gb"] or CPU_GB + size.weights_bytes(settings["dtype"]) / USABLE / 1e9
    free = USABLE * 1e9 * given_gb - size.needed_bytes(*how, tokens, rows=0)
    rows = int(free // (tokens * size.position_bytes(settings["dtype"])))
    if rows < 1:
        needed_gb = size.needed_bytes(*how, tokens, rows=1) / USABLE / 1e9
        raise StudyError(
            f"model {model} takes {needed_gb:.1f} GB to read a prompt of {load.tokens:,} tokens in {settings['dtype']},"
            f" memory_gb is {given_gb:.3g}; say how much there is (memory_gb), take a larger card or a smaller dtype,"
            " or set a number for batch_size to try all the same"
        )
    return min(rows, MOST_ROWS)
