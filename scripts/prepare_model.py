"""Fetch, convert or write a model and write its pointer file: folder, shape, fingerprint."""

import argparse
from pathlib import Path

from head_ablation.common.lineage import run_stage
from head_ablation.common.settings import argument
from head_ablation.models.pointer import ModelSource, prepare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", required=True, type=argument(ModelSource), help="ModelSource as JSON")
    parser.add_argument("--output", required=True, type=Path, help="results/models/{model}/model.json")
    a = parser.parse_args()
    asked, home = a.source, a.output.parent
    pointer = prepare(asked.source, asked.revision, home, asked.shape, asked.name, asked.planted)
    pointer.write(a.output)


if __name__ == "__main__":
    run_stage(main)
