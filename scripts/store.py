"""Say what the store of generations and head scores holds, and which study refers to it; remove what none refers to."""

import argparse
from pathlib import Path

from head_ablation.common.problems import run_script
from head_ablation.jobs.inventory import store_report
from head_ablation.jobs.store import Store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=Path("results/store"))
    parser.add_argument("--results", type=Path, default=Path("results"), help="the folder of all studies")
    parser.add_argument("--list", action="store_true", help="name every entry")
    parser.add_argument(
        "--prune",
        action="store_true",
        help="remove entries that no study refers to, damaged ones, left-over temporary files, and free locks; what a"
        " job has made ahead for levels still to be run is referred to by no study yet, and would be made again",
    )
    a = parser.parse_args()
    for text in store_report(Store(a.store), a.results, listing=a.list, pruning=a.prune):
        print(text, flush=True)


if __name__ == "__main__":
    run_script(main)
