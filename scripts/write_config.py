"""Write the study's resolved config, all defaults filled in, beside its results."""

import argparse

import yaml

from head_ablation.common.files import write_text
from head_ablation.common.lineage import run_stage
from head_ablation.study.config_lines import config_of

NO_VALUE = ("#", "{")  # begin the digest of the code and the lineage, which are parameters of the rule too


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, nargs="+", help="the resolved config, a line for each value")
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    config = config_of(line for line in arguments.config if not line.startswith(NO_VALUE))
    write_text(arguments.output, yaml.safe_dump(config, sort_keys=False, allow_unicode=True))


if __name__ == "__main__":
    run_stage(main)
