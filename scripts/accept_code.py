"""Record the versions and digests of the code that decides answers, rankings, prompts and head sets, once it changed.

Raise the version of what changed first; where the same inputs give the same results as before, say
`--changes-no-answer` instead. `make check` fails until one of the two is done.
"""

import argparse

from head_ablation.common.problems import run_script
from head_ablation.study.deciding_code import TABLE, accept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--changes-no-answer",
        action="store_true",
        help="the versions stay, since the same inputs give the same results as before",
    )
    accepted = accept(changes_no_answer=parser.parse_args().changes_no_answer)
    print("\n".join([*accepted, f"{TABLE} says what the code is now."]))


if __name__ == "__main__":
    run_script(main)
