"""Check a study's given ablation results and take them in as they are: all of them, or none."""

import argparse
from pathlib import Path

from head_ablation.config import read_resolved
from head_ablation.files import write_json
from head_ablation.problems import run_script
from head_ablation.results import ResultExpectation, read_result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="the study's resolved config")
    parser.add_argument("--folder", required=True, type=Path, help="output: results/{study}/ablation")
    arguments = parser.parse_args()
    study = read_resolved(arguments.config)
    accepted = {
        f"{method}/{experiment}.json": read_result(
            study.result_file(method, experiment), ResultExpectation(**study.result_expectation(method, experiment))
        )
        for method in study.methods
        for experiment in study.experiments()
    }
    for name, content in accepted.items():
        write_json(arguments.folder / name, content)


if __name__ == "__main__":
    run_script(main)
