"""Studies of seconds: made-up filings, two questions, and rankings that are given or detected.

With given rankings the model is a random one of 8 layers x 16 heads; to detect takes a model that answers, SmolLM2.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from checkouts import Checkout
from tiny_llama import save_tiny_llama

LAYERS, HEADS, COMPANIES = 8, 16, 24
QUESTIONS = ("inc_state", "inc_year")
COLUMNS = ("original_Inc_state_truth", "original_Inc_year_truth")
STATES = ("Ohio", "Texas", "Nevada", "Utah")
VARYING = ("logs", "benchmarks", "report.html")  # the page tells times and machines
UNKNOWN = "6_1993.txt"  # of a company in the test set; its year is not known, at first


@dataclass(frozen=True)
class TinyStudy:
    """A study in a checkout; its inputs are in `own/`.

    Attributes:
        checkout: where it is.
        tokens: the prompt length.
        rankings: pattern of the ranking files that a test may edit.
    """

    checkout: Checkout
    tokens: int
    rankings: str

    @property
    def _config_file(self) -> Path:
        return self.checkout.folder / self.checkout.config

    def configure(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Changes the config file."""
        config = yaml.safe_load(self._config_file.read_text())
        change(config)
        self._config_file.write_text(yaml.safe_dump(config))

    def path(self, *names: str) -> Path:
        """A path below `own/`."""
        return self.checkout.folder.joinpath("own", *names)

    def ranking(self, question: str) -> Path:
        """A question's ranking file."""
        return self.checkout.folder / self.rankings.format(question=question)

    def edit_ranking(self, question: str, change: Callable[[list[dict[str, Any]]], Any], **how: Any) -> None:
        """Changes the entries of a ranking file and writes it, ranks and scores in order again."""
        content = json.loads(self.ranking(question).read_text())
        scores = [entry["score"] for entry in content["head_rankings"]]
        change(content["head_rankings"])
        for rank, (entry, score) in enumerate(zip(content["head_rankings"], scores, strict=True), start=1):
            entry.update(rank=rank, score=score)
        self.ranking(question).write_text(json.dumps(content, **how))


def tiny_study(checkout: Checkout, name: str = "tiny") -> TinyStudy:
    """The study with given rankings, which is written already."""
    return TinyStudy(replace(checkout, config=f"studies/{name}.yaml", study=name), 400, "own/rankings/{question}.json")


def write_tiny_study(checkout: Checkout, name: str = "tiny") -> TinyStudy:
    """Writes the study with given rankings."""
    study = tiny_study(checkout, name)
    save_tiny_llama(study.path("model"), layers=LAYERS, heads=HEADS)
    for question in QUESTIONS:
        _write_ranking(study, question)
    model = {"source": "own/model", "device": "cpu", "batch_size": 4}
    own = {"models": {"tiny_model": model}, "rankings": {"given": study.rankings}, "levels": [10, 20, 30, 40]}
    _write_study(study, own, COMPANIES)
    return study


def write_detected_study(checkout: Checkout, name: str = "detected") -> TinyStudy:
    """The study with rankings detected in its own DAG."""
    rankings = f"results/{name}/rankings/wu24/smollm2/{{question}}/tokens_128.json"
    study = TinyStudy(replace(checkout, config=f"studies/{name}.yaml", study=name), 128, rankings)
    stems = {"inc_state": "Answer: Incorporated in the State of", "inc_year": "Answer: Incorporated in the year"}
    model = {"source": "embedded", "batch_size": 4, "prompt": {"stems": stems}}
    own = {"models": {"smollm2": model}, "rankings": {"wu24": "detect"}, "levels": [30, 40]}
    _write_study(study, {**own, "detection": {"prompts": 4}}, COMPANIES // 2)
    return study


def products(study: TinyStudy) -> dict[str, bytes]:
    """Every file that a study makes and that is the same in each run, by its path."""
    folder = study.checkout.results()
    files = [path for path in folder.rglob("*") if path.is_file() and path.relative_to(folder).parts[0] not in VARYING]
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in files
        if not path.name.startswith(".") and "provenance" not in path.name and path.parent.name != ".lineage"
    }


def generations(study: TinyStudy) -> dict[str, bytes]:
    """Every generation file of a study, by its path below `generations/`."""
    folder = study.checkout.results("generations")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("[!.]*.json")
        if "provenance" not in path.name and path.parent.name != ".lineage"
    }


def stored(checkout: Checkout) -> dict[str, int]:
    """The store's entries and their inodes: a result that is computed again is another file."""
    entries = (checkout.folder / "results" / "store" / "entries").glob("*/[!.]*.json")
    return {path.name: path.stat().st_ino for path in entries}


def unlock(checkout: Checkout) -> None:
    """As Snakemake tells the user to do after a kill."""
    if any((checkout.folder / ".snakemake" / "locks").glob("*")):
        checkout.snakemake("--unlock")


def _write_study(study: TinyStudy, own: dict[str, Any], companies: int) -> None:
    study.path().mkdir(exist_ok=True)
    _write_filings(study, companies)
    config = {
        "study": study.checkout.study,
        "questions": {question: {} for question in QUESTIONS},
        "filings": {"ground_truth": "own/truth.csv", "section_1": "own/filings.jsonl", "test_fraction": 0.4},
        "tokens": [study.tokens],
        "figures": ["figure8_by_question"],  # drawing is what takes longest in studies so small
        **own,
    }
    study.checkout.folder.joinpath(study.checkout.config).write_text(yaml.safe_dump(config))


def _write_filings(study: TinyStudy, companies: int) -> None:
    facts = {f"{n}_1993.txt": (STATES[n % 4], str(1900 + n)) for n in range(companies)}
    with study.path("truth.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["filename", "cik", *COLUMNS])
        for filename, (state, year) in facts.items():
            table.writerow([filename, filename[:-9], state, "" if filename == UNKNOWN else year])
    text = "The Company was incorporated in the State of {} in the year {}."
    filings = [
        {"filename": filename, "cik": filename[:-9], "year": "1993", "section_1": text.format(*values)}
        for filename, values in facts.items()
    ]
    study.path("filings.jsonl").write_text("".join(json.dumps(filing) + "\n" for filing in filings))


def _write_ranking(study: TinyStudy, question: str) -> None:
    heads = [f"L{layer}H{head}" for layer in range(LAYERS) for head in range(HEADS)]
    random.Random(question).shuffle(heads)
    entries = [{"head": head, "score": 1 - n / 200, "rank": n + 1} for n, head in enumerate(heads[:80])]
    study.ranking(question).parent.mkdir(exist_ok=True)
    study.ranking(question).write_text(json.dumps({"question": question, "head_rankings": entries}))
