"""What a module says, whatever its layout: the digest of its syntax tree, and the versions that it states.

Comments, docstrings and line breaks decide nothing and are no part of it; nor are empty fields of the tree, in which
versions of Python differ.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from head_ablation.common.files import canonical_json, sha256_text

DIGITS = 16  # of a digest: enough to tell versions of one file apart
NOT_SAID = {"ctx", "kind", "type_comment", "type_ignores"}  # follow from the rest, or are layout


def digest(file: Path) -> str:
    """The digest of a module's syntax tree, or of a data file's content.

    A package's `__init__.py` counts without its imports and its registry: that an entry is listed changes no other.
    """
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".yaml":
        return sha256_text(canonical_json(yaml.safe_load(text)))[:DIGITS]
    return _digest(text, file.name == "__init__.py")


@cache
def entry_versions(text: str) -> dict[str, tuple[str, int]]:
    """What registries take from a module: variable -> the entry's name and version, of each entry made there."""
    return {name: found for name, value in _assigned(text) if (found := _entry(value))}


def number(text: str, name: str) -> int | None:
    """The whole number that a module's variable is; None if it is none."""
    values = [value.value for found, value in _assigned(text) if found == name and isinstance(value, ast.Constant)]
    return next((value for value in values if isinstance(value, int)), None)


@cache
def _digest(text: str, is_package: bool) -> str:
    statements = [one for one in ast.parse(text).body if not (is_package and _is_listing(one))]
    return sha256_text(repr(_said(statements)))[:DIGITS]


def _assigned(text: str) -> Iterator[tuple[str, ast.expr]]:
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Assign):
            yield from ((target.id, statement.value) for target in statement.targets if isinstance(target, ast.Name))
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
            yield statement.target.id, statement.value


def _entry(value: ast.expr) -> tuple[str, int] | None:
    """Name and version of `Detector(name=..., description=..., version=...)`; a version that is not said is 1."""
    if not isinstance(value, ast.Call):
        return None
    said: dict[str | None, Any] = {
        one.arg: one.value.value for one in value.keywords if isinstance(one.value, ast.Constant)
    }
    return (said["name"], said.get("version", 1)) if {"name", "description"} <= said.keys() else None


def _is_listing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        return statement.value is not None and _is_registry(statement.value)
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _is_registry(value: ast.expr) -> bool:
    """Whether it is written `Registry[...](...)`."""
    called = value.func if isinstance(value, ast.Call) else value
    named = called.value if isinstance(called, ast.Subscript) else called
    return isinstance(named, ast.Name) and named.id == "Registry"


def _said(node: Any) -> Any:
    """A syntax tree as nested lists: without positions and docstrings, and without fields that are empty."""
    if isinstance(node, list):
        return [_said(part) for part in node if not _is_docstring(part)]
    if not isinstance(node, ast.AST):
        return node
    fields = [(name, _said(value)) for name, value in ast.iter_fields(node) if name not in NOT_SAID]
    return [type(node).__name__, *((name, value) for name, value in fields if value not in (None, []))]


def _is_docstring(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
