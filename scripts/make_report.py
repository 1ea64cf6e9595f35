"""Write a study's page: its finding, Figure 8, every answer, the heads, the audit, how it was made."""

import argparse
from pathlib import Path

from head_ablation.common.files import write_text
from head_ablation.common.lineage import run_stage
from head_ablation.common.settings import argument
from head_ablation.report.page import page
from head_ablation.report.sources import ReportTask, read_sources


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", required=True, type=argument(ReportTask), help="ReportTask as JSON")
    parser.add_argument("--folder", required=True, type=Path, help="results/{study}")
    parser.add_argument("--audit", type=Path, nargs="?", help="results/{study}/tables/audit.md")
    parser.add_argument("--truth", type=Path, nargs="?", help="results/{study}/tables/truth.md")
    parser.add_argument("--shapes", type=Path, nargs="*", default=[], help="results/models/{model}/shape.json")
    parser.add_argument("--output", required=True, type=Path, help="results/{study}/report.html")
    a = parser.parse_args()
    write_text(a.output, page(read_sources(a.folder, a.task, a.audit, a.shapes, a.truth)))


if __name__ == "__main__":
    run_stage(main)
