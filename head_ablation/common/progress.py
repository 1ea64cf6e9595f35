"""How far a job is: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import re
import sys

from tqdm import tqdm

LOG_SECONDS = 10
FORMAT = "{desc}: {n_fmt}/{total_fmt}{unit} read, {rate_noinv_fmt}, {remaining} left"
LINE = re.compile(r"^(?P<what>.+): (?P<read>\d+)/\d+ prompts read, ", re.MULTILINE)
FROM_STORE = "from the store: "  # what a job's log says of a result that it did not compute


class Lines(tqdm):  # type: ignore[misc]
    """Progress as lines of their own, for a log that people read with tail and grep."""

    said = 0

    def display(self, *_args: object, **_kwargs: object) -> None:
        if self.n > self.said:
            print(self, file=self.fp, flush=True)
            self.said = self.n

    def close(self) -> None:
        self.display()


def progress(total: int, what: str) -> tqdm:
    """A bar on stderr to `update` with each group of prompts read: how many, how many a second so far, the time left.

    Close it, or use it as a context manager: it then says where it has come to.
    """
    said = {"total": total, "desc": what, "unit": " prompts", "smoothing": 0}
    if sys.stderr.isatty():
        return tqdm(**said)
    return Lines(**said, bar_format=FORMAT, mininterval=LOG_SECONDS)


def prompts_read(log: str) -> dict[str, int]:
    """What a log's lines of progress are about -> the prompts read so far."""
    return {line["what"]: int(line["read"]) for line in LINE.finditer(log)}
