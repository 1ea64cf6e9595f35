"""Write the prompts of one experiment and split: token ids, spans, gold answers."""

import argparse
import json
from pathlib import Path

from head_ablation.files import read_jsonl, write_jsonl
from head_ablation.model_sources import Pointer
from head_ablation.problems import run_script
from head_ablation.prompts import Layout, PromptTokenizer, build_prompts, prompt_builder, refuse_beyond
from head_ablation.samples import Sample


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="pointer file")
    parser.add_argument("--samples", required=True)
    parser.add_argument("--filler", required=True, type=Path)
    parser.add_argument("--tokens", required=True, type=int)
    parser.add_argument("--settings", required=True, type=json.loads, help="layout and question, as JSON")
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    model = Pointer.read(arguments.model)
    refuse_beyond(arguments.tokens, model.shape.positions)
    question = arguments.settings.pop("question")
    builder = prompt_builder(
        tokenizer=PromptTokenizer(model.folder),
        layout=Layout(**arguments.settings),
        question=question,
        filler=arguments.filler.read_text(encoding="utf-8"),
        tokens=arguments.tokens,
    )
    samples = [Sample.from_json(row) for row in read_jsonl(arguments.samples)]
    write_jsonl(arguments.output, [prompt.to_json() for prompt in build_prompts(builder, samples)])


if __name__ == "__main__":
    run_script(main)
