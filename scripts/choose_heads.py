"""Write the head set of every condition of one method and experiment, each only if it changed, and their index."""

import argparse
import json
from pathlib import Path

from head_ablation.files import read_json
from head_ablation.head_sets import choose_head_sets, write_head_sets
from head_ablation.heads import Condition, ModelShape, RandomArm
from head_ablation.problems import run_script
from head_ablation.rankings import ranked_heads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranking", required=True, type=Path)
    parser.add_argument("--shape", required=True, type=Path, help="the model's shape")
    parser.add_argument("--detected-on", type=Path, nargs="*", help="model and train prompts of a detected ranking")
    parser.add_argument("--experiment", required=True, help="seeds the random draws")
    parser.add_argument("--conditions", required=True, nargs="+", type=Condition.parse)
    parser.add_argument("--random-arm", required=True, type=json.loads, help="the study's random arm, as JSON")
    parser.add_argument("--output", required=True, type=Path, help="index.json, beside the head-set files")
    arguments = parser.parse_args()
    sets = choose_head_sets(
        conditions=arguments.conditions,
        ranked=ranked_heads(read_json(arguments.ranking)),
        shape=ModelShape(**read_json(arguments.shape)),
        random_arm=RandomArm(**arguments.random_arm),
        experiment=arguments.experiment,
    )
    write_head_sets(arguments.output, sets, [arguments.ranking, arguments.shape, *arguments.detected_on])


if __name__ == "__main__":
    run_script(main)
