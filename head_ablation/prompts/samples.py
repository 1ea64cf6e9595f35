"""Samples: one question about one filing, with its gold answer, split into train and test by company."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from head_ablation.common.files import read_jsonl, sha256_text
from head_ablation.common.problems import Problem, StudyError, did_you_mean, refuse
from head_ablation.prompts.matchers import MATCHERS
from head_ablation.prompts.matchers.matcher import Matcher
from head_ablation.prompts.passages import write_passage

NULL_VALUES = ("NULL",)
GENERATED = "generated"
FILING_FIELDS = ("filename", "cik", "year", "section_1")


@dataclass(frozen=True)
class Sample:
    """One question about one filing.

    Attributes:
        filename: the filing.
        company: its company (the cik); answers of one company are not independent.
        passage: the needle, Section 1 of the filing.
        gold: the true answer, as the ground truth has it.
        answer_span: character span of the answer in the passage; None if it is not stated there.
    """

    filename: str
    company: str
    passage: str
    gold: str
    answer_span: tuple[int, int] | None

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Sample:
        """From a line of a samples file."""
        span = row["answer_span"]
        return cls(**{**row, "answer_span": tuple(span) if span else None})

    def to_json(self) -> dict[str, Any]:
        """A line of a samples file."""
        return asdict(self)


@dataclass(frozen=True)
class Filing:
    """A filing: its row of the ground truth, its Section 1, and where some facts are known to stand in it."""

    facts: Mapping[str, str]
    passage: str
    answer_spans: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class FilingsFiles:
    """The files that filings are made from.

    Attributes:
        ground_truth: the CSV of facts.
        texts: a JSONL file of filings; None for generated passages.
        evidence: a JSONL file with the character spans of the answers, or None.
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
        split, test_fraction: as `split_companies`.
        columns: question -> its answer column.
    """

    null_values: tuple[str, ...]
    absent: str
    seed: int
    split: str
    test_fraction: float
    columns: Mapping[str, str]


@dataclass(frozen=True)
class SampleSettings:
    """What decides the samples of one question, besides the files of filings."""

    filings: FilingsSettings
    column: str
    matcher: str


def read_ground_truth(
    path: str | Path, columns: Iterable[str], null_values: Sequence[str] = NULL_VALUES
) -> list[dict[str, str]]:
    """The rows of a ground-truth CSV, values stripped, unknown ones empty.

    Args:
        path: the CSV; must have `filename`, `cik` and `columns`.
        columns: the answer columns that the questions need.
        null_values: what stands for a fact that is not known.

    Raises:
        StudyError: the file or a column is missing, or a filename repeats.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = [{key: _known(value, null_values) for key, value in row.items() if key} for row in reader]
            header = reader.fieldnames or []
    except OSError as error:
        raise StudyError([Problem(path, "file", error.strerror, "a readable CSV")]) from None
    except UnicodeDecodeError as error:
        raise StudyError([Problem(path, "file", f"no UTF-8 ({error})", "a CSV in UTF-8")]) from None
    needed = ["filename", "cik", *columns]
    missing = [column for column in needed if column not in header]
    refuse(
        Problem(path, column, "no such column", "this column", did_you_mean(column, header))
        for column in dict.fromkeys(missing)
    )
    names = [row["filename"] for row in rows]
    repeated = sorted({name for name in names if names.count(name) > 1})
    refuse(Problem(path, "filename", f"'{name}' more than once", "each filing once") for name in repeated)
    return rows


def _known(value: str | None, null_values: Sequence[str]) -> str:
    stripped = (value or "").strip()
    return "" if stripped in null_values else stripped


def ground_truth_problems(path: str | Path, rows: list[dict[str, str]], column: str, matcher: str) -> list[Problem]:
    """Every value of `column` that is not of the matcher's kind, and a column without any value."""
    answered = [row for row in rows if row[column]]
    if not answered:
        return [Problem(path, column, "no value in any row", "an answer in some rows")]
    problems = []
    for row in answered:
        try:
            MATCHERS[matcher].gold_values(row[column])
        except ValueError as error:
            found, expected = str(error).removeprefix("found ").split("; expected ")
            problems.append(Problem(path, f"{row['filename']}, {column}", found, expected))
    return problems


def split_companies(
    rows: Iterable[Mapping[str, str]], seed: int, test_fraction: float, split: str = "hash"
) -> dict[str, set[str]]:
    """The companies of `train` and of `test`.

    Args:
        rows: filings with their `cik`.
        seed: of the split.
        test_fraction: share of the companies that is the test set.
        split: `hash` (a company's place follows from its cik and the seed alone, so that another company moves no
            other; the share is met on average) or `published` (the published study's: shuffle the companies in row
            order, the first part is the test set; with one filing a company, seed 42 and 0.2 it is that study's).
    """
    companies = list(dict.fromkeys(row["cik"] for row in rows))
    test = SPLITS[split](companies, seed, test_fraction)
    return {"train": set(companies) - test, "test": test}


def _hash_split(companies: list[str], seed: int, test_fraction: float) -> set[str]:
    return {company for company in companies if int(sha256_text(f"{seed}:{company}"), 16) < test_fraction * 2**256}


def _published_split(companies: list[str], seed: int, test_fraction: float) -> set[str]:
    random.Random(seed).shuffle(companies)
    return set(companies[: int(test_fraction * len(companies))])


SPLITS = {"hash": _hash_split, "published": _published_split}


