"""What decides a detected ranking, besides model and prompts."""

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
class DetectionSettings:
    """How heads are ranked; fields as in the config's `detection`, and the method's detector.

    Attributes:
        run: how the model is run.
        detector: a name of `DETECTORS`.
        options: the detector's.
        asked: layout and wording of the question, which the prompts end with.
        prompts: so many train prompts are watched, the first answerable ones.
        needle: the span that counts as needle: `passage` or `answer`.
        success: when a prompt counts: `matcher` or `rouge1`.
        matcher: the question's.
    """

    run: RunSettings
    detector: str
    options: Mapping[str, Any]
    asked: PromptSettings
    prompts: int
    needle: str
    success: str
    matcher: str

    def watched(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """The prompts that heads are ranked on: the first answerable ones."""
        return [prompt for prompt in prompts if prompt.answerable][: self.prompts]

    def is_success(self, answer: str, prompt: Prompt) -> bool:
        """Whether a prompt counts: by the question's matcher, or by the paper's rule, ROUGE-1 recall over 50 %."""
        if self.success == "matcher":
            return any(MATCHERS[self.matcher].is_correct(answer, gold) for gold in prompt.golds)
        from rouge_score.rouge_scorer import RougeScorer

        scorer = RougeScorer(["rouge1"], use_stemmer=True)
        return any(scorer.score(gold, answer)["rouge1"].recall > ROUGE_RECALL for gold in prompt.golds)
