"""Compare two studies, or two methods of one: configs, accuracy, heads and answers side by side, in Markdown."""

import argparse
from pathlib import Path

from head_ablation.common.files import write_text
from head_ablation.common.problems import run_script
from head_ablation.study.compare import compare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("a", type=Path, metavar="RESULTS_A", help="a study's results, results/{study}")
    parser.add_argument("b", type=Path, metavar="RESULTS_B", help="another one's, or the same for two methods of it")
    parser.add_argument("--methods", nargs=2, default=(), metavar=("M_A", "M_B"), help="default: each that both have")
    parser.add_argument("--output", type=Path, help="default: the terminal")
    arguments = parser.parse_args()
    page = compare(arguments.a, arguments.b, arguments.methods)
    if arguments.output:
        write_text(arguments.output, page)
    else:
        print(page, end="")


if __name__ == "__main__":
    run_script(main)
