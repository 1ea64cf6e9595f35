"""Rank all heads of a model by the Wu et al. 2024 copy score on train prompts."""

import argparse
import json

from head_ablation.files import write_json
from head_ablation.problems import run_script


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="pointer file")
    parser.add_argument("--prompts", required=True, help="train prompts")
    parser.add_argument("--identity", required=True, type=json.loads, help="what is ranked, as JSON")
    parser.add_argument("--settings", required=True, type=json.loads, help="detection and generation")
    parser.add_argument("--threads", required=True, type=int)
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    from head_ablation.runs import detect

    ranking = detect(arguments.model, arguments.prompts, arguments.settings, arguments.threads)
    write_json(arguments.output, {**arguments.identity, **ranking})


if __name__ == "__main__":
    run_script(main)
