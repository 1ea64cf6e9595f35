"""Measure the engine on a study's prompts; print ratios to one generate call per prompt and to no ablation."""

import argparse
import json

from head_ablation.problems import run_script


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="pointer file")
    parser.add_argument("--prompts", required=True, help="test prompts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=12)
    arguments = parser.parse_args()
    from head_ablation.benchmarks import compare, every_nth_head
    from head_ablation.generation import GenerationSettings
    from head_ablation.model_sources import Pointer
    from head_ablation.models import load_model
    from head_ablation.prompts import PromptTokenizer, read_prompts

    pointer = Pointer.read(arguments.model)
    how = {"dtype": "float32", "attention": "sdpa", "device": "auto", "trust_remote_code": False}
    ratios = compare(
        load_model(pointer, how, arguments.threads),
        PromptTokenizer(pointer.folder).decode,
        [prompt.token_ids for prompt in read_prompts(arguments.prompts)][: arguments.batch_size],
        every_nth_head(pointer.shape.layers, pointer.shape.heads, step=7),
        GenerationSettings(max_new_tokens=10, stop=(), batch_size=arguments.batch_size),
    )
    print(json.dumps({name: round(ratio, 3) for name, ratio in ratios.items()}, indent=1))


if __name__ == "__main__":
    run_script(main)
