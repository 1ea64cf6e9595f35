"""Write the study's resolved config, all defaults filled in, beside its results."""

import argparse
import json

import yaml

from head_ablation.common.files import write_text
from head_ablation.common.problems import run_script


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, type=json.loads, help="the resolved config, as JSON")
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    write_text(arguments.output, yaml.safe_dump(arguments.config, sort_keys=False, allow_unicode=True))


if __name__ == "__main__":
    run_script(main)
