"""Samples: one question about one filing, with its gold answer, split into train and test by company."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from head_ablation.common.files import sha256_text
from head_ablation.prompts.evidence import Evidence
from head_ablation.prompts.filings import Filing, FilingsFiles, FilingsSettings, load_filings
from head_ablation.prompts.matchers import MATCHERS
from head_ablation.prompts.matchers.matcher import Matcher


@dataclass(frozen=True)
class Sample:
    """One question about one filing.

    Attributes:
        filename: the filing.
        company: its company (the cik); answers of one company are not independent.
        passage: the needle, Section 1 of the filing.
        gold: the true answer, as the ground truth has it.
        answer_span: character span of the answer in the passage; None if it is not stated there.
        alternatives: other answers that are right.
        ambiguous: whether the passage allows another reading.
    """

    filename: str
    company: str
    passage: str
    gold: str
    answer_span: tuple[int, int] | None
    alternatives: tuple[str, ...] = ()
    ambiguous: bool = False

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Sample:
        """From a line of a samples file."""
        span = row["answer_span"]
        tuples = {"answer_span": tuple(span) if span else None, "alternatives": tuple(row["alternatives"])}
        return cls(**{**row, **tuples})

    def to_json(self) -> dict[str, Any]:
        """A line of a samples file."""
        return asdict(self)


@dataclass(frozen=True)
class SampleSettings:
    """What decides the samples of one question, besides the files of filings."""

    filings: FilingsSettings
    column: str
    matcher: str


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
    """The filings of a study and the companies of each split; errors as `load_filings`."""
    filings = load_filings(files, settings)
    facts = [filing.facts for filing in filings]
    return filings, split_companies(facts, settings.seed, settings.test_fraction, settings.split)


def split_samples(
    filings: Iterable[Filing], companies: Mapping[str, set[str]], column: str, matcher: str
) -> dict[str, list[Sample]]:
    """The samples of one question, by split."""
    samples = build_samples(filings, column, matcher)
    return {split: [s for s in samples if s.company in chosen] for split, chosen in companies.items()}


def build_samples(filings: Iterable[Filing], column: str, matcher_name: str) -> list[Sample]:
    """The filings that have a text and a gold answer in `column`, as samples, in ground-truth order."""
    matcher = MATCHERS[matcher_name]
    return [
        _sample(filing, filing.facts[column], filing.evidence.get(column, Evidence()), matcher)
        for filing in filings
        if filing.facts[column] and filing.passage.strip()
    ]


def _sample(filing: Filing, gold: str, evidence: Evidence, matcher: Matcher) -> Sample:
    return Sample(
        filename=filing.facts["filename"],
        company=filing.facts["cik"],
        passage=filing.passage,
        gold=gold,
        answer_span=_answer_span(filing.passage, gold, evidence.span, matcher),
        alternatives=evidence.alternatives,
        ambiguous=evidence.ambiguous,
    )


def _answer_span(passage: str, gold: str, known: tuple[int, int] | None, matcher: Matcher) -> tuple[int, int] | None:
    """The answer within its evidence; else its first mention, which may be another fact of equal value."""
    start, end = known or (0, len(passage))
    within = matcher.find(passage[start:end], gold)
    return (start + within[0], start + within[1]) if within else known


def left_out(filings: Iterable[Filing], column: str) -> list[str]:
    """The filings that have a gold answer in `column`, but no text to find it in."""
    return [filing.facts["filename"] for filing in filings if filing.facts[column] and not filing.passage.strip()]
