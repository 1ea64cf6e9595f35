"""Measure a sweep of 13 conditions through Snakemake, as a ratio to one process that does the same in a plain loop."""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from head_ablation.problems import run_script

PLACE = "smollm2/inc_year/tokens_384"
INDEX, RESULT = f"results/bench/heads/wu24/{PLACE}/index.json", f"results/bench/ablation/wu24/{PLACE}.json"
PROMPTS = f"results/bench/prompts/{PLACE}.test.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=int, default=2)
    cores = parser.parse_args().cores
    # A stop string that no run has had before: the store then holds none of these conditions.
    study = ["study=bench", "levels=[5, 10, 20, 30, 40, 50]", f'generation={{"stop": ["\\n", "{time.time()}"]}}']
    command = ["snakemake", "--cores", str(cores), "--quiet", "all", "--configfile", "config.yaml", "--config", *study]
    _seconds([command[0], INDEX, PROMPTS, *command[1:]])
    snakemake = _seconds([command[0], RESULT, *command[1:]])
    loop = _seconds([sys.executable, "-m", "head_ablation.benchmarks", RESULT, INDEX, PROMPTS, str(cores)])
    jobs = [log.read_text() for log in Path("results/bench/logs/generations").rglob("*.log")]
    loads = sum("from the store" not in log for log in jobs)
    print(json.dumps({"sweep_over_plain_loop": round(snakemake / loop, 3), "jobs": len(jobs), "model_loads": loads}))


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    run_script(main)
