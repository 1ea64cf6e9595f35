"""Write the ranking of all heads of a model by a detector, from their scores."""

import argparse
from pathlib import Path

from head_ablation.common.lineage import run_stage
from head_ablation.common.settings import argument
from head_ablation.jobs.ranking import RankingTask, make_ranking
from head_ablation.prompts.prompt import read_prompts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", required=True, type=Path, help="head scores of the experiment")
    parser.add_argument("--prompts", required=True, help="train prompts")
    parser.add_argument("--task", required=True, type=argument(RankingTask), help="RankingTask as JSON")
    parser.add_argument("--output", required=True, type=Path)
    a = parser.parse_args()
    make_ranking(a.scores, read_prompts(a.prompts), a.task, a.output)


if __name__ == "__main__":
    run_stage(main)
