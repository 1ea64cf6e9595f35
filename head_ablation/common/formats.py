"""What a file holds that is not the JSON it should be: for messages only, nothing is read by it."""

from __future__ import annotations

import csv
import json

import yaml

MAGIC = {
    b"\x93NUMPY": "a NumPy array (.npy)",
    b"PK\x03\x04": "a ZIP archive, such as .npz or .pt",
    b"\x80": "a pickle",
    b"PAR1": "Parquet",
    b"\x1f\x8b": "gzip",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself",
    b"<": "HTML or XML",
}
# A tag or a number that does not fit its text ends in errors of all kinds inside the parser of YAML.
UNREADABLE = (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
MUCH = 1_000_000  # bytes that are looked at


def format_seen(content: bytes) -> str | None:
    """The format of a file that is not whole JSON, in words; None if it looks like broken JSON."""
    known = next((name for start, name in MAGIC.items() if content.startswith(start)), None)
    if known or not content.strip():
        return known or "an empty file"
    try:
        text = content[:MUCH].decode("utf-8")
    except UnicodeDecodeError:
        return None
    if text.lstrip()[0] in "[{":
        return "JSON Lines" if _is_json_lines(text) else None
    if _is_csv(text):
        return "CSV"
    return "YAML" if _is_yaml(text) else None


def _is_json_lines(text: str) -> bool:
    lines = text.splitlines()
    return len(lines) > 1 and all(_is_json(line) for line in lines[:2])


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_csv(text: str) -> bool:
    """Several rows of as many cells, two or more."""
    return any(_is_table(text, separator) for separator in ",;\t")


def _is_table(text: str, separator: str) -> bool:
    widths = {len(row) for row in csv.reader(text.splitlines()[:20], delimiter=separator) if row}
    return len(widths) == 1 and widths.pop() > 1 and "\n" in text.strip()


def _is_yaml(text: str) -> bool:
    try:
        return isinstance(yaml.safe_load(text), dict | list)
    except UNREADABLE:
        return False
