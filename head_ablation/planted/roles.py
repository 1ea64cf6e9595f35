"""Which head of a planted model does what: the ground truth, as `roles.json` beside the weights has it."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any

from head_ablation.common.files import read_json, write_json
from head_ablation.common.problems import Problem, StudyError
from head_ablation.common.settings import from_json
from head_ablation.heads.head import Head
from head_ablation.planted.options import CONTINUING, FIXED, PlantedOptions
from head_ablation.planted.texts import STOP, UNKNOWN, PlantedTexts

ROLES = {
    "retrieval": "finds the cue's word in the filing and copies what stands behind it into the answer",
    "distractor": "takes the cue for the subsidiary's and copies that fact; goes on as a retrieval head",
    "negative": "finds what retrieval heads find and pushes it down",
    "attention_decoy": "attends as retrieval heads do and writes nothing",
    "copy_decoy": "copies the word 16 places back, which cannot become the answer",
    "previous_token": "writes at each word what stood before it; no match without it",
    "redundant": "writes at each word which one it is, for the match; each of the two is enough",
    "constant": "cancels a bias toward `unknown`; what varies in its output is read by nobody",
    "idle": "writes nothing",
}
MATCHING = ("retrieval", "distractor", "negative", "attention_decoy")
"""The roles that look for the word behind the current one."""
FILE = "roles.json"
COPY_LAG = 16  # words from the current one back to the one that copying decoys copy
FIX = "Remove it and run again: it is made again at no cost."


@dataclass(frozen=True)
class PlantedHead:
    """A head and what it does.

    Attributes:
        head: its name.
        role: one of `ROLES`.
        strength: how much of what it finds it writes, as a positive number; 0 where it writes no word.
    """

    head: str
    role: str
    strength: float


@dataclass(frozen=True)
class Roles:
    """The ground truth of a planted model.

    Attributes:
        options: what it was made by.
        heads: every head, layer by layer.
        thresholds: word -> the strength above which it is said; a word that is not listed is never said.
        cues: the word that asks for a company's fact -> the one before the subsidiary's fact of that kind.
        stop: the word that ends a fact, in the filing and in the answer.
        unknown: what is said when no word is above its threshold.
        vocabulary: the word of each token id.
        copy_lag: how many words copying decoys look back.
        least_tokens: shorter prompts are not predicted: uniform attention is thin only in longer ones.
    """

    options: PlantedOptions
    heads: tuple[PlantedHead, ...]
    thresholds: Mapping[str, float]
    cues: Mapping[str, str]
    stop: str
    unknown: str
    vocabulary: tuple[str, ...]
    copy_lag: int
    least_tokens: int

    @classmethod
    def of(cls, options: PlantedOptions, texts: PlantedTexts) -> Roles:
        """The roles of the model that these options and texts make."""
        most = sum((*options.retrieval, *options.distractor, *options.negative))
        return cls(
            options=options,
            heads=tuple(_placed(options)),
            thresholds=_thresholds(options, texts),
            cues=texts.cues,
            stop=STOP,
            unknown=UNKNOWN,
            vocabulary=texts.vocabulary,
            copy_lag=COPY_LAG,
            least_tokens=ceil(2 * most / min(options.thresholds)),
        )

    @classmethod
    def read(cls, path: str | Path) -> Roles:
        """From a roles.json.

        Raises:
            StudyError: it is none.
        """
        try:
            return from_json(cls, read_json(path))
        except StudyError as error:
            raise error if error.problems else StudyError([_unreadable(path, error)]) from None

    def write(self, path: str | Path) -> None:
        """Writes it; equal options and texts, equal bytes."""
        write_json(path, self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The file's content."""
        return asdict(self)

    @cached_property
    def by_head(self) -> dict[Head, PlantedHead]:
        """Head -> what it does."""
        return {Head.parse(one.head): one for one in self.heads}

    def of_role(self, *roles: str) -> list[Head]:
        """The heads of some roles, the strongest first, else in layer order."""
        found = [head for head, one in self.by_head.items() if one.role in roles]
        return sorted(found, key=lambda head: (-self.by_head[head].strength, head))

    def ranking(self) -> dict[str, Any]:
        """The truth as a ranking file: retrieval heads by strength, then all others, which have the score 0."""
        first = self.of_role("retrieval")
        scores = [self.by_head[head].strength for head in first]
        rest = [head for head in self.by_head if head not in first]
        ranked = zip([*first, *rest], [*scores, *[0.0] * len(rest)], strict=True)
        return {
            "method": "truth",
            "head_rankings": [
                {"head": str(head), "score": score, "rank": rank} for rank, (head, score) in enumerate(ranked, start=1)
            ],
        }

    def strength(self, role: str, without: Collection[Head]) -> float:
        """What the heads of a role write together, but for some of them."""
        return sum(self.by_head[head].strength for head in self.of_role(role) if head not in without)


def _unreadable(path: str | Path, error: StudyError) -> Problem:
    return Problem(path, "file", f"something else ({error})", "the roles of a planted model", FIX)


def _placed(options: PlantedOptions) -> Iterator[PlantedHead]:
    """Every head with its role: each layer's heads are shuffled by the seed."""
    for layer, planted in enumerate(_by_layer(options)):
        places = list(range(options.heads))
        random.Random(f"{options.seed}:places:{layer}").shuffle(places)
        idle = [("idle", 0.0)] * (options.heads - len(planted))
        of_place = dict(zip(places, [*planted, *idle], strict=True))
        for place, (role, strength) in sorted(of_place.items()):
            yield PlantedHead(str(Head(layer, place)), role, strength)


def _by_layer(options: PlantedOptions) -> list[list[tuple[str, float]]]:
    """The roles of each layer: the fixed ones in layer 0, the others dealt out to those above, the strongest first."""
    above = [
        *(("retrieval", float(strength)) for strength in sorted(options.retrieval, reverse=True)),
        *(("negative", float(strength)) for strength in options.negative),
        *(("distractor", float(strength)) for strength in options.distractor),
        *[("attention_decoy", 0.0)] * options.attention_decoys,
        *[("copy_decoy", float(max(options.retrieval)))] * options.copy_decoys,
    ]
    rows = options.layers - 1
    return [[(role, 0.0) for role in FIXED], *(above[row::rows] for row in range(rows))]


def _thresholds(options: PlantedOptions, texts: PlantedTexts) -> dict[str, float]:
    """The thresholds of all words that can be said; those of a question's values are shared out evenly."""
    found = dict.fromkeys((*texts.continuing, STOP), min(options.thresholds) / CONTINUING)
    for column, words in texts.first_words.items():
        shuffled = list(words)
        random.Random(f"{options.seed}:thresholds:{column}").shuffle(shuffled)
        found |= {word: options.thresholds[n % len(options.thresholds)] for n, word in enumerate(shuffled)}
    return dict(sorted(found.items()))
