"""Texts of any shape: one JSONL file of texts and answers, through the real workflow on a tiny model."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import yaml
from checkouts import Checkout
from tiny_study import write_tiny_study

from head_ablation.common.files import read_jsonl

pytestmark = pytest.mark.workflow

NAMES = ("Ada", "Blaise", "Carl", "Dorothy")
STORIES = 24
GROUPS = 12


def story(number: int) -> dict[str, object]:
    name = NAMES[number % len(NAMES)]
    return {
        "id": number,
        "group": f"book {number % GROUPS}",
        "text": f"In story {number}, the lighthouse was kept by {name} for years.",
        "answer": name if number else None,
        "tags": ["not", "a", "fact"],
    }


def write_own_texts(checkout: Checkout, **fields: str) -> Checkout:
    """The tiny study about who kept the lighthouse."""
    study = write_tiny_study(checkout, "own_texts")
    study.path("texts.jsonl").write_text("".join(json.dumps(story(n)) + "\n" for n in range(STORIES)))
    ranking = json.loads(study.ranking("inc_state").read_text()) | {"question": "keeper"}
    study.ranking("keeper").write_text(json.dumps(ranking))
    asked = {"text": "Who kept the lighthouse?", "stem": "Answer:", "column": "answer", "matcher": "text"}
    one_file = "own/texts.jsonl"
    own = {
        "questions": {"keeper": {**asked, "label": "Keeper"}},
        "filings": {"ground_truth": one_file, "section_1": one_file, "test_fraction": 0.4, "fields": fields},
        "levels": [10],
    }
    study.configure(lambda config: config.update(own))
    return study.checkout


def test_one_file_of_texts_and_answers_makes_a_study(checkout: Checkout) -> None:
    study = write_own_texts(checkout, filename="id", company="group", text="text")
    study.snakemake()
    samples = [s for split in ("train", "test") for s in read_jsonl(study.results(f"samples/keeper.{split}.jsonl"))]
    assert sorted(int(sample["filename"]) for sample in samples) == list(range(1, STORIES))  # 0 has no answer
    for sample in samples:
        start, end = sample["answer_span"]
        assert sample["passage"][start:end] == sample["gold"] == story(int(sample["filename"]))["answer"]
    table = pd.read_parquet(study.results("tables/samples.parquet"))
    tested = {sample["filename"] for sample in read_jsonl(study.results("samples/keeper.test.jsonl"))}
    assert set(table["filename"]) == tested
    levels = pd.read_csv(study.results("tables/levels.csv"))
    assert set(levels["total"]) == {len(tested)}
    assert set(levels["companies"]) == {len({int(name) % GROUPS for name in tested})} != {len(tested)}
    assert study.results("report.html").is_file()
    assert yaml.safe_load(study.results("config.yaml").read_text())["filings"]["fields"]["company"] == "group"


def test_files_that_call_their_fields_otherwise_are_refused_before_any_job(checkout: Checkout) -> None:
    output = write_own_texts(checkout, filename="name").snakemake("--dry-run", check=False)
    assert "own/texts.jsonl: name: found no such field; expected this field." in output
    assert "own/texts.jsonl: cik: found no such field; expected this field." in output
    assert "filings.fields.company" in output and "Traceback" not in output
