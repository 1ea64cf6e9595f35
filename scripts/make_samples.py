"""Write the train and test samples of one question, each only if it changed, and their index."""

import argparse
from pathlib import Path

from head_ablation.common.files import jsonl_text, sha256_text, write_if_changed, write_json
from head_ablation.common.lineage import run_stage
from head_ablation.common.problems import warn
from head_ablation.common.settings import argument
from head_ablation.prompts.filings import FilingsFiles
from head_ablation.prompts.notes import samples_index
from head_ablation.prompts.samples import SampleSettings, left_out, load_split_filings, split_samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=argument(SampleSettings), help="SampleSettings as JSON")
    parser.add_argument("--ground-truth", required=True, help="CSV of facts")
    parser.add_argument("--texts", nargs="?", help="JSONL of filings; without it, passages are generated")
    parser.add_argument("--evidence", nargs="?", help="JSONL of the answers' character spans")
    parser.add_argument("--train", required=True, type=Path, help="output: JSONL")
    parser.add_argument("--test", required=True, type=Path, help="output: JSONL")
    parser.add_argument("--output", required=True, type=Path, help="index of both")
    a = parser.parse_args()
    filings, companies = load_split_filings(FilingsFiles(a.ground_truth, a.texts, a.evidence), a.settings.filings)
    samples = split_samples(filings, companies, a.settings.column, a.settings.matcher)
    index = samples_index(samples, left_out(filings, a.settings.column))
    warn(*index["notes"])
    for split, path in {"train": a.train, "test": a.test}.items():
        text = jsonl_text(sample.to_json() for sample in samples[split])
        write_if_changed(path, text)
        index[path.name] = {"samples": len(samples[split]), "sha256": sha256_text(text)}
    write_json(a.output, index)


if __name__ == "__main__":
    run_stage(main)
