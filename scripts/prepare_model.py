"""Fetch or convert a model and write its pointer file: folder, shape, fingerprint."""

import argparse
import json
from pathlib import Path

from head_ablation.files import write_json
from head_ablation.model_sources import prepare
from head_ablation.problems import run_script


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--origin", required=True, type=json.loads, help="source, revision and grid, as JSON")
    parser.add_argument("--output", required=True, type=Path, help="results/models/{model}/model.json")
    arguments = parser.parse_args()
    pointer = prepare(**arguments.origin, home=arguments.output.parent)
    write_json(arguments.output, pointer.to_json())


if __name__ == "__main__":
    run_script(main)
