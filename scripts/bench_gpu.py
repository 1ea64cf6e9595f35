"""Measure the engine on a GPU with a model of Llama-3-8B's shape; needs torch and transformers 5, no network.

    python scripts/bench_gpu.py --output bench_gpu.json --profile profile.txt

The weights are random bfloat16 made on the card: a model of this shape takes the same time whatever it has learned.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from head_ablation.bench.cases import Case, every_nth_head, random_prompts, timed
from head_ablation.bench.engine import against_generate, measure_engine, sweep_from_parts, write_profile
from head_ablation.bench.table import Row, show

LLAMA_3_8B = {
    "vocab_size": 128256,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 16384,
    "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0},
}
SMALL = {**LLAMA_3_8B, "vocab_size": 2048, "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2}


def measure(cases: list[Case], unshared: list[Case], load_seconds: float, found: dict[str, Any]) -> Iterator[Row]:
    """The rows of the table; everything that is measured is added to `found`."""
    yield "answers that part from generate's, in float32, near ties", found["float32"]["answers_parted"], "0"
    yield from measure_engine(cases, unshared, speedups=[5] + [2] * (len(cases) - 1), rate=0.6, found=found)
    found["sweep"] = sweep = sweep_from_parts(found[f"{cases[0].tokens}_tokens"], load_seconds, conditions=13)
    yield "13 processes / one sweep, from its parts", sweep["processes_over_one_sweep"], ">= 5"


def random_model(shape: dict[str, Any], dtype: torch.dtype, device: str) -> Any:
    """A Llama of this shape with random weights, made where it runs."""
    torch.set_default_dtype(dtype)
    with torch.device(device):
        model: Any = LlamaForCausalLM(LlamaConfig(**shape))
    return model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tokens", type=int, nargs="+", default=[2048, 8192])
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--small", action="store_true", help="a small model instead, to try the script out")
    parser.add_argument("--output", type=Path, default=Path("bench_gpu.json"))
    parser.add_argument("--profile", type=Path, help="where the time goes, by torch's profiler")
    a = parser.parse_args()
    started = time.perf_counter()  # the imports came before
    shape = SMALL if a.small else LLAMA_3_8B

    def case(model: Any, tokens: int, shared: bool) -> Case:
        prompts = random_prompts(a.prompts, tokens, model.config.vocab_size, shared)
        return Case(model, prompts if shared else prompts[: a.prompts // 4], every_nth_head(model, step=20))

    # This model leaves the card before the memory of the next is measured.
    exact = random_model({**shape, "num_hidden_layers": 2}, torch.float32, a.device)
    found: dict[str, Any] = {"float32": against_generate(case(exact, a.tokens[0], shared=True), repeats=1)}
    del exact
    load_seconds, model = timed(lambda: random_model(shape, torch.bfloat16, a.device))
    cases, apart = ([case(model, tokens, shared) for tokens in a.tokens] for shared in (True, False))
    a.output.parent.mkdir(parents=True, exist_ok=True)
    try:
        show(measure(cases, apart, load_seconds, found))
    finally:  # what was measured before something failed is kept
        a.output.write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(f"\n{a.output} has the rest; {time.perf_counter() - started:.0f} seconds.")
    if a.profile:
        write_profile(cases[0], a.profile)


if __name__ == "__main__":
    main()
