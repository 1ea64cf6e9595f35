"""Write the train and test samples of one question."""

import argparse
import json

from head_ablation.files import write_jsonl
from head_ablation.problems import run_script
from head_ablation.samples import build_samples, load_filings, split_clusters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=json.loads, help="the study's `filings`, as JSON")
    parser.add_argument("--column", required=True, help="the question's answer column")
    parser.add_argument("--matcher", required=True)
    parser.add_argument("--train", required=True, help="output")
    parser.add_argument("--test", required=True, help="output")
    arguments = parser.parse_args()
    settings = arguments.settings
    test_fraction = settings.pop("test_fraction")
    filings = load_filings(**settings)
    train, test = split_clusters([f.facts for f in filings], settings["seed"], test_fraction)
    samples = build_samples(filings, arguments.column, arguments.matcher)
    for path, clusters in ((arguments.train, train), (arguments.test, test)):
        write_jsonl(path, [sample.to_json() for sample in samples if sample.cluster in clusters])


if __name__ == "__main__":
    run_script(main)
