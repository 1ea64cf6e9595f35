"""Check a given ablation result against its method and experiment and take it into the study as it is."""

import argparse
import json

from head_ablation.files import write_json
from head_ablation.problems import run_script
from head_ablation.results import ResultExpectation, read_result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--result", required=True, help="the given file")
    parser.add_argument("--expected", required=True, type=json.loads, help="fields of ResultExpectation, as JSON")
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.expected.items()}
    write_json(arguments.output, read_result(arguments.result, ResultExpectation(**fields)))


if __name__ == "__main__":
    run_script(main)
