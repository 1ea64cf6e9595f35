"""Fetch the filings of a ground truth from EDGAR-CORPUS, by way of a cache that keeps what was found."""

import argparse
from pathlib import Path

from head_ablation.common.files import write_json
from head_ablation.common.lineage import run_stage
from head_ablation.common.settings import argument
from head_ablation.jobs.job import say
from head_ablation.prompts.edgar import CorpusRequest, fetch_filings, write_filings
from head_ablation.prompts.ground_truth import read_ground_truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--request", required=True, type=argument(CorpusRequest), help="CorpusRequest as JSON")
    parser.add_argument("--ground-truth", required=True, type=Path)
    parser.add_argument("--cache", required=True, type=Path, help="JSONL, kept for the next study")
    parser.add_argument("--output", required=True, type=Path, help="JSONL of filings")
    parser.add_argument("--index", required=True, type=Path, help="output: the request, once it is met")
    a = parser.parse_args()
    wanted = [row["filename"] for row in read_ground_truth(a.ground_truth, [])]
    found = fetch_filings(a.request.corpus, wanted, a.cache, say)
    for lack in write_filings(a.request.corpus, found, wanted, a.request.absent, a.output):
        say(f"left out: {lack}")
    write_json(a.index, a.request.to_json())


if __name__ == "__main__":
    run_stage(main)
