"""Write the train and test samples of one question, each only if it changed, and their index."""

import argparse
import json
from pathlib import Path

from head_ablation.files import jsonl_text, sha256_text, write_if_changed, write_json
from head_ablation.problems import run_script
from head_ablation.samples import left_out, load_split_filings, split_samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=json.loads, help="the study's `filings`, as JSON")
    parser.add_argument("--column", required=True, help="the question's answer column")
    parser.add_argument("--matcher", required=True)
    parser.add_argument("--output", required=True, type=Path, help="{question}.index.json, beside the samples files")
    arguments = parser.parse_args()
    filings, clusters = load_split_filings(arguments.settings)
    index: dict[str, object] = {"left_out": left_out(filings, arguments.column)}
    for split, samples in split_samples(filings, clusters, arguments.column, arguments.matcher).items():
        path = arguments.output.with_name(arguments.output.name.replace("index.json", f"{split}.jsonl"))
        text = jsonl_text(sample.to_json() for sample in samples)
        write_if_changed(path, text)
        index[path.name] = {"samples": len(samples), "sha256": sha256_text(text)}
    write_json(arguments.output, index)


if __name__ == "__main__":
    run_script(main)
