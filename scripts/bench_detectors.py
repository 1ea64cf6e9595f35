"""Measure detectors on train prompts of a study: time against the copy score alone, in turns, and the peak of memory.

snakemake results/demo/prompts/smollm2/inc_year/tokens_384.train.jsonl --cores 2
python scripts/bench_detectors.py --config config.yaml --model smollm2 --question inc_year --tokens 384
"""

import argparse
import resource
from pathlib import Path

from head_ablation.common.problems import run_script
from head_ablation.common.yaml_files import read_yaml
from head_ablation.detectors import DETECTORS

SHARED = ["copy_score", "summed_attention", "qrhead", "locos", "core", "induction"]  # those of one pass, and the draws


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, type=Path, help="of the study")
    parser.add_argument("--model", required=True, help="key in the config")
    parser.add_argument("--question", required=True, help="key in the config")
    parser.add_argument("--tokens", required=True, type=int)
    parser.add_argument("--prompts", type=int, default=20, help="so many are read")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--detectors", nargs="+", default=SHARED, choices=DETECTORS.names)
    parser.add_argument("--threads", type=int, default=1)
    a = parser.parse_args()
    from head_ablation.bench.detectors import measure_detectors
    from head_ablation.bench.table import show
    from head_ablation.study.loading import load_study

    study = load_study(read_yaml(a.config), str(a.config))
    show(measure_detectors(study, a.model, a.question, a.tokens, a.prompts, a.detectors, a.repeats, a.threads))
    print(f"\npeak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    run_script(main)
