"""Score the generations of one method and experiment: the ablation result, in the published study's format."""

import argparse
from pathlib import Path

from head_ablation.common.files import write_json
from head_ablation.common.lineage import run_stage
from head_ablation.common.problems import warn
from head_ablation.common.settings import argument
from head_ablation.jobs.staleness import refuse_changed_file
from head_ablation.prompts.notes import answer_notes
from head_ablation.results.score_task import ScoreTask


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", required=True, type=argument(ScoreTask), help="ScoreTask as JSON")
    for name in ("--model", "--prompts", "--ranking", "--output"):
        parser.add_argument(name, required=True, type=Path)
    parser.add_argument("--samples", required=True, nargs=2, help="the prompts' samples file and its due SHA-256")
    parser.add_argument("--baseline", required=True, type=Path, help="generations of the baseline")
    parser.add_argument("--generations", required=True, nargs="*", type=Path, help="named by condition")
    a = parser.parse_args()
    refuse_changed_file(Path(a.samples[0]), a.samples[1], made_from="the filings")
    result = a.task.result(a.model, a.prompts, a.ranking, a.baseline, a.generations)
    said = {sample["filename"]: sample["text"] for sample in result["baseline"]["samples"]}
    warn(*answer_notes(said, result["model_key"], result["question"]))
    write_json(a.output, result)


if __name__ == "__main__":
    run_stage(main)
