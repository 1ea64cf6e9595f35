"""Write the audit of a study's ablation results: claims about them, their head sets, contradictions among them."""

import argparse
from pathlib import Path

from head_ablation.common.files import read_json, write_text
from head_ablation.common.lineage import run_stage
from head_ablation.common.settings import argument
from head_ablation.heads.rankings import ranked_heads
from head_ablation.results.audit import AuditRankings, AuditTask, audit_markdown
from head_ablation.results.claims import read_claims
from head_ablation.results.result_files import read_results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", required=True, type=argument(AuditTask), help="AuditTask as JSON")
    parser.add_argument("--results", required=True, nargs="+", help="ablation results")
    parser.add_argument("--rankings", required=True, type=argument(AuditRankings), help="AuditRankings as JSON")
    parser.add_argument("--claims", nargs="?", help="YAML file of claims")
    parser.add_argument("--output", required=True, type=Path, help="results/{study}/tables/audit.md")
    a = parser.parse_args()
    rankings = {(*key,): ranked_heads(read_json(file)) for *key, file in a.rankings.files}
    results = read_results(a.results)
    page = audit_markdown(
        results=results,
        claims=read_claims(a.claims) if a.claims else None,
        rankings=rankings,
        head_sets=a.task.head_sets(rankings),
        excluded=a.task.arms.excluded,
        stated=a.task.stated(results),
    )
    write_text(a.output, page)


if __name__ == "__main__":
    run_stage(main)
