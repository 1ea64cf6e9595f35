"""Errors for the person who made the mistake: file, field, found, expected, fix, all problems at once."""

from __future__ import annotations

import difflib
import errno
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

RESUME = "run again: what is finished is kept"
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an input."""

    file: str | Path
    field: str
    found: object
    expected: str
    fix: str = ""

    def __str__(self) -> str:
        text = f"{self.file}: {self.field}: found {self.found}; expected {self.expected}"
        return f"{text}. {self.fix}" if self.fix else text


class StudyError(Exception):
    """The study cannot go on; the message is meant for the researcher, not for a traceback."""

    def __init__(self, problems: Iterable[Problem] | str):
        if isinstance(problems, str):
            message, self.problems = problems, []
        else:
            self.problems = list(problems)
            message = "\n".join(f"- {problem}" for problem in self.problems)
        super().__init__(message)


class OutOfMemoryError(StudyError):
    """A GPU or the machine has no memory left for this model and batch."""


def refuse(problems: Iterable[Problem]) -> None:
    """Raises one StudyError with all `problems`, if there are any."""
    problems = list(problems)
    if problems:
        raise StudyError(problems)


def warn(notes: Iterable[str]) -> None:
    """Writes notes to the log (of a script: its standard error), a line each."""
    for note in notes:
        print(f"warning: {note}", file=sys.stderr)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, or all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1)
    return f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(known)}."


def run_script(main: Callable[[], None]) -> None:
    """Runs a script's main function; expected errors, and being stopped, end it with one message and exit code 1."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        main()
    except StudyError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(f"error: interrupted; {RESUME}")
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        sys.exit(f"error: {error.filename or 'output'}: {error.strerror}; nothing was half-written")


def _stop(_signal: int, _frame: object) -> None:
    sys.exit(f"error: ended by SIGTERM (cancelled, or over its time or memory limit); {RESUME}")
