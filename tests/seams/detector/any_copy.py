"""any_copy: heads that copy at least `min_tokens` of the needle's tokens while the model answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from head_ablation.common.registry import option
from head_ablation.detectors.copy_score import Copies, rank_heads, watch_copies
from head_ablation.detectors.detector import Detector, Ranking

if TYPE_CHECKING:
    from head_ablation.detectors.settings import DetectionSettings
    from head_ablation.engine.runner import Runner
    from head_ablation.prompts.prompt import Prompt


@dataclass(frozen=True)
class AnyCopyOptions:
    min_tokens: int = option(1, "a number of tokens, 1 or more", type="integer", minimum=1)


def _has_copied(copies: Copies, min_tokens: int) -> Copies:
    """Heads that copied enough count as if they had copied the whole needle, all others as if nothing."""
    enough = {head: copies.needle for head, tokens in copies.copied.items() if len(tokens) >= min_tokens}
    return Copies(copies.text, enough, copies.needle)


def _rank(runner: Runner, prompts: Sequence[Prompt], settings: DetectionSettings) -> Ranking:
    from head_ablation.engine.ablation import model_shape

    with runner.reading(len(prompts), "detection") as bar:
        watched = watch_copies(runner.model, runner.decode, prompts, settings.needle, runner.decoding(), bar.update)
        answered = list(zip(prompts, watched, strict=True))
    successes = [copies for prompt, copies in answered if settings.is_success(copies.text, prompt)]
    scored = [_has_copied(copies, settings.options["min_tokens"]) for copies in successes]
    return {
        "samples_processed": len(prompts),
        "successful_retrievals": len(successes),
        "success_rate": len(successes) / len(prompts),
        "head_rankings": rank_heads(model_shape(runner.model).all_heads(), scored),
    }


ANY_COPY = Detector(
    name="any_copy",
    description="the share of successful prompts in which a head copies at least `min_tokens` of the needle's tokens",
    options=AnyCopyOptions,
    rank=_rank,
    source="a coarser form of the copy score of Wu et al. 2024, arXiv 2404.15574",
)
