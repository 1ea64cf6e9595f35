"""Check a study's given ablation results and take them in as they are: all of them, or none."""

import argparse

from head_ablation.common.files import write_json
from head_ablation.common.lineage import run_stage
from head_ablation.common.settings import from_text
from head_ablation.results.published_format import ResultExpectation, read_result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--accept",
        required=True,
        action="append",
        nargs=3,
        metavar=("EXPECTED", "FILE", "OUTPUT"),
        help="ResultExpectation as JSON, the given file, where it goes; once for each result",
    )
    given = parser.parse_args().accept
    accepted = {output: read_result(file, from_text(ResultExpectation, expected)) for expected, file, output in given}
    for output, content in accepted.items():
        write_json(output, content)


if __name__ == "__main__":
    run_stage(main)
