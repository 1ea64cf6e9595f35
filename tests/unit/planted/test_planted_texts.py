"""The planted model's texts: facts and cues can be told apart, and committed files are what their script writes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from planted_model import TOKENS, planted_filings
from project import PROJECT

from head_ablation.common.files import read_json
from head_ablation.common.problems import StudyError
from head_ablation.common.yaml_files import read_yaml
from head_ablation.planted.options import PlantedOptions
from head_ablation.planted.roles import COPY_LAG, Roles
from head_ablation.planted.texts import FOLDER, read_rows, read_texts, words

TEXTS = read_texts()


def test_committed_filings_and_ranking_are_what_the_script_writes(tmp_path: Path) -> None:
    command = [sys.executable, "scripts/write_planted_texts.py", "--output", str(tmp_path)]
    subprocess.run(command, cwd=PROJECT, check=True)
    for name in ("filings.jsonl", "truth.json"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), name


def test_there_are_enough_companies_and_no_two_facts_of_a_kind_are_one() -> None:
    rows = read_rows(FOLDER / "companies.csv")
    assert len({row["cik"] for row in rows}) == len(rows) >= 30
    for column in TEXTS.first_words:
        assert all(row[column] != row[f"subsidiary_{column}"] for row in rows)
        assert any(len(words(row[column])) > 1 for row in rows) or column == "founded_truth"


def test_every_filing_states_each_fact_once_behind_its_cue() -> None:
    for filing in planted_filings():
        said = words(filing.passage)
        for cue in (*TEXTS.cues, *TEXTS.cues.values()):
            assert said.count(cue) == 1
        columns = [f"{before}{column}" for column in TEXTS.first_words for before in ("", "subsidiary_")]
        for value in (filing.facts[column] for column in columns):
            assert [said.count(word) for word in words(value)] == [1] * len(words(value))


def test_the_vocabulary_covers_all_texts() -> None:
    said = {word for filing in planted_filings() for word in words(filing.passage)}
    said |= set(words((FOLDER / "filler.txt").read_text(encoding="utf-8")))
    questions = read_yaml(FOLDER / "questions.yaml").values()
    said |= {word for question in questions for word in words(f"{question['text']} {question['stem']}")}
    assert said <= set(TEXTS.vocabulary)


def test_questions_are_longer_than_copying_decoys_look_back() -> None:
    for question in read_yaml(FOLDER / "questions.yaml").values():
        assert COPY_LAG < len(words(f"{question['text']} {question['stem']}")) < TOKENS


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("filler.txt", "A river", "A river near Salem", "'Salem' 1 times besides"),
        ("filler.txt", "A river", "A river at rest", "'at' 1 times besides"),
        ("questions.yaml", "headquartered at", "headquartered in", "'in' at its end; expected 'at', the cue"),
        ("passages.yaml", "around {value}", "during {value}", "'during' before 2 values"),
        ("companies.csv", "Baton Rouge", "Rouge Salem", "each word of a value in one place"),
    ],
)
def test_texts_that_hide_a_fact_are_refused(tmp_path: Path, file: str, old: str, new: str, message: str) -> None:
    folder = tmp_path / "planted"
    shutil.copytree(FOLDER, folder)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(StudyError) as refused:
        read_texts(folder)
    assert message in str(refused.value) and str(folder) in str(refused.value)


def test_the_study_ranks_by_the_truth_of_its_own_model() -> None:
    own = read_yaml(PROJECT / "studies" / "planted.yaml")["models"]["planted"]["planted"]
    ranking = Roles.of(PlantedOptions(**own), TEXTS).ranking()
    assert ranking == read_json(FOLDER / "truth.json")
    scores = [entry["score"] for entry in ranking["head_rankings"]]
    assert scores[:7] == [6, 5, 4, 3, 2, 1, 0] and len(scores) == 24
