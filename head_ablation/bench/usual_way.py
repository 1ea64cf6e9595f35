"""The usual way to ask under ablation, written for the benchmark alone, and how its answers compare with ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from head_ablation.bench.cases import Case
from head_ablation.common.problems import StudyError
from head_ablation.heads.head import HeadSet

TIE = 1e-3  # logits, in float32; wrong ablations are off by more than 1


def usual_answers(case: Case) -> list[list[int]]:
    """As a script of one's own does it: hooks that give back a changed copy, one `generate` per prompt."""
    return [_generate(case, prompt) for prompt in case.prompts]


def _generate(case: Case, prompt: Sequence[int]) -> list[int]:
    ids = torch.tensor([prompt], device=case.model.device)
    with copying_hooks(case.model, case.heads):
        said = case.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=case.max_new_tokens,
            do_sample=False,
            pad_token_id=0,
        )
    return said[0, len(prompt) :].tolist()


@contextmanager
def copying_hooks(model: Any, heads: HeadSet) -> Iterator[None]:
    """Ablation written for the benchmark alone, so that equal answers say something about ours too."""
    width = model.config.hidden_size // model.config.num_attention_heads

    def zero(ablated: list[int]) -> Any:
        def hook(_module: Any, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            hidden = args[0].clone()
            for head in ablated:
                hidden[:, :, head * width : (head + 1) * width] = 0
            return (hidden, *args[1:])

        return hook

    layers = model.model.layers
    handles = [
        layers[layer].self_attn.o_proj.register_forward_pre_hook(zero(list(ablated)))
        for layer, ablated in heads.by_layer().items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def parted(case: Case, answers: Sequence[list[int]], expected: Sequence[list[int]]) -> dict[str, float]:
    """How many answers part, by how many logits, and the noise of the plain model between two shapes of a batch.

    Raises:
        StudyError: two answers of a float32 model differ where it clearly prefers one of them.
    """
    gaps = []
    for ids, ours, usual in zip(case.prompts, answers, expected, strict=True):
        steps = [step for step, pair in enumerate(zip(ours, usual, strict=False)) if len(set(pair)) > 1]
        if steps:
            step = steps[0]
            gap = _gap(case, [*ids, *ours[:step]], ours[step], usual[step])
            if case.model.dtype == torch.float32 and gap > TIE:
                raise StudyError(f"ours says {ours}, generate {usual}, {gap:.3g} logits apart; expected the same")
            gaps.append(gap)
    noise = noise_logits(case) if gaps else 0.0
    return {"answers_parted": len(gaps), "worst_gap_logits": max(gaps, default=0.0), "noise_logits": noise}


@torch.inference_mode()
def _gap(case: Case, ids: Sequence[int], first: int, second: int) -> float:
    """By how much the logits of two tokens differ after `ids`."""
    with copying_hooks(case.model, case.heads):
        logits = case.model(input_ids=torch.tensor([ids], device=case.model.device), logits_to_keep=1).logits[0, -1]
    return abs(float(logits[first] - logits[second]))


@torch.inference_mode()
def noise_logits(case: Case) -> float:
    """The largest difference that the plain model's logits make between a prompt alone and among three others."""
    ids = torch.tensor(case.prompts[:4], device=case.model.device)
    alone, among = (
        case.model(input_ids=rows, use_cache=False, logits_to_keep=1).logits[0, -1] for rows in (ids[:1], ids)
    )
    return float((alone.float() - among.float()).abs().max())