def load_split_filings(files: FilingsFiles, settings: FilingsSettings) -> tuple[list[Filing], dict[str, set[str]]]:
    """The filings of a study and the companies of each split."""
    filings = load_filings(
        files.ground_truth,
        files.texts or GENERATED,
        files.evidence,
        settings.columns,
        settings.seed,
        settings.absent,
        settings.null_values,
    )
    facts = [filing.facts for filing in filings]
    return filings, split_companies(facts, settings.seed, settings.test_fraction, settings.split)


def split_samples(
    filings: Iterable[Filing], companies: Mapping[str, set[str]], column: str, matcher: str
) -> dict[str, list[Sample]]:
    """The samples of one question, by split."""
    samples = build_samples(filings, column, matcher)
    return {split: [s for s in samples if s.company in chosen] for split, chosen in companies.items()}


def load_filings(
    ground_truth: str | Path,
    section_1: str,
    evidence: str | None,
    columns: Mapping[str, str],
    seed: int,
    absent: str = "refuse",
    null_values: Sequence[str] = NULL_VALUES,
) -> list[Filing]:
    """The filings of the ground truth, with the text of their Section 1; no text for those that are absent.

    Args:
        ground_truth: the CSV of facts.
        section_1: `generated` (passages written from the facts) or a JSONL file of filings.
        evidence: a JSONL file with the character spans of the answers, or None.
        columns: question -> its answer column.
        seed: of the generated passages.
        absent: `refuse` a filing that has no text, or `leave_out` its samples.
        null_values: what stands for an unknown fact in the ground truth.
    """
    rows = read_ground_truth(ground_truth, columns.values(), null_values)
    if section_1 == GENERATED:
        return _generated_filings(ground_truth, rows, seed)
    texts = read_filing_texts(section_1, [row["filename"] for row in rows], absent)
    spans = _read_evidence(evidence, columns) if evidence else {}
    return [Filing(row, texts.get(row["filename"], ""), spans.get(row["filename"], {})) for row in rows]


def _generated_filings(path: str | Path, rows: Iterable[dict[str, str]], seed: int) -> list[Filing]:
    filings, problems = [], []
    for row in rows:
        try:
            passage = write_passage(row, seed)
            filings.append(Filing(row, passage.text, passage.answer_spans))
        except ValueError as error:
            problems.append(Problem(path, row["filename"], str(error), "facts as in resources/companies.csv"))
    refuse(problems)
    return filings


def read_filing_texts(path: str | Path, filenames: Iterable[str], absent: str = "refuse") -> dict[str, str]:
    """filename -> Section 1, from JSONL; StudyError for a missing field, or (to `refuse`) a filing without text."""
    texts: dict[str, str] = {}
    problems = []
    for number, row in enumerate(read_jsonl(path), start=1):
        missing = [field for field in FILING_FIELDS if field not in row]
        problems += [Problem(path, f"line {number}, {f}", "nothing", "this field") for f in missing]
        if not missing:
            texts[row["filename"]] = row["section_1"]
    refuse(problems)
    if absent == "refuse":
        refuse(_absent_problems(path, texts, filenames))
    return texts


def _absent_problems(path: str | Path, texts: Mapping[str, str], filenames: Iterable[str]) -> Iterator[Problem]:
    for name in filenames:
        if not texts.get(name, "").strip():
            found = f"an empty section_1 of '{name}'" if name in texts else f"no '{name}'"
            wanted = "the text of every filing of the ground truth"
            yield Problem(path, "filename", found, wanted, "Or set filings.absent: leave_out.")


def _read_evidence(path: str | Path, columns: Mapping[str, str]) -> dict[str, dict[str, tuple[int, int]]]:
    spans: dict[str, dict[str, tuple[int, int]]] = {}
    for number, row in enumerate(read_jsonl(path), start=1):
        if "filename" not in row or not isinstance(row.get("answers"), dict):
            found = f"the keys {', '.join(row)}"
            raise StudyError([Problem(path, f"line {number}", found, "filename, and answers by question")])
        answers = {question: a for question, a in row["answers"].items() if a and a.get("evidence")}
        spans[row["filename"]] = {
            columns[question]: tuple(answer["evidence"]) for question, answer in answers.items() if question in columns
        }
    return spans


def build_samples(filings: Iterable[Filing], column: str, matcher_name: str) -> list[Sample]:
    """The filings that have a text and a gold answer in `column`, as samples, in ground-truth order."""
    matcher = MATCHERS[matcher_name]
    return [
        Sample(
            filename=filing.facts["filename"],
            company=filing.facts["cik"],
            passage=filing.passage,
            gold=filing.facts[column],
            answer_span=_answer_span(filing, column, matcher),
        )
        for filing in filings
        if filing.facts[column] and filing.passage.strip()
    ]


def left_out(filings: Iterable[Filing], column: str) -> list[str]:
    """The filings that have a gold answer in `column`, but no text to find it in."""
    return [filing.facts["filename"] for filing in filings if filing.facts[column] and not filing.passage.strip()]


def _answer_span(filing: Filing, column: str, matcher: Matcher) -> tuple[int, int] | None:
    """The known place of the answer; else its first mention, which may be another fact of equal value."""
    known = filing.answer_spans.get(column)
    if known is None:
        return matcher.find(filing.passage, filing.facts[column])
    within = matcher.find(filing.passage[slice(*known)], filing.facts[column])
    start, _ = known
    return (start + within[0], start + within[1]) if within else known
