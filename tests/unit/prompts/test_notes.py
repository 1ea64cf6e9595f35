"""What should be known before a result is believed is said by filename: in the log, and in the samples' index."""

import csv
import json
import subprocess
import sys

import pytest
from project import PROJECT

from head_ablation.common.settings import to_text
from head_ablation.prompts.evidence import Question
from head_ablation.prompts.filings import FilingsSettings
from head_ablation.prompts.notes import answer_notes, prompt_notes, sample_notes
from head_ablation.prompts.prompt import Prompt
from head_ablation.prompts.samples import Sample, SampleSettings


def samples(count, missing=(), companies=None):
    return [
        Sample(f"{n}.txt", str(n % (companies or count)), "In 1929.", "1929", None if n in missing else (3, 7))
        for n in range(count)
    ]


def test_filings_without_their_gold_value_are_named_with_it():
    (note,) = sample_notes({"train": samples(12, missing=(3, 7)), "test": samples(10)})
    assert note == "2 of 12 train filings do not contain their gold value: 3.txt ('1929'), 7.txt ('1929')"
    assert sample_notes({"train": samples(12), "test": samples(10)}) == []  # negative control


def test_few_test_companies_are_told():
    (note,) = sample_notes({"train": [], "test": samples(20, companies=9)})
    assert "answers of 9 companies only" in note
    assert sample_notes({"train": samples(3), "test": samples(20, companies=10)}) == []


@pytest.mark.parametrize(("missing", "many"), [((1, 2), False), ((1, 2, 3), True)])
def test_many_unanswerable_samples_are_told(missing, many):
    (note,) = sample_notes({"train": [], "test": samples(10, missing=missing)})
    assert ("so many: check the column" in note) is many


def test_prompts_without_their_answer_are_named_by_reason():
    reasons = ["", "cut off", "", "not stated", "cut off"]
    spans = [(0, 1) if not reason else None for reason in reasons]
    prompts = [Prompt(f"{n}.txt", "1", "1929", [1, 2], (0, 2), spans[n], reason) for n, reason in enumerate(reasons)]
    first, second = prompt_notes(prompts)
    assert first == "1 of 5 prompts do not hold their answer (not stated): 3.txt"
    assert second.startswith("2 of 5 prompts do not hold their answer (cut off): 1.txt, 4.txt; so many")


def test_empty_answers_are_named_and_ask_for_a_stem():
    (note,) = answer_notes({"1.txt": " 1929\n", "2.txt": "\n\n", "3.txt": ""}, "smollm2", "inc_year")
    assert note.startswith("2 of 3 answers of the baseline are empty: 2.txt, 3.txt; ")
    assert note.endswith("models.smollm2.prompt.stems.inc_year")
    assert answer_notes({"1.txt": "\n1929"}, "smollm2", "inc_year") == []


def test_the_job_writes_the_notes_into_the_log_and_the_index(tmp_path):
    with (tmp_path / "truth.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["filename", "cik", "year"], *([f"{n}.txt", n, 1900 + n] for n in range(30))])
    rows = [
        {"filename": f"{n}.txt", "cik": n, "year": 1993, "section_1": "None." if n == 4 else f"Since {1900 + n}."}
        for n in range(30)
    ]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    filings = FilingsSettings((), "refuse", 0, "hash", 0.2, {"mine": Question("year", "year")})
    outputs = {name: tmp_path / f"{name}.jsonl" for name in ("train", "test")} | {"output": tmp_path / "index.json"}
    made = subprocess.run(
        [sys.executable, "scripts/make_samples.py", "--settings", to_text(SampleSettings(filings, "year", "year"))]
        + ["--ground-truth", str(tmp_path / "truth.csv"), "--texts", str(tmp_path / "texts.jsonl")]
        + [part for name, path in outputs.items() for part in (f"--{name}", str(path))],
        cwd=PROJECT,
        env={"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    index = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))
    assert (index["left_out"], index["not_stated"], index["ambiguous"]) == ([], ["4.txt"], [])
    assert "4.txt ('1904')" in index["notes"][0] and "companies only" in index["notes"][1]
    assert made.stderr.splitlines() == [f"warning: {note}" for note in index["notes"]]
