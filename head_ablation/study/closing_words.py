"""What a run says when it ends: the reasons of its failed jobs and the warnings of the others, from their logs.

Snakemake's own output depends on its quietness, and names a command where the job's log names the reason.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from head_ablation.common.problems import ERROR, WARNING, some

State = Mapping[Path, tuple[int, int]]
"""Log -> when it was written, in nanoseconds, and its size."""


def log_state(folders: Iterable[Path]) -> State:
    """The logs in some folders, as they are now."""
    logs = [log for folder in folders for log in sorted(folder.rglob("*.log"))]
    stats = {log: log.stat() for log in logs}
    return {log: (stat.st_mtime_ns, stat.st_size) for log, stat in stats.items()}


def closing_words(folders: Iterable[Path], before: State) -> list[str]:
    """A line or more for each reason and warning in logs written since; equal ones once, with the logs they are in.

    Args:
        folders: where logs are.
        before: their state when the run began.
    """
    changed = [log for log, state in log_state(folders).items() if before.get(log) != state]
    texts = {log: log.read_text(encoding="utf-8", errors="replace") for log in changed}
    return [
        *_grouped("failed", {log: _reasons(text) for log, text in texts.items()}),
        *_grouped("warning", {log: _warnings(text) for log, text in texts.items()}),
    ]


def _grouped(title: str, said: Mapping[Path, Iterable[str]]) -> Iterator[str]:
    logs: dict[str, list[Path]] = defaultdict(list)
    for log, messages in said.items():
        for message in messages:
            logs[message].append(log)
    for message, where in logs.items():
        yield f"{title}: {message}" + (f"\n  (log: {some(where)})" if title == "failed" else "")


def _reasons(text: str) -> list[str]:
    """The message that ended a job: what it says itself, or the last line of a traceback."""
    said = re.search(rf"^{ERROR}(.*)", text, re.MULTILINE | re.DOTALL)
    if said:
        return [said[1].strip()]
    return [text.strip().splitlines()[-1]] if "Traceback (most recent call last)" in text else []


def _warnings(text: str) -> list[str]:
    return re.findall(rf"^{WARNING}(.*)$", text, re.MULTILINE)
