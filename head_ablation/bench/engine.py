"""How fast the engine is, as ratios within one run. Needs torch and transformers, and nothing else of this project.

Two ways that are compared take turns, and must give the same answers. What a ratio is of is in its name; seconds are
given beside it, but change with the machine and its load.
"""

from __future__ import annotations

import platform
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers

from head_ablation.bench.cases import Case, timed
from head_ablation.bench.table import Row
from head_ablation.bench.usual_way import parted, usual_answers
from head_ablation.engine.ablation import ablate, model_shape
from head_ablation.engine.kv_cache import KeyValues
from head_ablation.engine.prefill import Prefix, read_alike, read_prefix, read_prompts
from head_ablation.heads.head import HeadSet
from head_ablation.models.size import CONTEXT, ModelSize

REPEATS = 3
NO_HEADS = HeadSet(())


def against_generate(case: Case, repeats: int = 2) -> dict[str, float]:
    """Ours against one `generate` per prompt, with the same answers.

    Returns:
        `generate_per_prompt_over_ours` and the seconds of both: medians. `answers_parted` of how many, because two
        tokens' logits are closer than the model's own noise (`noise_logits`).

    Raises:
        StudyError: answers differ where a float32 model clearly prefers one of them.
    """
    usual, ours = [], []
    for _ in range(repeats):
        slow, expected = timed(lambda: usual_answers(case))
        fast, answers = timed(case.answers)
        usual.append(slow)
        ours.append(fast)
    ratio = statistics.median(slow / fast for slow, fast in zip(usual, ours, strict=True))
    return {
        "generate_per_prompt_over_ours": ratio,
        "generate_seconds": statistics.median(usual),
        "our_seconds": statistics.median(ours),
        "prompts": len(case.prompts),
        **parted(case, answers, expected),
    }


def ablation_cost(case: Case, repeats: int = REPEATS) -> dict[str, float]:
    """Reading ablated over the same model's plain forward call on the same tokens.

    Returns:
        `ablated_over_plain` (one call per prompt, either way) and the rates of reading, in prompt tokens a second:
        `plain_tokens_per_second`, and `our_tokens_per_second`, which gains by what the prompts share.
    """
    tokens = case.tokens * len(case.prompts)
    cost, plain, ours = [], [], []
    for _ in range(repeats):
        without, _ = timed(lambda: _read_plainly(case, NO_HEADS))
        ablated, _ = timed(lambda: _read_plainly(case, case.heads))
        engine, _ = timed(lambda: _read_as_we_do(case))
        cost.append(ablated / without)
        plain.append(tokens / without)
        ours.append(tokens / engine)
    return {
        "ablated_over_plain": statistics.median(cost),
        "plain_tokens_per_second": statistics.median(plain),
        "our_tokens_per_second": statistics.median(ours),
        "share_of_tokens_read": Prefix.of(torch.tensor(case.prompts)).tokens_read(case.tokens) / tokens,
    }


@torch.inference_mode()
def _read_plainly(case: Case, heads: HeadSet) -> None:
    with ablate(case.model, heads):
        for prompt in case.prompts:
            case.model(input_ids=torch.tensor([prompt], device=case.model.device), use_cache=False, logits_to_keep=1)


@torch.inference_mode()
def _read_as_we_do(case: Case) -> None:
    layers = model_shape(case.model).layers

    def read(places: list[int]) -> Iterator[int]:
        ids = torch.tensor([case.prompts[place] for place in places], device=case.model.device)
        prefix = Prefix.of(ids)
        with ablate(case.model, case.heads):
            room = KeyValues(layers, *ids.shape)
            read_prompts(case.model, ids, prefix.shared, read_prefix(case.model, prefix), room)
        return iter(places)

    list(read_alike(case.prompts, read))


def reading_rate(case: Case, matrix_rate: float, repeats: int = REPEATS) -> dict[str, float]:
    """How near reading comes to the device's own rate of multiplying matrices, when nothing is shared.

    Args:
        case: its prompts should share nothing.
        matrix_rate: operations a second, as `matrix_rate` measures.
        repeats: the median of so many.
    """
    seconds = statistics.median(timed(lambda: _read_as_we_do(case))[0] for _ in range(repeats))
    done = reading_operations(case.model, case.tokens) * len(case.prompts)
    return {"reading_over_matrix_rate": done / seconds / matrix_rate, "reading_tflops": done / seconds / 1e12}


def reading_operations(model: Any, tokens: int) -> float:
    """Operations of reading one prompt: 2 per weight of the layers and token, 4 per width and pair in attention.

    The embedding is looked up, and the output layer only sees the last position. Attention is causal: T (T + 1) / 2
    pairs of positions, each multiplied with a query and a value of every head.
    """
    weights = sum(parameter.numel() for parameter in model.model.layers.parameters())
    config = model.config.get_text_config()
    width = config.num_hidden_layers * config.num_attention_heads * model.model.layers[0].self_attn.head_dim
    return 2 * weights * tokens + 4 * width * tokens * (tokens + 1) / 2


