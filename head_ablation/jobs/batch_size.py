"""How many prompts a model holds and decodes at once: as many as there is memory for.

Reading costs the same however many prompts are read together, once they are a thousand tokens or so. Decoding does not:
a step passes over all weights for as many tokens as there are rows. So few prompts are read at a time, and as many are
decoded together as there is memory for their keys and values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from head_ablation.common.problems import StudyError
from head_ablation.engine.settings import RunSettings
from head_ablation.models.size import CONTEXT, ModelSize

if TYPE_CHECKING:
    from head_ablation.prompts.prompt import Prompt

MOST_ROWS = 64  # decoding more together gains little
USABLE = 0.95  # of the memory: what is freed is not always of use again
GPU_GB = 24.0  # of a GPU that the config says nothing of
CPU_GB = 8.0  # besides the weights, of main memory that it says nothing of


@dataclass(frozen=True)
class Load:
    """How many prompts there are, and the longest one's tokens."""

    prompts: int
    tokens: int

    @classmethod
    def of(cls, prompts: Sequence[Prompt]) -> Load:
        """Of an experiment's prompts."""
        return cls(len(prompts), max((len(prompt.token_ids) for prompt in prompts), default=0))


def settle(run: RunSettings, model: str, size: ModelSize | None, load: Load, apart: float = 0.0) -> RunSettings:
    """The settings with a number for `batch_size: auto`, and without what only that number follows from.

    Args:
        run: as the config says.
        model: its name, for errors.
        size: its size, if it is known.
        load: what it is asked.
        apart: bytes that a pass of its own takes beside the weights, at another time.

    Raises:
        StudyError: the model's size is not known, or not even one prompt fits.
    """
    if run.batch_size != "auto":
        return replace(run, memory_gb=None)
    if size is None:
        raise StudyError(
            f"model {model}: nothing says how large it is, its config no more than its pointer file (model.json"
            " below results/models/). Remove that file and run again, or set a number for batch_size"
        )
    _refuse_pass(run, model, size, load, apart)
    rows = min(_rows_that_fit(run, model, size, load), max(1, load.prompts))
    return replace(run, batch_size=rows, memory_gb=None)


def _refuse_pass(run: RunSettings, model: str, size: ModelSize, load: Load, apart: float) -> None:
    needed_gb, given_gb = (CONTEXT + size.weights_bytes(run.dtype) + apart) / USABLE / 1e9, _given_gb(run, size)
    if apart and needed_gb > given_gb:
        raise StudyError(
            f"model {model} takes {needed_gb:.1f} GB for a detector's pass over {load.tokens:,} tokens in {run.dtype},"
            f" memory_gb is {given_gb:.3g}; say how much there is (memory_gb), take a larger GPU or another detector"
        )


def _given_gb(run: RunSettings, size: ModelSize) -> float:
    return run.memory_gb or CPU_GB + size.weights_bytes(run.dtype) / USABLE / 1e9


def _rows_that_fit(run: RunSettings, model: str, size: ModelSize, load: Load) -> int:
    tokens, how = load.tokens + run.max_new_tokens, (run.dtype, run.attention)
    given_gb = _given_gb(run, size)
    free = USABLE * 1e9 * given_gb - size.needed_bytes(*how, tokens, rows=0)
    rows = int(free // (tokens * size.position_bytes(run.dtype)))
    if rows < 1:
        needed_gb = size.needed_bytes(*how, tokens, rows=1) / USABLE / 1e9
        raise StudyError(
            f"model {model} takes {needed_gb:.1f} GB to read a prompt of {load.tokens:,} tokens in {run.dtype},"
            f" memory_gb is {given_gb:.3g}; say how much there is (memory_gb), take a larger GPU or a smaller dtype,"
            " or set a number for batch_size to try all the same"
        )
    return min(rows, MOST_ROWS)
