"""Write the scores of all heads of a model on train prompts, by every detector: from the store, or computed."""

import argparse
from pathlib import Path

from head_ablation.common.lineage import run_stage
from head_ablation.common.settings import argument
from head_ablation.detectors.settings import ScoreSettings
from head_ablation.jobs.job import Resources, ScoringJob
from head_ablation.jobs.scores import make_scores
from head_ablation.jobs.slurm import minutes_left
from head_ablation.jobs.store import Store
from head_ablation.jobs.work import ScoringWork
from head_ablation.models.pointer import Pointer
from head_ablation.prompts.prompt import read_prompts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="pointer file")
    parser.add_argument("--prompts", required=True, help="train prompts")
    parser.add_argument("--settings", required=True, type=argument(ScoreSettings), help="ScoreSettings as JSON")
    parser.add_argument("--resources", required=True, type=int, nargs=2, metavar=("THREADS", "GPUS"))
    parser.add_argument("--store", required=True, type=Path)
    parser.add_argument("--output", required=True, type=Path, help="a parquet file")
    parser.add_argument("--index", required=True, type=Path, help="output: the store's entries that it is made from")
    a = parser.parse_args()
    work = ScoringWork.of(Pointer.read(a.model), read_prompts(a.prompts), a.settings)
    job = ScoringJob(work, Store(a.store), Resources(*a.resources, minutes_left()))
    make_scores(job, a.output, a.index)


if __name__ == "__main__":
    run_stage(main)
