"""Files that are whole or absent, and equal bytes for equal content."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, TypeGuard

from head_ablation.common.formats import format_seen
from head_ablation.common.problems import Problem, StudyError, refuse

UTF_8 = "utf-8-sig"  # of files to read: with or without a byte-order mark
DEEPEST = 60  # lists and objects in each other; no file of a study comes near
TOO_DEEP = f"more than {DEEPEST} lists and objects in each other"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` that takes its place if, and only if, the block succeeds."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    temporary.touch(exist_ok=False)  # with the permissions that the user's umask leaves
    try:
        yield temporary
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
    text = read_text(path, "a JSON file")
    try:
        content = _parsed(text)
    except ValueError as error:
        found = format_seen(text.encode("utf-8")) or f"broken JSON ({error})"
        raise StudyError([Problem(path, "file", found, "whole JSON")]) from None
    refuse(_half_characters(path, "file", text, content))
    return content


def read_text(path: str | Path, wanted: str) -> str:
    """The text of a file in UTF-8, with or without a byte-order mark.

    Raises:
        StudyError: there is no file, it cannot be read, or it is not UTF-8; says what is `wanted`.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        found = "nothing" if error.errno == errno.ENOENT else str(error.strerror)
        raise StudyError([Problem(path, "file", found, f"{wanted} at this path")]) from None
    try:
        return content.decode(UTF_8)
    except UnicodeDecodeError as error:
        found = format_seen(content) or f"no UTF-8 ({error})"
        raise StudyError([Problem(path, "file", found, f"{wanted}, in UTF-8")]) from None


def _parsed(text: str) -> Any:
    """The content of JSON; ValueError if it is broken, too deep, has a key twice or numbers of too many digits."""
    try:
        content = json.loads(text, object_pairs_hook=_with_keys_once)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    if _is_deep(content):
        raise ValueError(TOO_DEEP)
    return content


def _with_keys_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of a key that stands twice, JSON's parser would take the last value without a word."""
    content = dict(pairs)
    if len(content) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r} stands twice")
    return content


def _is_deep(content: Any) -> bool:
    """Whether lists and objects stand in each other more than DEEPEST times."""
    level = [content]
    for _ in range(DEEPEST):
        level = [part for holder in level for part in _parts(holder) if isinstance(part, dict | list)]
        if not level:
            return False
    return True


def _parts(content: Any) -> Iterable[Any]:
    """What stands in a list or an object; nothing in anything else."""
    if isinstance(content, dict):
        return content.values()
    return content if isinstance(content, list) else ()


def read_jsonl(path: str | Path) -> list[dict[str, Any]]:
    """Reads one JSON object a line; blank lines do not count. Errors as `read_json`, with the line."""
    return [row for _, row in numbered_jsonl(path)]


def numbered_jsonl(path: str | Path) -> list[tuple[int, dict[str, Any]]]:
    """As `read_jsonl`, each object with the number of its line, from 1."""
    # Not splitlines(): it also breaks at U+2028 and U+0085, which JSON strings may hold.
    lines = enumerate(StringIO(read_text(path, "a JSONL file"), newline=None), start=1)
    return [(number, _json_object(path, number, line)) for number, line in lines if line.strip()]


def _json_object(path: str | Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = _parsed(line)
    except ValueError as error:
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


def is_file(path: str | Path) -> bool:
    """Whether there is a file; a path that cannot be followed leads to none."""
    return os.path.isfile(path)


def is_folder(source: str) -> bool:
    """Whether a config's `source` names a local folder: it exists, or is written like a path."""
    return source.startswith((".", "/", "~")) or os.path.isdir(source)


def is_finite_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a number that a float can hold; a truth value is none."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False