def matrix_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of multiplying square matrices, the best of several runs."""
    # CPUs without half precision of their own take hundreds of times longer in it.
    side = 8192 if device.type == "cuda" else 1536 if dtype == torch.float32 else 256
    left, right = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    best = min(timed(lambda: left @ right)[0] for _ in range(10))
    return float(2 * side**3 / best)


def growth(case: Case, tokens: Sequence[Case], samples: Sequence[int], conditions: Sequence[int]) -> dict[str, Any]:
    """Seconds of ours by tokens, samples and conditions, and how they grow: 1 is in proportion, less is better.

    Args:
        case: whose prompts and heads are taken.
        tokens: cases that differ in their prompts' length.
        samples: numbers of prompts.
        conditions: numbers of conditions, one after the other.
    """
    few = min(len(other.prompts) for other in tokens)
    by_tokens = {other.tokens: timed(replace(other, prompts=other.prompts[:few]).answers)[0] for other in tokens}
    by_samples = {count: timed(replace(case, prompts=case.prompts[:count]).answers)[0] for count in samples}
    by_conditions = {count: timed(lambda: [case.answers() for _ in range(count)])[0] for count in conditions}  # noqa: B023
    named = {"tokens": by_tokens, "samples": by_samples, "conditions": by_conditions}
    return {name: {"seconds": seconds, "over_proportion": _slope(seconds)} for name, seconds in named.items()}


def _slope(seconds: Mapping[int, float]) -> float:
    """The last point's seconds over the first's, over the same of what they depend on."""
    least, most = min(seconds), max(seconds)
    return (seconds[most] / seconds[least]) / (most / least)


def measure_engine(
    cases: Sequence[Case], unshared: Sequence[Case], speedups: Sequence[float], rate: float, found: dict[str, Any]
) -> Iterator[Row]:
    """Everything about the engine, as rows of the table.

    Args:
        cases: by length, the shortest first.
        unshared: cases of the same lengths whose prompts share nothing.
        speedups: over one `generate` per prompt, as expected at each length.
        rate: the share of the matrix rate that reading is expected to reach.
        found: everything that is measured is added to it.
    """
    device, dtype = cases[0].model.device, cases[0].model.dtype
    peak = matrix_rate(device, dtype)
    found.update(device=describe(device), dtype=str(dtype), matrix_tflops=peak / 1e12)
    for case, apart, speedup in zip(cases, unshared, speedups, strict=True):
        _warm_up(case)
        here = found[f"{case.tokens}_tokens"] = against_generate(case)
        at = f"at {case.tokens:,} tokens"
        yield f"one generate per prompt / ours, {at}", here["generate_per_prompt_over_ours"], f">= {speedup:g}"
        here.update(ablation_cost(replace(case, prompts=case.prompts[:4])))
        yield f"reading ablated / plain, {at}", here["ablated_over_plain"], "<= 1.05"
        here.update(reading_rate(apart, peak))
        yield f"reading / matrix rate, nothing shared, {at}", here["reading_over_matrix_rate"], f">= {rate:g}"
        if device.type == "cuda":
            here.update(peak_memory(case))
            yield f"peak memory / estimate, {at}", here["measured_gb"] / here["estimated_gb"], "<= 1"
    count = len(cases[0].prompts)
    found["growth"] = grown = growth(cases[0], cases, samples=(count // 4, count), conditions=(1, 2))
    for name, by in grown.items():
        yield f"growth with {name} / proportion", by["over_proportion"], "about 1 or less"


def _warm_up(case: Case) -> None:
    few = replace(case, prompts=case.prompts[:2])
    for run in (few.answers, lambda: usual_answers(few), lambda: _read_plainly(few, NO_HEADS)):
        timed(run)


def peak_memory(case: Case) -> dict[str, float]:
    """Of a GPU, in GB, while it answers: measured, and what the memory model says."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    timed(case.answers)
    size = ModelSize.of(case.model.config.to_dict(), sum(weight.numel() for weight in case.model.parameters()))
    assert size is not None
    dtype = str(case.model.dtype).removeprefix("torch.")
    needed = size.needed_bytes(dtype, "sdpa", case.tokens + case.max_new_tokens, len(case.prompts)) - CONTEXT
    return {"measured_gb": torch.cuda.max_memory_allocated() / 1e9, "estimated_gb": needed / 1e9}


def sweep_from_parts(measured: Mapping[str, float], load_seconds: float, conditions: int) -> dict[str, float]:
    """What a sweep takes in one process, ours, and in a process for each condition, the usual way: by arithmetic.

    Args:
        measured: as `against_generate` gives it.
        load_seconds: of the model.
        conditions: of the sweep.
    """
    processes = conditions * (load_seconds + measured["generate_seconds"])
    sweep = load_seconds + conditions * measured["our_seconds"]
    return {"processes_over_one_sweep": processes / sweep, "load_seconds": load_seconds, "conditions": conditions}


def write_profile(case: Case, output: Path) -> None:
    """Where the time of one condition goes, by torch's profiler: operators on the CPU and kernels on a GPU."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    if case.model.device.type == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profile:
        timed(case.answers)
    by = "self_cuda_time_total" if len(activities) > 1 else "self_cpu_time_total"
    output.write_text(profile.key_averages().table(sort_by=by, row_limit=40), encoding="utf-8")


def describe(device: torch.device) -> dict[str, Any]:
    """The device and the packages that a measurement was made with."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    return {"name": name, "threads": torch.get_num_threads(), **versions}
