"""attribution: heads by what the margin loses, to first order, when they are zeroed (AtP, arXiv 2403.00745).

m is the log-probability of the gold answer less that of the likeliest distractor, or the gold one's alone where there
is none. A head's score on a prompt is the sum over positions of o_h . dm / do_h, o_h its output: to first order the
fall of m when that becomes zero everywhere, (0 - o_h) . dm / do_h with the sign of a fall. `single_head` measures the
fall itself. One pass forward and back gives the scores of all heads; gold answer and distractor have a pass each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from head_ablation.common.registry import option
from head_ablation.detectors.answers import DISTRACTORS, AnswerWriter
from head_ablation.detectors.detector import Detector, Reading, Unit
from head_ablation.detectors.memory import gradient_bytes

if TYPE_CHECKING:
    import torch

    from head_ablation.prompts.prompt import Prompt


@dataclass(frozen=True)
class AttributionOptions:
    distractors: int = option(8, DISTRACTORS, type="integer", minimum=0)


def _measure(
    reading: Reading, prompts: Sequence[Prompt], options: AttributionOptions, on_read: Callable[[int], object]
) -> Iterator[Unit]:
    writer = AnswerWriter.of(reading)
    for prompt in prompts:
        answers = writer.answers(prompt, options.distractors)
        yield prompt.filename, attributed(reading.model, prompt.token_ids, answers)
        on_read(1)


def attributed(model: Any, prompt: Sequence[int], answers: Sequence[Sequence[int]]) -> torch.Tensor:
    """The scores [layers, heads] on a prompt; the first of the answers is the gold one, the others are distractors."""
    from head_ablation.engine.gradients import output_products
    from head_ablation.engine.likelihoods import answer_log_probs

    gold, *others = answers
    scores = output_products(model, prompt, gold)
    if others:
        log_probs = answer_log_probs(model, prompt, others)
        scores -= output_products(model, prompt, others[log_probs.index(max(log_probs))])
    return scores


ATTRIBUTION = Detector(
    name="attribution",
    description="what the gold answer's margin loses, to first order, when the head's output becomes zero",
    options=AttributionOptions,
    measure=_measure,
    asks=True,
    memory_bytes=gradient_bytes,
    readings=lambda _heads, prompts, _options: 7 * prompts,  # forward, forward again and back, twice; and distractors
    equation="sum over t of o_h(t) . dm / do_h(t), m = log p(gold) - log p(best distractor)",
    source="Kramar et al. 2024 (AtP*), arXiv 2403.00745",
)
