"""Draw figures of a study from its tables and rankings, each in the formats that its files are named by."""

import argparse
from pathlib import Path

import pandas as pd

from head_ablation.common.lineage import run_stage
from head_ablation.common.problems import StudyError
from head_ablation.common.settings import argument
from head_ablation.figures import FIGURES
from head_ablation.figures.figure import FigureTask, Tables
from head_ablation.figures.head_map import RankingsTask, read_head_maps
from head_ablation.figures.style import save_figure
from head_ablation.results.rows import CONDITION
from head_ablation.results.table_files import read_curves, read_levels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", required=True, type=argument(FigureTask), help="FigureTask as JSON")
    parser.add_argument("--curves", required=True, help="tables/curves.csv")
    parser.add_argument("--levels", required=True, help="tables/levels.csv")
    parser.add_argument("--samples", required=True, help="tables/samples.parquet")
    parser.add_argument("--rankings", type=argument(RankingsTask), help="RankingsTask as JSON, for figures of rankings")
    parser.add_argument("--shapes", type=Path, nargs="*", default=[], help="results/models/{model}/shape.json")
    parser.add_argument("--outputs", required=True, nargs="+", type=Path, help="{figure}.svg, .png or .pdf")
    a = parser.parse_args()
    curves, levels = read_curves(a.curves), read_levels(a.levels)
    if curves.empty:
        raise StudyError("no head could be ranked in any experiment, so there is nothing to draw; see key_results.md")
    samples = pd.read_parquet(a.samples, columns=[*CONDITION, "company", "counted", "correct"])
    maps = read_head_maps(a.rankings, a.shapes) if a.rankings else []
    tables = Tables(curves, levels, samples, a.task.missing(levels), maps)
    for name in dict.fromkeys(path.stem for path in a.outputs):
        save_figure(FIGURES[name].draw(tables, a.task.design), [path for path in a.outputs if path.stem == name])


if __name__ == "__main__":
    run_stage(main)
