"""Find a model's shape, for which its config is enough: layers, heads, positions."""

import argparse
import json
from dataclasses import asdict

from head_ablation.files import write_json
from head_ablation.model_sources import find_shape
from head_ablation.problems import run_script


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--origin", required=True, type=json.loads, help="source, revision and grid, as JSON")
    parser.add_argument("--output", required=True, help="results/models/{model}/shape.json")
    arguments = parser.parse_args()
    write_json(arguments.output, asdict(find_shape(**arguments.origin)))


if __name__ == "__main__":
    run_script(main)
