"""Files that are whole or absent, and equal bytes for equal content."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from head_ablation.common.formats import format_seen
from head_ablation.common.problems import Problem, StudyError, refuse

UTF_8 = "utf-8-sig"  # of files to read: with or without a byte-order mark
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` that takes its place if, and only if, the block succeeds."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if error.errno and not error.filename:  # a full disk does not say whose write it refused
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Writes `text` whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def canonical_json(content: Any) -> str:
    """One text per content: sorted keys, no spaces, no NaN."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def json_text(content: Any) -> str:
    """Readable JSON with sorted keys: equal content, equal text."""
    return json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: str | Path, content: Any) -> None:
    """Writes readable JSON with sorted keys: equal content, equal bytes."""
    write_text(path, json_text(content))


def jsonl_text(rows: Iterable[Any]) -> str:
    """One canonical JSON object a line."""
    return "".join(canonical_json(row) + "\n" for row in rows)


def write_jsonl(path: str | Path, rows: Iterable[Any]) -> None:
    """Writes one canonical JSON object a line."""
    write_text(path, jsonl_text(rows))


def holds(path: Path, text: str) -> bool:
    """Whether the file is there and holds exactly this text."""
    return path.is_file() and path.read_bytes() == text.encode("utf-8")


def write_if_changed(path: Path, text: str) -> None:
    """Writes `text` unless the file holds it already: a file left alone makes no job run again."""
    if not holds(path, text):
        write_text(path, text)


def read_json(path: str | Path) -> Any:
    """Reads JSON.

    Raises:
        StudyError: the file is missing or is not JSON (a truncated one, say); names the place.
    """
    try:
        text = Path(path).read_text(encoding=UTF_8)
        content = json.loads(text)
    except FileNotFoundError:
        raise StudyError([Problem(path, "file", "nothing", "a JSON file at this path")]) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        found = format_seen(Path(path).read_bytes()) or f"broken JSON ({error})"
        raise StudyError([Problem(path, "file", found, "whole JSON")]) from None
    refuse(_half_characters(path, "file", text, content))
    return content


def read_jsonl(path: str | Path) -> list[dict[str, Any]]:
    """Reads one JSON object a line; blank lines do not count. Errors as `read_json`, with the line."""
    return [row for _, row in numbered_jsonl(path)]


def numbered_jsonl(path: str | Path) -> list[tuple[int, dict[str, Any]]]:
    """As `read_jsonl`, each object with the number of its line, from 1."""
    try:
        # Not splitlines(): it also breaks at U+2028 and U+0085, which JSON strings may hold.
        with Path(path).open(encoding=UTF_8) as file:
            lines = [(number, line) for number, line in enumerate(file, start=1) if line.strip()]
    except FileNotFoundError:
        raise StudyError([Problem(path, "file", "nothing", "a JSONL file at this path")]) from None
    except UnicodeDecodeError as error:
        raise StudyError([Problem(path, "file", f"no UTF-8 ({error})", "JSONL in UTF-8")]) from None
    return [(number, _json_object(path, number, line)) for number, line in lines]


def _json_object(path: str | Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        found = f"broken JSON ({error})"
        raise StudyError([Problem(path, f"line {number}", found, "a JSON object")]) from None
    if not isinstance(row, dict):
        raise StudyError([Problem(path, f"line {number}", line.strip()[:40], "a JSON object")])
    refuse(p for key in row for p in _half_characters(path, f"line {number}, {key}", line, {key: row[key]}))
    return row


def _half_characters(path: str | Path, field: str, text: str, content: Any) -> Iterator[Problem]:
    """JSON may escape one half of a surrogate pair alone, which no text file can hold; `text` is the JSON."""
    if not _SURROGATE.search(text):
        return
    try:
        json.dumps(content, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        found = f"half a character (\\u{ord(error.object[error.start]):04x} alone)"
        yield Problem(path, field, found, "text that UTF-8 can hold", "Replace it, by \\ufffd for instance.")


def sha256_text(text: str) -> str:
    """The SHA-256 of `text` in UTF-8, as hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def sha256_file(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, as hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_folder(source: str) -> bool:
    """Whether a config's `source` names a local folder: it exists, or is written like a path."""
    return Path(source).expanduser().is_dir() or source.startswith((".", "/", "~"))
