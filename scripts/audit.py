"""Write the audit of a study's ablation results: claims about them, their head sets, contradictions among them."""

import argparse
from pathlib import Path

from head_ablation.audit import audit_markdown
from head_ablation.claims import read_claims
from head_ablation.config import read_resolved
from head_ablation.files import read_json, write_text
from head_ablation.planning import Plan
from head_ablation.problems import run_script
from head_ablation.rankings import ranked_heads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="the study's resolved config")
    parser.add_argument("--output", required=True, type=Path, help="results/{study}/tables/audit.md")
    arguments = parser.parse_args()
    study, folder = read_resolved(arguments.config), arguments.output.parents[1]
    plan = Plan(study)
    pairs = [(method, experiment) for method in study.methods for experiment in study.experiments()]
    results = [read_json(folder / "ablation" / f"{method}/{experiment}.json") for method, experiment in pairs]
    files = {pair: study.ranking_file(*pair) or folder / "rankings" / "{}/{}.json".format(*pair) for pair in pairs}
    rankings = {(m, *e): ranked_heads(read_json(files[m, e])) for m, e in pairs if m in study.ranked_methods}
    page = audit_markdown(
        results=results,
        claims=read_claims(study.config["claims"]) if study.config["claims"] else None,
        rankings=rankings,
        head_sets={(method, *experiment): plan.chosen(method, experiment) for method, experiment in pairs},
        excluded=study.random_arm().exclude_top,
    )
    write_text(arguments.output, page)


if __name__ == "__main__":
    run_script(main)
