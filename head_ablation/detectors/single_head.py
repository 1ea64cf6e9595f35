"""single_head: the fall of the margin when one head alone is ablated, head by head: the causal yardstick.

m is the log-probability of the gold answer less that of the likeliest distractor, each time under the same ablation, or
the gold one's alone where there is none. The ablated head's output is zero at all positions (zero_output). Each head
takes a reading of each prompt, so that only few prompts are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from head_ablation.common.registry import option
from head_ablation.detectors.answers import DISTRACTORS, AnswerWriter
from head_ablation.detectors.detector import Detector, Reading, Unit
from head_ablation.detectors.memory import no_bytes
from head_ablation.heads.head import HeadSet

if TYPE_CHECKING:
    import torch

    from head_ablation.prompts.prompt import Prompt


@dataclass(frozen=True)
class SingleHeadOptions:
    prompts: int = option(4, "train prompts that are read, once for each head", type="integer", minimum=1)
    distractors: int = option(8, DISTRACTORS, type="integer", minimum=0)


def _measure(
    reading: Reading, prompts: Sequence[Prompt], options: SingleHeadOptions, on_read: Callable[[int], object]
) -> Iterator[Unit]:
    writer = AnswerWriter.of(reading)
    for prompt in prompts:
        answers = writer.answers(prompt, options.distractors)
        yield prompt.filename, falls(reading.model, prompt.token_ids, answers)
        on_read(1)


def falls(model: Any, prompt: Sequence[int], answers: Sequence[Sequence[int]]) -> torch.Tensor:
    """The scores [layers, heads] on a prompt; the first of the answers is the gold one, the others are distractors."""
    import torch

    from head_ablation.engine.ablation import ablate, model_shape
    from head_ablation.engine.likelihoods import answer_log_probs, margin

    shape = model_shape(model)
    whole = margin(answer_log_probs(model, prompt, answers))
    scores = torch.zeros(shape.layers, shape.heads, dtype=torch.float64)
    for head in shape.all_heads():
        with ablate(model, HeadSet((head,))):
            scores[head] = whole - margin(answer_log_probs(model, prompt, answers))
    return scores


SINGLE_HEAD = Detector(
    name="single_head",
    description="the fall of the gold answer's margin when this head alone is ablated",
    options=SingleHeadOptions,
    measure=_measure,
    asks=True,
    selects=("prompts",),
    prompts_of=lambda prompts, options: prompts[: options.prompts],
    memory_bytes=no_bytes,
    readings=lambda heads, prompts, options: (heads + 1) * min(prompts, options.prompts),
    equation="m - m with o_h(t) = 0 for all t, m = log p(gold) - log p(best distractor)",
    source="exhaustive ablation, as by Michel et al. 2019, arXiv 1905.10650",
)
