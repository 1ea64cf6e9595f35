"""Score the generations of one method and experiment: the ablation result, in the published study's format."""

import argparse
import json
from pathlib import Path

from head_ablation.files import read_json, write_json
from head_ablation.heads import Condition
from head_ablation.problems import run_script
from head_ablation.prompts import read_prompts
from head_ablation.rankings import ranked_heads
from head_ablation.scoring import Judge, score_experiment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", required=True, help="test prompts")
    parser.add_argument("--ranking", required=True)
    parser.add_argument("--baseline", required=True, help="generations of the baseline")
    parser.add_argument("--generations", required=True, nargs="+", type=Path, help="named by condition")
    parser.add_argument("--identity", required=True, type=json.loads, help="method, model, question, as JSON")
    parser.add_argument("--judge", required=True, type=json.loads, help="kind and rule, as JSON")
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    result = score_experiment(
        identity=arguments.identity,
        prompts=read_prompts(arguments.prompts),
        ranked=ranked_heads(read_json(arguments.ranking)),
        baseline=read_json(arguments.baseline),
        ablated={Condition.parse(path.stem): read_json(path) for path in arguments.generations},
        judge=Judge(**arguments.judge),
    )
    write_json(arguments.output, result)


if __name__ == "__main__":
    run_script(main)
