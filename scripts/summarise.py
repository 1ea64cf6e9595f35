"""Print the three numbers that matter, baseline, top and random at the highest level, and where the figure is."""

import argparse
from pathlib import Path

import yaml

from head_ablation.common.problems import run_script
from head_ablation.results.curves import summary
from head_ablation.results.table_files import read_curves


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, help="the study's config")
    study = yaml.safe_load(parser.parse_args().config.read_text(encoding="utf-8"))["study"]
    folder = Path("results") / study
    print(summary(read_curves(folder / "tables" / "curves.csv")))
    print(f"Figure 8: {folder / 'figures' / 'figure8_by_question.png'}")
    print(f"Tables:   {folder / 'tables' / 'key_results.md'}")


if __name__ == "__main__":
    run_script(main)
