"""What decides the scores of heads, and a ranking that is made from them, besides model and prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from head_ablation.engine.settings import RunSettings
from head_ablation.prompts.layout import PromptSettings
from head_ablation.prompts.matchers import MATCHERS
from head_ablation.prompts.prompt import Prompt

ROUGE_RECALL = 0.5  # Wu et al. 2024: a retrieval counts above it


@dataclass(frozen=True)
class DetectorChoice:
    """A detector that a study names.

    Attributes:
        name: a name of `DETECTORS`.
        options: the detector's.
    """

    name: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class ScoreSettings:
    """How the heads of a model are scored on one experiment's train prompts.

    Attributes:
        run: how the model is run.
        detectors: all that the study asks for.
        asked: layout and wording of the question, which the prompts end with.
        prompts: so many train prompts are read, the first answerable ones.
        needle: the span that counts as needle: `passage` or `answer`.
        matcher: the question's.
    """

    run: RunSettings
    detectors: tuple[DetectorChoice, ...]
    asked: PromptSettings
    prompts: int
    needle: str
    matcher: str


@dataclass(frozen=True)
class RankingSettings:
    """How heads are ranked by their scores; fields as in the config's `detection`, and the method's detector.

    Attributes:
        detector: the method's.
        prompts: so many train prompts are read, the first answerable ones.
        needle: the span that counts as needle: `passage` or `answer`.
        success: when a prompt counts: `matcher` or `rouge1`.
        matcher: the question's.
    """

    detector: DetectorChoice
    prompts: int
    needle: str
    success: str
    matcher: str

    def is_success(self, answer: str, prompt: Prompt) -> bool:
        """Whether a prompt counts: by the question's matcher, or by the paper's rule, ROUGE-1 recall over 50 %."""
        if self.success == "matcher":
            return any(MATCHERS[self.matcher].is_correct(answer, gold) for gold in prompt.golds)
        from rouge_score.rouge_scorer import RougeScorer

        scorer = RougeScorer(["rouge1"], use_stemmer=True)
        return any(scorer.score(gold, answer)["rouge1"].recall > ROUGE_RECALL for gold in prompt.golds)


def watched_prompts(prompts: Sequence[Prompt], count: int) -> list[Prompt]:
    """The train prompts that heads are scored on: the first answerable ones."""
    return [prompt for prompt in prompts if prompt.answerable][:count]
