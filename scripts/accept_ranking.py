"""Check a given ranking against its experiment and take it into the study as it is."""

import argparse
import json

from head_ablation.files import write_json
from head_ablation.problems import run_script
from head_ablation.rankings import Expectation, read_ranking


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranking", required=True, help="the given file")
    parser.add_argument("--expected", required=True, type=json.loads, help="what it must agree with, as JSON")
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    write_json(arguments.output, read_ranking(arguments.ranking, Expectation(**arguments.expected)))


if __name__ == "__main__":
    run_script(main)
