"""Fetch the filings of a ground truth from EDGAR-CORPUS, by way of a cache that keeps what was found."""

import argparse
import json
import sys
from pathlib import Path

from head_ablation.edgar import Corpus, fetch_filings, write_filings
from head_ablation.files import write_json
from head_ablation.problems import run_script
from head_ablation.samples import read_ground_truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--asked", required=True, type=json.loads, help="corpus, and what becomes of absent filings")
    parser.add_argument("--ground-truth", required=True, type=Path)
    parser.add_argument("--cache", required=True, type=Path, help="JSONL, kept for the next study")
    parser.add_argument("--output", required=True, type=Path, help="JSONL of filings")
    parser.add_argument("--index", required=True, type=Path, help="output: what was asked, once that is there")
    arguments = parser.parse_args()
    corpus = Corpus(**arguments.asked["corpus"])
    wanted = [row["filename"] for row in read_ground_truth(arguments.ground_truth, [])]
    found = fetch_filings(corpus, wanted, arguments.cache, say)
    for lack in write_filings(corpus, found, wanted, arguments.asked["absent"], arguments.output):
        say(f"left out: {lack}")
    write_json(arguments.index, arguments.asked)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run_script(main)
