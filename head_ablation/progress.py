"""How far a job is: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
LOG_SECONDS = 10
FORMAT = "{desc}: {n_fmt}/{total_fmt}{unit}, {rate_noinv_fmt}, {remaining} left"


class Lines(tqdm):  # type: ignore[misc]
    """Progress as lines of their own, for a log that people read with tail and grep."""

    said = 0

    def display(self, *_args: object, **_kwargs: object) -> None:
        if self.n > self.said:
            print(self, file=self.fp, flush=True)
            self.said = self.n

    def close(self) -> None:
        self.display()


def progress(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Passes prompts on and says on stderr how many are done, how many a second, and the time left."""
    if sys.stderr.isatty():
        return iter(tqdm(items, total=total, desc=what, unit=" prompts"))
    return iter(Lines(items, total=total, desc=what, unit=" prompts", bar_format=FORMAT, mininterval=LOG_SECONDS))
