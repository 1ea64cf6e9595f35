"""Score the generations of one method and experiment: the ablation result, in the published study's format."""

import argparse
import json
from pathlib import Path

from head_ablation.files import read_json, write_json
from head_ablation.head_sets import choose_head_sets
from head_ablation.heads import Condition, HeadSet, RandomArm
from head_ablation.memory import Load, settle
from head_ablation.model_sources import Pointer
from head_ablation.problems import run_script
from head_ablation.prompts import prompts_digest, read_prompts
from head_ablation.protocol import generation_protocol
from head_ablation.rankings import ranked_heads
from head_ablation.scoring import Judge, score_experiment
from head_ablation.staleness import read_current, refuse_changed_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--model", "--prompts", "--ranking", "--experiment"):
        parser.add_argument(name, required=True)
    for name in ("--settings", "--random-arm", "--identity", "--judge"):
        parser.add_argument(name, required=True, type=json.loads, help="JSON")
    parser.add_argument("--samples", required=True, nargs=2, help="the prompts' samples file and its due SHA-256")
    parser.add_argument("--baseline", required=True, type=Path, help="generations of the baseline")
    parser.add_argument("--generations", required=True, nargs="+", type=Path, help="named by condition")
    parser.add_argument("--output", required=True)
    a = parser.parse_args()
    refuse_changed_file(Path(a.samples[0]), a.samples[1], made_from="the filings")
    pointer, prompts, ranked = Pointer.read(a.model), read_prompts(a.prompts), ranked_heads(read_json(a.ranking))
    conditions = [Condition.parse(path.stem) for path in a.generations]
    sets = choose_head_sets(conditions, ranked, pointer.shape, RandomArm(**a.random_arm), a.experiment)
    settings = settle(a.settings, pointer.name, pointer.size, Load.of(prompts))
    protocol = generation_protocol(pointer, prompts_digest(prompts), HeadSet(()), settings)
    baseline, ablated = read_current(a.baseline, a.generations, protocol, sets)
    write_json(a.output, score_experiment(a.identity, prompts, baseline, ablated, Judge(**a.judge)))


if __name__ == "__main__":
    run_script(main)
