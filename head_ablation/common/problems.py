"""Errors for the person who made the mistake: file, field, found, expected, fix, all problems at once."""

from __future__ import annotations

import difflib
import errno
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

RESUME = "run again: what is finished is kept"
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)
SHOWN = 10  # problems of a kind that a message lists; the others are counted
ERROR, WARNING = "error: ", "warning: "  # what begins so in a job's log is shown when the workflow ends
LONG = 300  # characters of a found value that are shown


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an input."""

    file: str | Path
    field: str
    found: object
    expected: str
    fix: str = ""

    def __str__(self) -> str:
        text = f"{self.file}: {self.field}: found {_short(str(self.found))}; expected {self.expected}"
        return _printable(f"{text}. {self.fix}" if self.fix else text)

    @property
    def kind(self) -> tuple[str, str]:
        """The same for problems that differ only in their file, in numbers, or in what was found."""
        field, expected = (re.sub(r"\d+(\.\d+)?", "*", text) for text in (self.field, self.expected))
        return field, expected


def _printable(text: str) -> str:
    """The text with escapes for half characters and control characters, which a terminal or a log cannot show."""
    whole = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda match: f"\\x{ord(match[0]):02x}", whole)


def _short(text: str) -> str:
    return text if len(text) <= LONG else f"{text[:LONG]}... ({len(text):,} characters)"


class StudyError(Exception):
    """The study cannot go on; the message is meant for the researcher, not for a traceback."""

    def __init__(self, problems: Iterable[Problem] | str):
        if isinstance(problems, str):
            message, self.problems = problems, []
        else:
            self.problems = list(problems)
            message = "\n".join(f"- {line}" for line in _listed(self.problems))
        super().__init__(message)


def _listed(problems: Iterable[Problem]) -> Iterator[str]:
    """A line for each problem; of a kind with many, the first ones and how many more there are."""
    problems = list(problems)
    number, listed = Counter(problem.kind for problem in problems), Counter[tuple[str, str]]()
    for problem in problems:
        listed[problem.kind] += 1
        if listed[problem.kind] <= SHOWN:
            yield str(problem)
        elif listed[problem.kind] == number[problem.kind]:
            yield f"and {number[problem.kind] - SHOWN} more like this, up to {problem.file}: {problem.field}"


def some(items: Iterable[object]) -> str:
    """A list in words: the first ones, and how many more there are."""
    items = list(items)
    rest = len(items) - SHOWN
    return ", ".join(map(str, items[:SHOWN])) + (f" and {rest} more" if rest > 0 else "")


class OutOfMemoryError(StudyError):
    """A GPU or the machine has no memory left for this model and batch."""


def refuse(problems: Iterable[Problem]) -> None:
    """Raises one StudyError with all `problems`, if there are any."""
    problems = list(problems)
    if problems:
        raise StudyError(problems)


def warn(*messages: str) -> None:
    """Says in the log what a reader of the results should know, a line each; the workflow shows it when it ends."""
    for message in messages:
        print(f"{WARNING}{message}", file=sys.stderr, flush=True)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, or all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1)
    return f"Did you mean '{near[0]}'?" if near else f"Known: {some(known)}."


def run_script(main: Callable[[], None]) -> None:
    """Runs a script's main function; expected errors, and being stopped, end it with one message and exit code 1."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        main()
    except StudyError as error:
        _end(str(error))
    except KeyboardInterrupt:
        _end(f"interrupted; {RESUME}")
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        _end(f"{error.filename or 'output'}: {error.strerror}; nothing was half-written")


def _stop(_signal: int, _frame: object) -> None:
    _end(f"ended by SIGTERM (cancelled, or over its time or memory limit); {RESUME}")


def _end(reason: str) -> NoReturn:
    """Says why the script ends, in its log; on the screen if the log cannot take it, as on a full disk."""
    ending = SystemExit(f"{ERROR}{reason}")
    try:
        print(ending, file=sys.stderr, flush=True)
    except OSError:
        print(ending, flush=True)
    ending.code = 1  # it is said already
    raise ending
