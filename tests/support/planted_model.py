"""A planted model's folder, roles and prompts, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from head_ablation.common.files import read_jsonl
from head_ablation.common.yaml_files import read_yaml
from head_ablation.planted.model_folder import write_planted
from head_ablation.planted.options import PlantedOptions
from head_ablation.planted.roles import Roles
from head_ablation.planted.texts import FOLDER, read_rows, read_texts
from head_ablation.prompts.builders import PromptBuilder
from head_ablation.prompts.filings import Filing
from head_ablation.prompts.layout import Layout
from head_ablation.prompts.prompt import Prompt
from head_ablation.prompts.samples import build_samples
from head_ablation.prompts.tokenizer import PromptTokenizer

TOKENS = 136
QUESTIONS = ("founded", "seat")


@dataclass(frozen=True)
class Planted:
    """A planted model on disk.

    Attributes:
        folder: as transformers loads it.
        roles: of its heads.
        prompts: question -> a prompt for each company.
    """

    folder: Path
    roles: Roles
    prompts: dict[str, list[Prompt]]

    def id(self, word: str) -> int:
        """A word's token id."""
        return self.roles.vocabulary.index(word)

    @property
    def mixed_prompts(self) -> list[Prompt]:
        """The prompts of all questions, in turn."""
        return [prompt for pair in zip(*self.prompts.values(), strict=True) for prompt in pair]


def planted_model(folder: Path, options: PlantedOptions | None = None, tokens: int = TOKENS) -> Planted:
    """Writes a planted model and builds its prompts."""
    options = options or PlantedOptions()
    write_planted(folder, options)
    prompts = {question: planted_prompts(folder, question, tokens) for question in QUESTIONS}
    return Planted(folder, Roles.of(options, read_texts()), prompts)


def planted_prompts(folder: Path, question: str, tokens: int) -> list[Prompt]:
    """A prompt for each company."""
    asked = read_yaml(FOLDER / "questions.yaml")[question]
    template = "{filler}\n\n{passage}\n\n{filler}\n\nQuestion: {question}\n"
    layout = Layout(template, asked["stem"], chat=False, depth=0.5, min_filler_tokens=16)
    filler = (FOLDER / "filler.txt").read_text(encoding="utf-8")
    builder = PromptBuilder(PromptTokenizer(folder), layout, asked["text"], filler, tokens)
    return [builder.build(sample) for sample in build_samples(planted_filings(), asked["column"], asked["matcher"])]


def planted_filings() -> Sequence[Filing]:
    """All filings, with their facts."""
    texts = {row["filename"]: row["section_1"] for row in read_jsonl(FOLDER / "filings.jsonl")}
    return [Filing(row, texts[row["filename"]]) for row in read_rows(FOLDER / "companies.csv")]
