"""A small good study, all inputs written: what a test spoils in one place."""

import csv
import json

from byte_tokenizer import save_byte_tokenizer
from project import PROJECT

STATE, YEAR = "original_Inc_state_truth", "original_Inc_year_truth"
TOKENS, LAYERS, HEADS, POSITIONS = 96, 4, 8, 512


def write_inputs(folder):
    """A model folder, filings, rankings, filler: all that a study reads. Returns the study's config."""
    model = save_byte_tokenizer(folder / "model")
    shape = {"num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "max_position_embeddings": POSITIONS}
    (model / "config.json").write_text(json.dumps(shape), encoding="utf-8")
    (model / "model.safetensors").write_bytes(b"never read here")
    with (folder / "truth.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["filename", "cik", "year", STATE, YEAR])
        table.writerows([f"{n}_1993.txt", n, 1993, "Ohio", 1900 + n] for n in range(1, 21))
    filings = [
        {"filename": f"{n}_1993.txt", "cik": str(n), "year": "1993", "section_1": f"Founded in Ohio in {1900 + n}."}
        for n in range(1, 21)
    ]
    write_lines(folder / "filings.jsonl", filings)
    write_lines(folder / "evidence.jsonl", [])
    (folder / "filler.txt").write_text("A river in flat country is never in a hurry.", encoding="utf-8")
    for question in ("inc_state", "inc_year"):
        write_ranking(folder, question)
    return {
        "study": "bad_input",
        "models": {"tiny": {"source": str(model), "device": "cpu"}},
        "question_bank": str(PROJECT / "resources" / "questions.yaml"),
        "questions": {"inc_state": {}, "inc_year": {}},
        "tokens": [TOKENS],
        "filings": {
            "ground_truth": str(folder / "truth.csv"),
            "section_1": str(folder / "filings.jsonl"),
            "evidence": str(folder / "evidence.jsonl"),
        },
        "prompt": {"filler": str(folder / "filler.txt")},
        "rankings": {
            "wu24": f"{folder}/rankings/{{question}}/tokens_{{tokens}}.json",
            "found": {"detector": "copy_score"},
        },
        "levels": [2, 5],
        "arms": {"random": {"exclude_top": 5}},
    }


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_ranking(folder, question, **changes):
    entries = [{"head": f"L{n % LAYERS}H{n // LAYERS}", "score": 1 - n / 10, "rank": n + 1} for n in range(6)]
    content = {"model_key": "tiny", "question": question, "total_tokens": TOKENS, "head_rankings": entries}
    file = folder / "rankings" / question / f"tokens_{TOKENS}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content | changes), encoding="utf-8")
