"""Write the study's tables: every answer, every condition, Figure 8's curves, the key results."""

import argparse
from pathlib import Path

from head_ablation.common.files import whole_file, write_text
from head_ablation.common.lineage import run_stage
from head_ablation.common.problems import warn
from head_ablation.common.settings import argument
from head_ablation.heads.ranking_facts import unranked_words
from head_ablation.results.curves import curves_table
from head_ablation.results.flips import flips_table
from head_ablation.results.key_results import key_results_markdown, key_results_table
from head_ablation.results.result_files import read_results
from head_ablation.results.rows import TablesTask, levels_table, samples_table, unranked_experiments
from head_ablation.results.table_files import write_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", required=True, type=argument(TablesTask), help="TablesTask as JSON")
    parser.add_argument("--results", required=True, nargs="+", help="ablation results")
    for name in ("--samples", "--levels", "--curves", "--flips", "--key-results", "--page"):
        parser.add_argument(name, required=True, type=Path, help="output")
    a = parser.parse_args()
    results = read_results(a.results)
    samples, levels = samples_table(results), levels_table(results, a.task)
    for name, facts in a.task.rankings.items():
        for warning in facts.warnings():
            warn(f"{name}: {warning}")
    key_results = key_results_table(levels, samples)
    with whole_file(a.samples) as path:
        samples.to_parquet(path, index=False)
    flips = flips_table(samples)
    tables = {a.levels: levels, a.curves: curves_table(levels), a.flips: flips, a.key_results: key_results}
    for path, table in tables.items():
        write_table(path, table)
    unranked = unranked_experiments(results)
    for name, reason in unranked.items():
        warn(unranked_words(name, reason))
    write_text(a.page, key_results_markdown(key_results, unranked=unranked))


if __name__ == "__main__":
    run_stage(main)
