"""Evidence: where the answers stand in given filings, and which other answers their texts allow.

A JSONL file with a line per filing: `{"filename": ..., "answers": {question: {...} or null}}`. An answer's fields are
all optional:

    value           the answer; must agree with the ground truth
    evidence        the character span [start, end) that states it
    ambiguous       true if the text allows another reading; such samples are counted apart
    alternatives    a list of other answers that are right
    other_evidence  a list of spans that state the answer or an alternative; they are checked, and used for nothing else
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from head_ablation.common.files import numbered_jsonl
from head_ablation.common.problems import SHOWN as LISTED
from head_ablation.common.problems import Problem, did_you_mean, refuse
from head_ablation.prompts.matchers import MATCHERS
from head_ablation.prompts.matchers.matcher import Matcher

Span = tuple[int, int]
SHOWN = 60  # characters of a wrong value that a message shows


@dataclass(frozen=True)
class Question:
    """A question's column in the ground truth, and its matcher."""

    column: str
    matcher: str


@dataclass(frozen=True)
class Evidence:
    """What is known of one answer in one filing.

    Attributes:
        span: the characters [start, end) that state it; None if that is not known.
        alternatives: other answers that are right.
        ambiguous: whether the text allows another reading.
    """

    span: Span | None = None
    alternatives: tuple[str, ...] = ()
    ambiguous: bool = False


@dataclass(frozen=True)
class _Claim:
    """What the file says about one answer, and what it is held against.

    Attributes:
        file, place: of the answer, for messages.
        content: of the file, as it is.
        gold: the true answer, empty if it is not known.
        text: the filing's text, empty if there is none.
        matcher: the question's.
    """

    file: str | Path
    place: str
    content: Any
    gold: str
    text: str
    matcher: Matcher

    def problems(self) -> list[Problem]:
        """What is wrong with it: with its form, or else with what it says."""
        if not isinstance(self.content, dict):
            wanted = f"null, or fields such as {', '.join(FIELDS)}"
            return [Problem(self.file, self.place, _shown(self.content), wanted)]
        form = [*self._misspelled(), *self._malformed()]
        return form or [*self._values_of_another_kind()] or [*self._contradiction(), *self._wrong_spans()]

    def evidence(self) -> Evidence:
        """The evidence, of a claim without problems."""
        span = self.content.get("evidence")
        alternatives = tuple(self._alternatives())
        return Evidence(tuple(span) if span else None, alternatives, bool(self.content.get("ambiguous")))

    def _problem(self, field: str, found: object, expected: str) -> Problem:
        return Problem(self.file, f"{self.place}, {field}", found, expected)

    def _misspelled(self) -> Iterator[Problem]:
        for name in self.content:
            near = difflib.get_close_matches(name, FIELDS, n=1)
            if near and name not in FIELDS:
                yield self._problem(name, "an unknown field", f"'{near[0]}'")

    def _malformed(self) -> Iterator[Problem]:
        for name, (fits, wanted) in _FORMS.items():
            value = self.content.get(name)
            if value is not None and not fits(value):
                yield self._problem(name, _shown(value), wanted)

    def _values_of_another_kind(self) -> Iterator[Problem]:
        value = self.content.get("value")
        named = {} if value is None else {"value": str(value)}
        named |= {f"alternatives[{place}]": one for place, one in enumerate(self._alternatives())}
        for name, one in named.items():
            if not self._values(one):
                yield self._problem(name, f"'{one}'", self.matcher.expected)

    def _contradiction(self) -> Iterator[Problem]:
        value = self.content.get("value")
        if value is not None and self.gold and not self._values(str(value)) & self._values(self.gold):
            yield self._problem("value", f"'{value}'", f"'{self.gold}', as in the ground truth")

    def _wrong_spans(self) -> Iterator[Problem]:
        """Spans beyond the text, and those that do not state the answer."""
        spans = {"evidence": span} if (span := self.content.get("evidence")) else {}
        spans |= {f"other_evidence[{n}]": span for n, span in enumerate(self.content.get("other_evidence") or [])}
        for name, (start, end) in spans.items() if self.text else ():
            stated = [self.gold] if name == "evidence" else [self.gold, *self._alternatives()]
            if not 0 <= start < end <= len(self.text):
                yield self._problem(name, [start, end], f"a span within the text's {len(self.text)} characters")
            elif self.gold and not any(self.matcher.find(self.text[start:end], one) for one in stated):
                yield self._problem(name, _shown(self.text[start:end]), f"characters that state '{self.gold}'")

    def _alternatives(self) -> list[str]:
        return [str(one) for one in self.content.get("alternatives") or []]

    def _values(self, written: str) -> set[str]:
        try:
            return set(self.matcher.gold_values(written))
        except ValueError:
            return set()


