"""Write the study's tables: every answer, every condition, Figure 8's curves, the key results."""

import argparse
from pathlib import Path

from head_ablation.files import read_json, whole_file, write_text
from head_ablation.problems import run_script
from head_ablation.tables import (
    curves_table,
    key_results_markdown,
    key_results_table,
    levels_table,
    samples_table,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", required=True, nargs="+", help="ablation results")
    parser.add_argument("--folder", required=True, type=Path, help="output: results/{study}/tables")
    arguments = parser.parse_args()
    results = [read_json(path) for path in arguments.results]
    samples, levels = samples_table(results), levels_table(results)
    key_results = key_results_table(levels, samples)
    with whole_file(arguments.folder / "samples.parquet") as path:
        samples.to_parquet(path, index=False)
    tables = {"levels": levels, "curves": curves_table(levels), "key_results": key_results}
    for name, table in tables.items():
        write_text(arguments.folder / f"{name}.csv", table.to_csv(index=False))
    write_text(arguments.folder / "key_results.md", key_results_markdown(key_results))


if __name__ == "__main__":
    run_script(main)
