"""Write which head of a planted model does what: the ground truth beside its weights."""

import argparse
from pathlib import Path

from head_ablation.common.lineage import run_stage
from head_ablation.common.settings import argument
from head_ablation.models.pointer import ModelSource
from head_ablation.planted.roles import Roles
from head_ablation.planted.texts import read_texts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", required=True, type=argument(ModelSource), help="ModelSource as JSON")
    parser.add_argument("--output", required=True, type=Path, help="results/models/{model}/roles.json")
    a = parser.parse_args()
    Roles.of(a.source.planted, read_texts()).write(a.output)


if __name__ == "__main__":
    run_stage(main)
