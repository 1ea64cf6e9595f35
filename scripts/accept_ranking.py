"""Check a given ranking against its experiment and take it into the study as it is."""

import argparse

from head_ablation.common.files import write_json
from head_ablation.common.lineage import run_stage
from head_ablation.common.settings import argument
from head_ablation.heads.rankings import Expectation, read_ranking


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranking", required=True, help="the given file")
    parser.add_argument("--expected", required=True, type=argument(Expectation), help="Expectation as JSON")
    parser.add_argument("--output", required=True)
    a = parser.parse_args()
    write_json(a.output, read_ranking(a.ranking, a.expected))


if __name__ == "__main__":
    run_stage(main)
