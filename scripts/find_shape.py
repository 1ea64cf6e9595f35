"""Find a model's shape, for which its config is enough: layers, heads, positions."""

import argparse
from dataclasses import asdict

from head_ablation.common.files import write_json
from head_ablation.common.lineage import run_stage
from head_ablation.common.settings import argument
from head_ablation.models.pointer import ModelSource
from head_ablation.models.shape import find_shape


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", required=True, type=argument(ModelSource), help="ModelSource as JSON")
    parser.add_argument("--output", required=True, help="results/models/{model}/shape.json")
    a = parser.parse_args()
    found = find_shape(a.source.source, a.source.revision, a.source.shape, a.source.planted)
    write_json(a.output, asdict(found))


if __name__ == "__main__":
    run_stage(main)
