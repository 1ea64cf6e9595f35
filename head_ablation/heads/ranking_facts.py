"""What a ranking rests on, and the levels whose heads it does not decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FEW_PROMPTS = 5
"""A ranking from fewer prompts says little."""


@dataclass(frozen=True)
class Cut:
    """A level whose top heads the ranking does not decide.

    Attributes:
        level: number of heads.
        tied: heads of equal score that the level takes only a part of; 0 if it parts none.
        taken: how many of them it takes, in the ranking's order, which says nothing among equals.
        unscored: heads of the level that never scored.
    """

    level: int
    tied: int
    taken: int
    unscored: int

    def __str__(self) -> str:
        tie = f"{self.taken} of {self.tied} heads of equal score are taken" if self.tied else ""
        unscored = f"{self.unscored} of its heads never scored" if self.unscored else ""
        return f"level {self.level} is not decided by the ranking: {' and '.join(filter(None, [tie, unscored]))}"


@dataclass(frozen=True)
class RankingFacts:
    """What tables and figures say of a ranking.

    Attributes:
        prompts: on so many it rests; None if it does not say.
        cuts: the levels that it does not decide.
    """

    prompts: int | None
    cuts: tuple[Cut, ...]

    def warnings(self) -> Iterator[str]:
        """What a reader of the results should know, in words."""
        if self.prompts is not None and 0 < self.prompts < FEW_PROMPTS:
            yield f"the ranking rests on few prompts: {self.prompts}; fewer than {FEW_PROMPTS} say little"
        yield from map(str, self.cuts)


def unranked_words(experiment: str, reason: str) -> str:
    """The warning that an experiment has no ranked heads."""
    return f"{experiment}: no head could be ranked. {reason}"


def ranking_facts(ranking: Mapping[str, Any], levels: Sequence[int]) -> RankingFacts:
    """The facts of a checked ranking.

    Args:
        ranking: the file's content; heads that never scored may be left out of it.
        levels: of the study, none above the number of heads that it lists.
    """
    scores = [entry["score"] for entry in ranking["head_rankings"]]
    cuts = [_cut(scores, level) for level in sorted(levels) if scores]
    return RankingFacts(prompts_behind(ranking), tuple(cut for cut in cuts if cut.tied or cut.unscored))


def prompts_behind(ranking: Mapping[str, Any]) -> int | None:
    """On how many prompts a ranking rests: those that were answered, where it says so; None if it says nothing."""
    if "successful_retrievals" in ranking:
        return int(ranking["successful_retrievals"])
    counts = [entry["num_samples"] for entry in ranking["head_rankings"] if "num_samples" in entry]
    return int(max(counts)) if counts else ranking.get("samples_processed")


def _cut(scores: Sequence[float], level: int) -> Cut:
    """A score of 0 means that a head never scored, unless scores may be negative."""
    last, rest = scores[level - 1], scores[level:]
    parted = last in rest[:1]
    equal = scores.count(last) if parted else 0
    unscored = scores[:level].count(0) if scores[-1] >= 0 else 0
    return Cut(level, equal, equal - rest.count(last) if parted else 0, unscored)
