"""Write what a model says to the prompts of one experiment under one condition: from the store, or computed."""

import argparse
from pathlib import Path

from head_ablation.common.lineage import run_stage
from head_ablation.common.settings import argument
from head_ablation.engine.settings import LevelSettings
from head_ablation.heads.head_sets import read_head_set
from head_ablation.jobs.job import LevelJob, Resources
from head_ablation.jobs.slurm import minutes_left
from head_ablation.jobs.store import Store
from head_ablation.jobs.sweep import make_level
from head_ablation.jobs.work import LevelWork
from head_ablation.models.pointer import Pointer
from head_ablation.prompts.prompt import COUNTED, counted_prompts, read_prompts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="pointer file")
    parser.add_argument("--prompts", required=True, help="test prompts")
    parser.add_argument("--count", required=True, choices=COUNTED, help="the prompts that are read")
    parser.add_argument("--heads", required=True, help="head-set file")
    parser.add_argument("--indexes", required=True, help="pattern: the indexes of all head sets of the experiment")
    parser.add_argument("--settings", required=True, type=argument(LevelSettings), help="LevelSettings as JSON")
    parser.add_argument("--resources", required=True, type=int, nargs=2, metavar=("THREADS", "GPUS"))
    parser.add_argument("--store", required=True, type=Path)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--provenance", required=True, type=Path, help="output: what varies between runs")
    a = parser.parse_args()
    prompts = counted_prompts(read_prompts(a.prompts), a.count)
    work = LevelWork.of(Pointer.read(a.model), prompts, a.settings)
    job = LevelJob(work, Store(a.store), Resources(*a.resources, minutes_left()), prompts)
    make_level(job, read_head_set(a.heads), a.output, a.provenance, a.indexes)


if __name__ == "__main__":
    run_stage(main)
