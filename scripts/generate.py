"""Ask a model the prompts of one experiment under one condition, and write what it said."""

import argparse
import json

from head_ablation.files import read_json, write_json
from head_ablation.problems import run_script
from head_ablation.provenance import write_provenance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="pointer file")
    parser.add_argument("--prompts", required=True, help="test prompts")
    parser.add_argument("--heads", required=True, help="head-set file")
    parser.add_argument("--settings", required=True, type=json.loads, help="generation settings, as JSON")
    parser.add_argument("--threads", required=True, type=int)
    parser.add_argument("--output", required=True)
    parser.add_argument("--provenance", required=True, help="output: what varies between runs")
    arguments = parser.parse_args()
    from head_ablation.runs import generate_condition

    heads = read_json(arguments.heads)["heads"]
    generation, facts = generate_condition(
        arguments.model, arguments.prompts, heads, arguments.settings, arguments.threads
    )
    write_provenance(arguments.provenance, **facts)
    write_json(arguments.output, generation)


if __name__ == "__main__":
    run_script(main)
