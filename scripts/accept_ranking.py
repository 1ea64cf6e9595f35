"""Check a given ranking against its experiment and take it into the study as it is."""

import argparse

from head_ablation.files import write_json
from head_ablation.model_sources import Pointer
from head_ablation.problems import run_script
from head_ablation.rankings import Expectation, read_ranking


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranking", required=True, help="the given file")
    parser.add_argument("--model", required=True, help="pointer file")
    parser.add_argument("--model-keys", required=True, nargs="+", help="accepted values of model_key")
    parser.add_argument("--question", required=True)
    parser.add_argument("--tokens", required=True, type=int)
    parser.add_argument("--heads-needed", required=True, type=int, help="the highest level")
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    expected = Expectation(
        models=tuple(arguments.model_keys),
        question=arguments.question,
        tokens=arguments.tokens,
        heads_needed=arguments.heads_needed,
        shape=Pointer.read(arguments.model).shape,
    )
    write_json(arguments.output, read_ranking(arguments.ranking, expected))


if __name__ == "__main__":
    run_script(main)
