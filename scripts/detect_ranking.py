"""Rank all heads of a model by the Wu et al. 2024 copy score on train prompts: from the store, or computed."""

import argparse
import json
from pathlib import Path

from head_ablation.allocation import minutes_left
from head_ablation.jobs import Job, Place, make_ranking
from head_ablation.problems import run_script
from head_ablation.store import Store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="pointer file")
    parser.add_argument("--prompts", required=True, help="train prompts")
    parser.add_argument("--identity", required=True, type=json.loads, help="what is ranked, as JSON")
    parser.add_argument("--settings", required=True, type=json.loads, help="detection and generation, as JSON")
    parser.add_argument("--place", required=True, type=int, nargs=2, metavar=("THREADS", "GPUS"))
    parser.add_argument("--store", required=True, type=Path)
    parser.add_argument("--output", required=True, type=Path)
    a = parser.parse_args()
    job = Job.of(a.model, a.prompts, a.settings, Store(a.store), Place(*a.place, minutes_left()))
    make_ranking(job, a.identity, a.output)


if __name__ == "__main__":
    run_script(main)
