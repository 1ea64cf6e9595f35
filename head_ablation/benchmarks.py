"""How fast the engine is, as ratios within one run: against the usual way, and against no ablation at all."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from head_ablation.ablation import ablate
from head_ablation.files import read_json
from head_ablation.generation import GenerationSettings, generate
from head_ablation.heads import Head, HeadSet
from head_ablation.model_sources import Pointer
from head_ablation.problems import StudyError
from head_ablation.prompts import read_prompts
from head_ablation.runs import Runner

REPEATS = 3
TIE = 1e-3  # logits; wrong ablations are off by more than 1


def compare(
    model: Any,
    decode: Callable[[list[int]], str],
    prompts: Sequence[Sequence[int]],
    heads: HeadSet,
    settings: GenerationSettings,
) -> dict[str, float]:
    """Medians of the ratios of alternating runs; the two ways must give the same answers.

    Returns:
        `generate_per_prompt`: seconds of one `generate` call per prompt with hooks, over ours; above 1 ours
        is faster. `ablation_cost`: seconds of reading the prompts ablated, over reading them plainly.
        `answers_parted_at_a_tie`: answers that differ because two tokens' logits are equal up to rounding.
    """
    ours = lambda: [answer.token_ids for answer in generate(model, decode, prompts, heads, settings)]  # noqa: E731
    usual = lambda: [_generate_one(model, ids, heads, settings) for ids in prompts]  # noqa: E731
    batch = torch.tensor(prompts[: settings.batch_size], device=model.device)
    per_prompt, cost = [], []
    for _ in range(REPEATS):
        (slow, expected), (fast, answers) = _timed(usual), _timed(ours)
        ties = _count_ties(model, prompts, heads, answers, expected)
        per_prompt.append(slow / fast)
        ablated, plain = _timed(lambda: _read(model, batch, heads)), _timed(lambda: _read(model, batch, HeadSet(())))
        cost.append(ablated[0] / plain[0])
    return {
        "generate_per_prompt": statistics.median(per_prompt),
        "ablation_cost": statistics.median(cost),
        "answers_parted_at_a_tie": ties,
    }


def every_nth_head(layers: int, heads: int, step: int) -> HeadSet:
    """A head set spread over the whole model."""
    grid = [Head(layer, head) for layer in range(layers) for head in range(heads)]
    return HeadSet(tuple(grid[::step]))


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    start = time.perf_counter()
    result = run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start, result


def plain_loop(result_file: str, index_file: str, prompts_file: str, threads: str) -> None:
    """Computes the baseline and all conditions of an index one after the other, and checks them against a result.

    Raises:
        StudyError: an answer that is not the result's.
    """
    result, conditions = read_json(result_file), read_json(index_file)["conditions"]
    pointer = Pointer.read(f"results/models/{result['model_key']}/model.json")
    runner = Runner(pointer, {**result["protocol"]["settings"], "device": "auto"}, int(threads))
    prompts = read_prompts(prompts_file)
    said = {name: runner.answer(prompts, HeadSet.parse(heads), name)[0] for name, heads in conditions.items()}
    baseline, _ = runner.answer(prompts, HeadSet(()), "baseline")
    expected = {f"top-{entry['num_heads']}": entry for entry in result["top_heads_ablations"]}
    for name, entry in {"baseline": result["baseline"], **expected}.items():
        ours = baseline if name == "baseline" else said[name]
        if [answer["text"] for answer in ours] != [sample["text"] for sample in entry["samples"]]:
            raise StudyError(f"{name}: the plain loop gives other answers than {result_file}")


@torch.inference_mode()
def _read(model: Any, batch: torch.Tensor, heads: HeadSet) -> None:
    with ablate(model, heads):
        model(input_ids=batch, use_cache=False, logits_to_keep=1)


@torch.inference_mode()
def _generate_one(model: Any, ids: Sequence[int], heads: HeadSet, settings: GenerationSettings) -> list[int]:
    """One prompt the usual way: transformers' own generate, whole prompt, no stop strings."""
    batch = torch.tensor([ids], device=model.device)
    with ablate(model, heads):
        output = model.generate(
            batch,
            attention_mask=torch.ones_like(batch),
            max_new_tokens=settings.max_new_tokens,
            do_sample=False,
            pad_token_id=0,
        )
    return output[0, len(ids) :].tolist()


def _count_ties(
    model: Any,
    prompts: Sequence[Sequence[int]],
    heads: HeadSet,
    answers: Sequence[list[int]],
    expected: Sequence[list[int]],
) -> int:
    """How many answers part at a tie: two tokens whose logits differ by no more than rounding.

    Raises:
        StudyError: two answers differ where the model clearly prefers one of them.
    """
    ties = 0
    for ids, ours, usual in zip(prompts, answers, expected, strict=True):
        parted = [step for step, pair in enumerate(zip(ours, usual, strict=False)) if len(set(pair)) > 1]
        if parted:
            step = parted[0]
            gap = _gap(model, [*ids, *ours[:step]], heads, ours[step], usual[step])
            if gap > TIE:
                raise StudyError(f"ours says {ours}, generate says {usual}, {gap:.3g} logits apart; expected the same")
            ties += 1
    return ties


@torch.inference_mode()
def _gap(model: Any, ids: Sequence[int], heads: HeadSet, first: int, second: int) -> float:
    """By how much the logits of two tokens differ after `ids`."""
    with ablate(model, heads):
        logits = model(input_ids=torch.tensor([ids], device=model.device), logits_to_keep=1).logits[0, -1]
    return abs(float(logits[first] - logits[second]))


if __name__ == "__main__":
    plain_loop(*sys.argv[1:])
