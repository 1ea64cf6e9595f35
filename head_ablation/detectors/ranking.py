"""Rankings: heads ordered by the mean of their scores on the prompts that count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from head_ablation.detectors.detector import Detector
from head_ablation.detectors.passes import needle_span
from head_ablation.detectors.scores import UnitScores
from head_ablation.detectors.settings import RankingSettings
from head_ablation.heads.head import Head
from head_ablation.prompts.prompt import Prompt

Ranking = dict[str, Any]
"""`samples_processed`, `head_rankings` and, of detectors for which only answered prompts count,
`successful_retrievals` and `success_rate`: what a ranking file says besides what it ranks."""


def ranking_of(
    detector: Detector,
    heads: Sequence[Head],
    units: Sequence[UnitScores],
    prompts: Sequence[Prompt],
    settings: RankingSettings,
) -> Ranking:
    """The ranking of all heads; of none, if only answered prompts count and none was answered correctly.

    Args:
        detector: the detector.
        heads: all heads, in layer-major order.
        units: the scores of each prompt or draw.
        prompts: the prompts, in the units' order where those are prompts.
        settings: when a prompt counts, and where its needle is.
    """
    named = {prompt.filename: prompt for prompt in prompts}
    counts: dict[str, Any] = {"samples_processed": (read := len(units))}
    if detector.successes_only:
        units = [unit for unit in units if settings.is_success(unit.answer or "", named[unit.unit])]
        counts |= {"successful_retrievals": len(units), "success_rate": len(units) / read if read else 0.0}
    shares = [needle_share(named[unit.unit], settings.needle) for unit in units] if detector.reads_prompts else []
    return {**counts, "head_rankings": rank_heads(detector, heads, units, shares)}


def needle_share(prompt: Prompt, needle: str) -> float:
    """The share of a prompt's tokens that the needle has: what an indifferent head's attention gives it."""
    start, end = needle_span(prompt, needle)
    return (end - start) / len(prompt.token_ids)


def rank_heads(
    detector: Detector, heads: Sequence[Head], units: Sequence[UnitScores], shares: Sequence[float] = ()
) -> list[dict[str, Any]]:
    """Every head with its mean score, what the detector says beside it, and `num_samples`, the units behind it.

    Ties are broken by layer, then head. Without any unit there is nothing to rank heads by: none is listed.

    Args:
        detector: the detector.
        heads: all heads, in layer-major order.
        units: those that count.
        shares: of each unit the share of needle tokens; none where units are no prompts.
    """
    if not units:
        return []
    n = len(units)
    of_head = {head: [unit.scores[place] for unit in units] for place, head in enumerate(heads)}
    means = {head: sum(scores) / n for head, scores in of_head.items()}
    ordered = sorted(heads, key=lambda head: (-means[head], head))
    return [
        {
            "head": str(head),
            "score": means[head],
            "rank": rank,
            **detector.beside(of_head[head], shares),
            "num_samples": n,
        }
        for rank, head in enumerate(ordered, start=1)
    ]
