"""Write the head set of every condition of one method and experiment, each only if it changed, and their index."""

import argparse
import sys
from pathlib import Path

from head_ablation.common.files import read_json
from head_ablation.common.lineage import run_stage
from head_ablation.common.settings import argument
from head_ablation.heads.head import ModelShape
from head_ablation.heads.head_sets import HeadSetSettings, write_head_sets
from head_ablation.heads.ranking_facts import ranking_facts
from head_ablation.heads.rankings import ranked_heads, reason_unranked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranking", required=True, type=Path)
    parser.add_argument("--shape", required=True, type=Path, help="the model's shape")
    parser.add_argument("--detected-on", type=Path, nargs="*", help="model and train prompts of a detected ranking")
    parser.add_argument("--settings", required=True, type=argument(HeadSetSettings), help="HeadSetSettings as JSON")
    parser.add_argument("--output", required=True, type=Path, help="index.json, beside the head-set files")
    a = parser.parse_args()
    ranking = read_json(a.ranking)
    unranked = reason_unranked(ranking)
    sets = {} if unranked else a.settings.choose(ranked_heads(ranking), ModelShape(**read_json(a.shape)))
    for warning in ranking_facts(ranking, a.settings.levels).warnings():
        print(f"{a.ranking}: {warning}", file=sys.stderr)  # the tables warn of it
    if unranked:
        print(f"{a.ranking}: no head could be ranked. {unranked}", file=sys.stderr)
    write_head_sets(a.output, sets, [a.ranking, a.shape, *a.detected_on], unranked)


if __name__ == "__main__":
    run_stage(main)
