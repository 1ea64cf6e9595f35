"""Measure engine and workflow with the embedded model: ratios within one run, as a table and as JSON, in minutes."""

import argparse
import os
from itertools import chain
from typing import Any

from head_ablation.common.files import write_json
from head_ablation.common.problems import run_script

MODEL = "results/models/smollm2/model.json"
OUTPUT = "results/bench/bench.json"
PROMPTS, SWEEP_PROMPTS = {384: 24, 1024: 24}, 6  # an experiment has 26 to 36 in the published study


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    threads = parser.parse_args().threads
    from head_ablation.bench.cases import Case, every_nth_head, random_prompts
    from head_ablation.bench.engine import measure_engine
    from head_ablation.bench.processes import measure_processes, short_needles
    from head_ablation.bench.table import show
    from head_ablation.common.software import ANY
    from head_ablation.engine.loading import load_model
    from head_ablation.engine.settings import RunSettings
    from head_ablation.models.pointer import Pointer

    pointer = Pointer.read(MODEL)
    how = RunSettings(
        dtype="float32",
        attention="sdpa",
        device="auto",
        trust_remote_code=False,
        batch_size="auto",
        memory_gb=None,
        max_new_tokens=1,
        stop=(),
        software=ANY,
    )
    model = load_model(pointer, how, threads)
    heads = every_nth_head(model, step=7)
    cases = [Case(model, short_needles(pointer.folder, tokens, count), heads) for tokens, count in PROMPTS.items()]
    vocabulary = model.config.vocab_size
    apart = [Case(model, random_prompts(4, tokens, vocabulary, shared=False), heads) for tokens in PROMPTS]
    found: dict[str, Any] = {}
    engine = measure_engine(cases, apart, speedups=(2, 2), rate=0.6, found=found)
    processes = measure_processes(pointer, min(PROMPTS), SWEEP_PROMPTS, threads, found)
    try:
        show(chain(engine, processes))
    finally:  # what was measured before something failed is kept
        write_json(OUTPUT, found)
    print(f"\n{OUTPUT} has the rest.")


if __name__ == "__main__":
    run_script(main)
