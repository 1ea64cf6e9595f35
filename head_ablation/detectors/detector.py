"""What a detector is: it scores all heads on train prompts, from rows of attention that it watches, or by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from head_ablation.common.registry import Entry
from head_ablation.detectors.query import Query

if TYPE_CHECKING:
    import torch

    from head_ablation.detectors.settings import ScoreSettings
    from head_ablation.engine.watching import Rows
    from head_ablation.heads.head import ModelShape
    from head_ablation.models.size import ModelSize
    from head_ablation.prompts.prompt import Prompt, Span
    from head_ablation.prompts.tokenizer import PromptTokenizer

LAST, ANSWER, QUERY, NULL = "last", "answer", "query", "null"
"""What a detector may watch: the row of the prompt's last token; those of all tokens that produced the answer's, that
one the first; those of the question at the prompt's end; those of the null query in its place."""


@dataclass(frozen=True)
class Reading:
    """A loaded model, and what is known of the prompts that it reads.

    Attributes:
        model: a causal language model of transformers.
        tokenizer: the model's.
        settings: the needle, the question, and how the model is run, with a settled batch size.
    """

    model: Any
    tokenizer: PromptTokenizer
    settings: ScoreSettings

    @cached_property
    def query(self) -> Query:
        """The prompts' end, and the null query's."""
        return Query.of(self.tokenizer, self.settings.asked)


@dataclass(frozen=True)
class Batch:
    """Prompts of one length that are read together.

    Attributes:
        model: the model that reads them.
        shape: its grid of heads.
        prompts: the prompts.
        needles: the positions [start, end) of each one's needle.
        query: their end; None where no detector asks for it.
    """

    model: Any
    shape: ModelShape
    prompts: Sequence[Prompt]
    needles: Sequence[Span]
    query: Query | None

    def zeros(self) -> torch.Tensor:
        """[prompts, layers, heads], float64."""
        import torch

        return torch.zeros(len(self.prompts), self.shape.layers, self.shape.heads, dtype=torch.float64)


class Watcher(Protocol):
    """A detector at work on one batch."""

    def see(self, kind: str, rows: Rows, going: Sequence[bool]) -> None:
        """Takes rows of a kind that it watches; `going` says of each of their prompts if its answer goes on."""

    def scores(self) -> torch.Tensor:
        """The scores [prompts, layers, heads], float64, once all has been seen."""


Unit = tuple[str, "torch.Tensor"]
"""The name of what was scored, a prompt's filename or a draw, and its scores [layers, heads]."""


@dataclass(frozen=True, kw_only=True)
class Detector(Entry):
    """A detector. It either watches what all detectors read together (`watch`), or reads by itself (`measure`).

    Attributes:
        source: paper.
        equation: the score of a head on a prompt.
        watches: the kinds of rows that it sees.
        watch: a batch and options -> the watcher of it. Imports torch only when it is called.
        measure: a reading, prompts, options, and a function that is told how many prompts are through -> the scores of
            each prompt, or draw.
        reads_prompts: whether it scores train prompts, and not something of its own.
        selects: its options that only choose prompts, and decide no score.
        prompts_of: prompts and options -> those that it scores.
        asks: whether the wording of the prompts' end decides its scores.
        successes_only: whether only prompts that were answered correctly count.
        beside: the scores of a head on all units, and each one's share of needle tokens -> further fields of its entry
            in a ranking.
        memory_bytes: model size, dtype, tokens -> what it holds at once, beside the weights and the prompts' keys and
            values; of a detector that watches answers, for each prompt that is answered together with others.
        readings: heads of the model, prompts, options -> how often it reads a prompt, passes back included, all prompts
            together.
    """

    source: str
    equation: str
    watches: tuple[str, ...] = ()
    watch: Callable[[Batch, Any], Watcher] | None = None
    measure: Callable[[Reading, Sequence[Prompt], Any, Callable[[int], object]], Iterator[Unit]] | None = None
    reads_prompts: bool = True
    selects: tuple[str, ...] = ()
    prompts_of: Callable[[Sequence[Prompt], Any], Sequence[Prompt]] = lambda prompts, _options: prompts
    asks: bool = False
    successes_only: bool = False
    beside: Callable[[Sequence[float], Sequence[float]], Mapping[str, Any]] = lambda _scores, _shares: {}
    memory_bytes: Callable[[ModelSize, str, int], float]
    readings: Callable[[int, int, Any], float] = lambda _heads, prompts, _options: prompts