def _is_value(content: Any) -> bool:
    return isinstance(content, str | int | float) and not isinstance(content, bool)


def _is_span(content: Any) -> bool:
    return isinstance(content, list) and [type(place) for place in content] == [int, int]


def _is_list_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda content: isinstance(content, list) and all(map(fits, content))


_FORMS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "value": (_is_value, "one text or number"),
    "evidence": (_is_span, "two whole numbers, [start, end)"),
    "ambiguous": (lambda content: isinstance(content, bool), "true or false"),
    "alternatives": (_is_list_of(_is_value), "a list of texts or numbers"),
    "other_evidence": (_is_list_of(_is_span), "a list of [start, end)"),
}
FIELDS = tuple(_FORMS)


def read_evidence(
    path: str | Path,
    facts: Mapping[str, Mapping[str, str]],
    texts: Mapping[str, str],
    questions: Mapping[str, Question],
) -> dict[str, dict[str, Evidence]]:
    """filename -> column -> evidence, held against texts and golds. Answers to other questions are passed over.

    Args:
        path: the JSONL file.
        facts: filename -> its row of the ground truth.
        texts: filename -> its text.
        questions: those of the study.

    Raises:
        StudyError: with everything that is wrong in the file.
    """
    found: dict[str, dict[str, Evidence]] = {}
    problems: list[Problem] = []
    names, lines = {*facts, *texts}, dict[str, int]()
    for number, row in numbered_jsonl(path):
        line = f"line {number}"
        wrong = list(_row_problems(path, line, row, names, lines, len(problems) < LISTED))
        if not wrong:
            name = row["filename"]
            claims = _claims(path, line, row, facts.get(name, {}), texts.get(name, ""), questions)
            wrong = [problem for claim in claims.values() for problem in claim.problems()]
            found[name] = {} if wrong else {column: claim.evidence() for column, claim in claims.items()}
            lines[name] = number
        problems += wrong
    refuse(problems)
    return found


def _claims(
    path: str | Path,
    line: str,
    row: Mapping[str, Any],
    facts: Mapping[str, str],
    text: str,
    questions: Mapping[str, Question],
) -> dict[str, _Claim]:
    """What a line claims about the study's questions, by column."""
    return {
        asked.column: _Claim(
            file=path,
            place=f"{line}, {row['filename']}, {key}",
            content=row["answers"][key],
            gold=facts.get(asked.column, ""),
            text=text if text.strip() else "",
            matcher=MATCHERS[asked.matcher],
        )
        for key, asked in questions.items()
        if row["answers"].get(key) is not None
    }


def _row_problems(
    path: str | Path,
    line: str,
    row: Mapping[str, Any],
    known: Collection[str],
    before: Mapping[str, int],
    hinting: bool,
) -> Iterator[Problem]:
    """What is wrong with a line. The nearest name is looked for only if `hinting`: among many it takes long."""
    if not isinstance(row.get("filename"), str) or not isinstance(row.get("answers"), dict):
        yield Problem(path, line, f"the keys {', '.join(row)}", "filename (text), and answers by question")
    elif row["filename"] not in known:
        wanted = "a filing of the ground truth or of the texts"
        hint = did_you_mean(row["filename"], known) if hinting else ""
        yield Problem(path, f"{line}, filename", f"'{row['filename']}'", wanted, hint)
    elif row["filename"] in before:
        found = f"'{row['filename']}' more than once, first in line {before[row['filename']]}"
        yield Problem(path, f"{line}, filename", found, "each filing once")


def _shown(content: Any) -> str:
    """Some content as it stands in a message: in one line, not too long."""
    text = " ".join(str(content).split())
    return f"'{text}'" if len(text) <= SHOWN else f"'{text[:SHOWN]}...'"
