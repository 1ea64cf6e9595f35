"""Write the prompts of one experiment and split, token ids, spans, gold answers, and beside them their texts."""

import argparse
from pathlib import Path

from head_ablation.common.files import UTF_8, read_jsonl, write_jsonl
from head_ablation.common.lineage import run_stage
from head_ablation.common.problems import warn
from head_ablation.common.settings import argument
from head_ablation.models.pointer import Pointer
from head_ablation.prompts.builders import build_prompts, prompt_builder, refuse_beyond
from head_ablation.prompts.layout import PromptSettings
from head_ablation.prompts.notes import prompt_notes
from head_ablation.prompts.prompt_text import prompt_text
from head_ablation.prompts.samples import Sample
from head_ablation.prompts.tokenizer import PromptTokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="pointer file")
    parser.add_argument("--samples", required=True)
    parser.add_argument("--split", required=True, choices=("train", "test"))
    parser.add_argument("--filler", required=True, type=Path)
    parser.add_argument("--tokens", required=True, type=int)
    parser.add_argument("--settings", required=True, type=argument(PromptSettings), help="PromptSettings as JSON")
    parser.add_argument("--output", required=True)
    parser.add_argument("--texts", required=True, help="output: what the token ids decode to")
    a = parser.parse_args()
    model = Pointer.read(a.model)
    model.refuse_changed()
    refuse_beyond(a.tokens, model.shape.positions)
    tokenizer, filler = PromptTokenizer(model.folder), a.filler.read_text(encoding=UTF_8)
    builder = prompt_builder(tokenizer, a.settings.layout, a.settings.question, filler, a.tokens)
    prompts = build_prompts(builder, map(Sample.from_json, read_jsonl(a.samples)), a.split == "test")
    warn(*prompt_notes(prompts))
    write_jsonl(a.output, [prompt.to_json() for prompt in prompts])
    write_jsonl(a.texts, [prompt_text(prompt, tokenizer).to_json() for prompt in prompts])


if __name__ == "__main__":
    run_stage(main)
