"""Digests of files, remembered: weights and filings of gigabytes are read once, not at every start.

A remembered digest counts as long as the file's size, times (of content and of inode) and inode number are the same.
The time of the inode cannot be set by `cp -p`, `mv`, `tar` or `touch`, so that a file which took another one's place is
read again, whatever its time stamp says.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from head_ablation.common.files import read_json, sha256_file, sha256_text, write_json
from head_ablation.common.problems import StudyError

LARGE = 1_000_000  # bytes; a smaller file is read as fast as its remembered digest
SETTLED_NS = 2_000_000_000  # a younger file may change once more without another time stamp


class Stamp(NamedTuple):
    """What tells a file from what it was, without reading it."""

    size: int
    written_ns: int
    changed_ns: int
    inode: int

    @classmethod
    def of(cls, path: str | Path) -> Stamp:
        """As the file is now; OSError if it is not there."""
        found = Path(path).stat()
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)

    @property
    def is_settled(self) -> bool:
        """Whether a later change would be seen in the stamp."""
        return time.time_ns() - max(self.written_ns, self.changed_ns) > SETTLED_NS


@dataclass(frozen=True)
class Digests:
    """Digests of files, as they are now.

    Attributes:
        folder: where those of large files are remembered; None remembers them in this process alone.
    """

    folder: Path | None = None
    _known: dict[str, tuple[Stamp, str]] = field(default_factory=dict, repr=False, compare=False)

    def of(self, path: str | Path) -> str:
        """The SHA-256 of a file's bytes, as hexadecimal digits; OSError if it cannot be read."""
        place, stamp = str(path), Stamp.of(path)
        known = self._known.get(place)
        if known and known[0] == stamp:
            return known[1]
        digest = self._recalled(place, stamp) or self._read(place, stamp)
        if stamp.is_settled:
            self._known[place] = stamp, digest
        return digest

    def _memory(self, path: str) -> Path | None:
        return self.folder / f"{sha256_text(str(Path(path).resolve()))}.json" if self.folder else None

    def _recalled(self, path: str, stamp: Stamp) -> str | None:
        memory = self._memory(path) if stamp.size >= LARGE else None
        if memory is None or not memory.is_file():
            return None
        try:
            content = read_json(memory)
            return str(content["sha256"]) if content["stamp"] == list(stamp) else None
        except (StudyError, KeyError, TypeError):  # cut or edited
            return None

    def _read(self, path: str, stamp: Stamp) -> str:
        digest = sha256_file(path)
        memory = self._memory(path) if stamp.size >= LARGE else None
        if memory and stamp.is_settled and Stamp.of(path) == stamp:
            with suppress(OSError):  # a folder that may only be read, or a full disk: then it is read again
                write_json(memory, {"path": str(Path(path).resolve()), "stamp": list(stamp), "sha256": digest})
        return digest
