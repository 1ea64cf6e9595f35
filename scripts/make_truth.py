"""Write the page of truth: rankings and answers of planted models held against the roles of their heads."""

import argparse
from pathlib import Path

from head_ablation.common.experiment import Experiment
from head_ablation.common.files import read_json, write_text
from head_ablation.common.lineage import run_stage
from head_ablation.common.settings import argument
from head_ablation.planted.roles import Roles
from head_ablation.prompts.prompt import read_prompts
from head_ablation.results.audit import AuditRankings
from head_ablation.results.result_files import read_results
from head_ablation.results.truth import TruthTask, ranked_rows, truth_markdown, truth_rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", required=True, type=argument(TruthTask), help="TruthTask as JSON")
    parser.add_argument("--results", required=True, nargs="+", help="ablation results")
    parser.add_argument("--prompts", required=True, nargs="+", type=Path, help="test prompts")
    parser.add_argument("--rankings", required=True, type=argument(AuditRankings), help="AuditRankings as JSON")
    parser.add_argument("--roles", required=True, nargs="+", type=Path, help="results/models/{model}/roles.json")
    parser.add_argument("--output", required=True, type=Path, help="results/{study}/tables/truth.md")
    a = parser.parse_args()
    roles = {path.parent.name: Roles.read(path) for path in a.roles}
    prompts = {_experiment(path): read_prompts(path) for path in a.prompts}
    files = {(method, Experiment(*named)): file for method, *named, file in a.rankings.files if named[0] in roles}
    rankings = {key: read_json(file) for key, file in files.items()}
    rows = truth_rows(read_results(a.results), prompts, roles, a.task)
    write_text(a.output, truth_markdown(rows, ranked_rows(rankings, roles, a.task.levels), a.task))


def _experiment(path: Path) -> Experiment:
    """Of prompts/{model}/{question}/tokens_{tokens}.test.jsonl."""
    return Experiment(*path.parts[-3:-1], int(path.name.partition(".")[0].removeprefix("tokens_")))


if __name__ == "__main__":
    run_stage(main)
