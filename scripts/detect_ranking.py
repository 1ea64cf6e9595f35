"""Write the ranking of all heads of a model by a detector: from the store, or computed."""

import argparse
from pathlib import Path

from head_ablation.common.lineage import run_stage
from head_ablation.common.settings import argument
from head_ablation.jobs.job import DetectionJob, Resources
from head_ablation.jobs.ranking import RankingTask, make_ranking
from head_ablation.jobs.slurm import minutes_left
from head_ablation.jobs.store import Store
from head_ablation.jobs.work import DetectionWork
from head_ablation.models.pointer import Pointer
from head_ablation.prompts.prompt import read_prompts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="pointer file")
    parser.add_argument("--prompts", required=True, help="train prompts")
    parser.add_argument("--task", required=True, type=argument(RankingTask), help="RankingTask as JSON")
    parser.add_argument("--resources", required=True, type=int, nargs=2, metavar=("THREADS", "GPUS"))
    parser.add_argument("--store", required=True, type=Path)
    parser.add_argument("--output", required=True, type=Path)
    a = parser.parse_args()
    work = DetectionWork.of(Pointer.read(a.model), read_prompts(a.prompts), a.task.detection)
    job = DetectionJob(work, Store(a.store), Resources(*a.resources, minutes_left()))
    make_ranking(job, vars(a.task.identity), a.output)


if __name__ == "__main__":
    run_stage(main)
