"""The residual stream of a planted model: who writes and reads which components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from head_ablation.planted.codes import WIDTH
from head_ablation.planted.texts import PlantedTexts

MULTIPLE = 8  # the width of the stream is rounded up to one
OTHERS = 8  # components that all words share that are no word of a fact


@dataclass(frozen=True)
class Blocks:
    """Where the blocks of the residual stream begin and end, in this order.

    Attributes:
        cues: number of questions' cues, each with a component of its own.
        outputs: number of components that tell words apart in values and answers.

    From the embedding: `constant`, `code`, `cue` (1 at a question's cue), `ending` (1 at words behind which nothing is
    said), `source` (which word it is, for copying). From layer 0: `before` (the code of the word before), `asked` (code
    and cue of the word itself), `cancelled` (1 while the bias is cancelled), `unread`. From the layers above: `output`,
    how much of each word has been copied.
    """

    cues: int
    outputs: int

    @classmethod
    def of(cls, texts: PlantedTexts) -> Blocks:
        return cls(len(texts.cues), len(texts.values) + OTHERS)

    @property
    def _sizes(self) -> dict[str, int]:
        return {
            "constant": 1,
            "code": WIDTH,
            "cue": self.cues,
            "ending": 1,
            "source": self.outputs,
            "before": WIDTH,
            "asked": WIDTH + self.cues,
            "cancelled": 1,
            "unread": 1,
            "output": self.outputs,
        }

    def __getitem__(self, name: str) -> slice:
        """The components of a block."""
        names = list(self._sizes)
        start = sum(self._sizes[other] for other in names[: names.index(name)])
        return slice(start, start + self._sizes[name])

    @property
    def width(self) -> int:
        """Of the residual stream."""
        return -(-sum(self._sizes.values()) // MULTIPLE) * MULTIPLE


def output_components(vocabulary: Sequence[str], values: Sequence[str]) -> list[int]:
    """The component of each word of the vocabulary: one of its own for words of facts, a shared one for others."""
    own = {word: place for place, word in enumerate(values)}
    return [own.get(word, len(values) + number % OTHERS) for number, word in enumerate(vocabulary)]
