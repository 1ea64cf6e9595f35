"""One process of the benchmark: `ours` or `usual` answers what standard input asks; `loop N` is a plain loop."""

import json
import sys

from head_ablation.bench.processes import answer_in_process, loop_over_conditions
from head_ablation.common.problems import run_script


def main() -> None:
    way, *threads = sys.argv[1:]
    if way == "loop":
        loop_over_conditions(int(threads[0]))
    else:
        print(json.dumps(answer_in_process(way, json.load(sys.stdin))))


if __name__ == "__main__":
    run_script(main)
