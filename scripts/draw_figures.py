"""Draw Figure 8: by question, by method, and as a grid of single experiments; svg, png and pdf."""

import argparse
import json
from pathlib import Path

import pandas as pd

from head_ablation.figures import (
    figure8_by_method,
    figure8_by_question,
    figure8_grid,
    save_figure,
)
from head_ablation.problems import run_script


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--curves", required=True, help="tables/curves.csv")
    parser.add_argument("--levels", required=True, help="tables/levels.csv")
    parser.add_argument("--labels", required=True, type=json.loads, help="key -> name, as JSON")
    parser.add_argument("--folder", required=True, type=Path, help="output: results/{study}/figures")
    arguments = parser.parse_args()
    curves, levels = pd.read_csv(arguments.curves), pd.read_csv(arguments.levels)
    figures = {
        "figure8_by_question": figure8_by_question(curves, arguments.labels),
        "figure8_by_method": figure8_by_method(curves, arguments.labels),
        "figure8_grid": figure8_grid(levels, arguments.labels),
    }
    for name, figure in figures.items():
        save_figure(figure, arguments.folder / name)


if __name__ == "__main__":
    run_script(main)
