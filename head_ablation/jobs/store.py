"""The store: results of GPU work under the digest of all that decides them, shared by all studies.

    results/store/entries/ab/ab12...json    one result: its key, content, provenance, and a digest over these
    results/store/locks/ab12...lock         held while somebody computes it; the kernel frees it on a crash

An entry is written whole and read only if its digest is right. The folder may be deleted at any time while nothing
runs; what it held is then computed again when it is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from head_ablation.common.files import canonical_json, read_json, sha256_text, write_json
from head_ablation.common.problems import StudyError
from head_ablation.jobs.protocol import protocol_digest


@dataclass(frozen=True)
class Entry:
    """A stored result.

    Attributes:
        protocol: what it was made by.
        content: the result.
        provenance: versions, machine and times of the job that made it.
    """

    protocol: Mapping[str, Any]
    content: Any
    provenance: Mapping[str, Any]

    def checksum(self) -> str:
        """The digest that tells a whole entry from a damaged one."""
        return sha256_text(canonical_json(vars(self)))


@dataclass(frozen=True)
class Store:
    """A folder of entries."""

    folder: Path

    def entry_file(self, protocol: Mapping[str, Any]) -> Path:
        """Where the result of a protocol is, or would be."""
        digest = protocol_digest(protocol)
        return self.folder / "entries" / digest[:2] / f"{digest}.json"

    def find(self, protocol: Mapping[str, Any]) -> Entry | None:
        """The result of a protocol; None if the store lacks it or its entry is damaged, which is said."""
        path = self.entry_file(protocol)
        if not path.is_file():
            return None
        try:
            return read_entry(path)
        except StudyError as error:
            print(f"{error}\nIt is not used but made again.", file=sys.stderr)
            return None

    def add(self, entry: Entry) -> Entry:
        """Keeps a result, and returns it."""
        write_json(self.entry_file(entry.protocol), {**vars(entry), "sha256": entry.checksum()})
        return entry

    @contextmanager
    def claim(self, protocol: Mapping[str, Any]) -> Iterator[bool]:
        """Whether the caller may compute this result: nobody else does while the block runs."""
        lock = self._lock(protocol)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def wait(self, protocol: Mapping[str, Any]) -> None:
        """Returns once nobody computes this result (any more)."""
        with self._lock(protocol):
            pass

    def _lock(self, protocol: Mapping[str, Any]) -> FileLock:
        folder = self.folder / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / f"{protocol_digest(protocol)}.lock", poll_interval=0.2)

    def entry_files(self) -> list[Path]:
        """All entries, damaged ones included."""
        return sorted(self.folder.glob("entries/*/*.json"))


def read_entry(path: Path) -> Entry:
    """The entry in a file.

    Raises:
        StudyError: it is truncated, was changed, or stands under another protocol's digest.
    """
    row = read_json(path)
    try:
        entry = Entry(row["protocol"], row["content"], row["provenance"])
        intact = (row["sha256"], path.stem) == (entry.checksum(), protocol_digest(entry.protocol))
    except (KeyError, TypeError, AttributeError, ValueError):
        intact = False
    if not intact:
        raise StudyError(f"store entry {path}: its digest does not fit its content; it was changed or damaged")
    return entry
