"""Measure engine and workflow with the embedded model: ratios within one run, as a table and as JSON, in minutes."""

import argparse
import os

from head_ablation.files import write_json
from head_ablation.problems import run_script

MODEL = "results/models/smollm2/model.json"
OUTPUT = "results/bench/bench.json"
PROMPTS, SWEEP_PROMPTS = {384: 24, 1024: 24}, 6  # an experiment has 26 to 36 in the published study


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    threads = parser.parse_args().threads
    from head_ablation.bench_processes import (
        short_needles,
        sweep_against_processes,
        thirteen_conditions,
        workflow_against_plain_loop,
    )
    from head_ablation.benchmarks import Case, every_nth_head, measure_engine, random_prompts, table
    from head_ablation.model_sources import Pointer
    from head_ablation.models import load_model

    pointer = Pointer.read(MODEL)
    how = {"dtype": "float32", "attention": "sdpa", "device": "auto", "trust_remote_code": False}
    model = load_model(pointer, how, threads)
    heads = every_nth_head(model, step=7)
    cases = [Case(model, short_needles(pointer.folder, tokens, count), heads) for tokens, count in PROMPTS.items()]
    vocabulary = model.config.vocab_size
    apart = [Case(model, random_prompts(4, tokens, vocabulary, shared=False), heads) for tokens in PROMPTS]
    found, rows = measure_engine(cases, apart, speedups=(2, 2), rate=0.6)
    print(table(rows), flush=True)
    needles = short_needles(pointer.folder, min(PROMPTS), SWEEP_PROMPTS)
    sweep = sweep_against_processes(pointer.folder, needles, thirteen_conditions(pointer.shape), threads)
    assert pointer.size is not None
    estimated = pointer.size.needed_bytes("float32", "sdpa", min(PROMPTS) + 10, SWEEP_PROMPTS) / 1e6
    workflow = workflow_against_plain_loop(threads)
    more = [
        ("13 processes / one sweep", sweep["processes_over_one_sweep"], ">= 3"),
        ("peak memory, ours / usual", sweep["our_peak_mb"] / sweep["usual_peak_mb"], ""),
        ("peak memory, ours / estimate", sweep["our_peak_mb"] / estimated, "<= 1"),
        ("sweep through Snakemake / plain loop", workflow["workflow_over_plain_loop"], "<= 1.25"),
    ]
    write_json(OUTPUT, {**found, "sweep": sweep, "workflow": workflow})
    print(table(more), f"\n{OUTPUT} has the rest.", sep="\n")


if __name__ == "__main__":
    run_script(main)
