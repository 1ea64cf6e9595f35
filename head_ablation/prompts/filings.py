"""Filings: the rows of the ground truth with their texts (of a 10-K filing: its Section 1), given or generated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from head_ablation.common.files import numbered_jsonl
from head_ablation.common.problems import Problem, did_you_mean, refuse
from head_ablation.prompts.evidence import Evidence, Question, read_evidence
from head_ablation.prompts.fact_table import as_fact
from head_ablation.prompts.ground_truth import OF_FILINGS, Fields, read_ground_truth
from head_ablation.prompts.passages import write_passage

FILING_FIELDS = ("filename", "cik", "year", "section_1")


@dataclass(frozen=True)
class Filing:
    """A filing: its row of the ground truth, its Section 1, and what is known of some answers in it, by column."""

    facts: Mapping[str, str]
    passage: str
    evidence: Mapping[str, Evidence] = field(default_factory=dict)


@dataclass(frozen=True)
class FilingsFiles:
    """The files that filings are made from.

    Attributes:
        ground_truth: the CSV or JSONL of facts.
        texts: a JSONL file of filings, which may be the ground truth; None for generated passages.
        evidence: a JSONL file as of `evidence`, or None; generated passages know their own.
    """

    ground_truth: str
    texts: str | None
    evidence: str | None


@dataclass(frozen=True)
class FilingsSettings:
    """What decides filings and split, besides their files; fields as in the config's `filings`.

    Attributes:
        null_values: what stands for an unknown fact in the ground truth.
        absent: `refuse` a filing that has no text, or `leave_out` its samples.
        seed: of split and generated passages.
        split, test_fraction: as `samples.split_companies`.
        questions: question -> its answer column and matcher.
        fields: what the given files call filing, company and text.
    """

    null_values: tuple[str, ...]
    absent: str
    seed: int
    split: str
    test_fraction: float
    questions: Mapping[str, Question]
    fields: Fields = OF_FILINGS


def load_filings(files: FilingsFiles, settings: FilingsSettings) -> list[Filing]:
    """The filings of the ground truth, with the text of their Section 1; no text for those that are absent.

    Raises:
        StudyError: a file is malformed, evidence contradicts text or gold, or filings are absent (to `refuse`).
    """
    columns = [question.column for question in settings.questions.values()]
    rows = read_ground_truth(files.ground_truth, columns, settings.null_values, settings.fields)
    if files.texts is None:
        return _generated_filings(files.ground_truth, rows, settings.seed)
    texts = read_filing_texts(files.texts, [row["filename"] for row in rows], settings.absent, settings.fields)
    filings = {row["filename"]: Filing(row, texts.get(row["filename"], "")) for row in rows}
    if files.evidence is None:
        return list(filings.values())
    facts = {name: filing.facts for name, filing in filings.items()}
    known = read_evidence(files.evidence, facts, texts, settings.questions)
    return [Filing(filing.facts, filing.passage, known.get(name, {})) for name, filing in filings.items()]


def _generated_filings(path: str | Path, rows: Iterable[dict[str, str]], seed: int) -> list[Filing]:
    filings, problems = [], []
    for row in rows:
        try:
            passage = write_passage(row, seed)
            evidence = {column: Evidence(span) for column, span in passage.answer_spans.items()}
            filings.append(Filing(row, passage.text, evidence))
        except ValueError as error:
            problems.append(Problem(path, row["filename"], str(error), "facts as in resources/companies.csv"))
    refuse(problems)
    return filings


def read_filing_texts(
    path: str | Path, filenames: Iterable[str], absent: str = "refuse", names: Fields = OF_FILINGS
) -> dict[str, str]:
    """filename -> text, from JSONL; one that is null is empty.

    Raises:
        StudyError: a field is missing or no text, a filename has two texts, or (to `refuse`) a filing has none.
    """
    texts: dict[str, str] = {}
    lines: dict[str, int] = {}  # filename -> where its text stands
    problems = []
    for number, row in numbered_jsonl(path):
        found = list(_field_problems(path, number, row, names)) or list(
            _second_text(path, number, row, texts, lines, names)
        )
        if not found:
            name, text = _name(row, names), row[names.text] or ""
            if text.strip():
                lines.setdefault(name, number)
            texts[name] = texts.get(name) or (text if text.strip() else "")
        problems += found
    refuse(problems)
    if absent == "refuse":
        refuse(_absent_problems(path, texts, filenames, names))
    return texts


def _name(row: Mapping[str, Any], names: Fields) -> str:
    return (as_fact(row[names.filename]) or "").strip()


def _field_problems(path: str | Path, number: int, row: Mapping[str, Any], names: Fields) -> Iterator[Problem]:
    for name in (names.filename, names.text):
        if name not in row:
            fix = did_you_mean(name, row) + " The config's filings.fields says what the file calls it."
            yield Problem(path, f"line {number}, {name}", "nothing", "this field", fix)
    if names.filename in row and not _name(row, names):
        yield Problem(path, f"line {number}, {names.filename}", repr(row[names.filename]), "the filing's name")
    if not isinstance(row.get(names.text), str | None):
        found = f"{str(row[names.text])[:40]!r}"
        yield Problem(path, f"line {number}, {names.text}", found, "text, or null for none")


def _second_text(
    path: str | Path,
    number: int,
    row: Mapping[str, Any],
    texts: Mapping[str, str],
    lines: Mapping[str, int],
    names: Fields,
) -> Iterator[Problem]:
    name = _name(row, names)
    first, second = texts.get(name, "").strip(), (row[names.text] or "").strip()
    if first and second and first != second:
        found = f"'{name}' once more, with another text than in line {lines[name]}"
        yield Problem(path, f"line {number}, {names.filename}", found, "one text for each filing")


def _absent_problems(
    path: str | Path, texts: Mapping[str, str], filenames: Iterable[str], names: Fields
) -> Iterator[Problem]:
    for name in filenames:
        if not texts.get(name, "").strip():
            found = f"an empty {names.text} of '{name}'" if name in texts else f"no '{name}'"
            wanted = "the text of every filing of the ground truth"
            yield Problem(path, names.filename, found, wanted, "Or set filings.absent: leave_out.")
