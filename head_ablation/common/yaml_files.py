"""Reading YAML mappings, and the schemas that ship with the library."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from head_ablation.common.files import read_text
from head_ablation.common.formats import UNREADABLE
from head_ablation.common.problems import Problem, StudyError, refuse


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file; StudyError if it holds anything else."""
    content = parse_yaml(path) or {}
    if not isinstance(content, dict):
        raise StudyError([Problem(path, "file", f"a {type(content).__name__}", "key: value pairs")])
    refuse(repeated_keys(path))
    return content


def parse_yaml(path: str | Path, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> Any:
    """What a YAML file holds; StudyError if it cannot be read."""
    text = read_text(path, "YAML")
    try:
        return yaml.load(text, loader)
    except UNREADABLE as error:
        found = f"broken YAML ({' '.join(str(error).split())})"
        raise StudyError([Problem(path, "file", found, "YAML")]) from None


def repeated_keys(path: str | Path) -> list[Problem]:
    """The keys that stand twice or more in one mapping of a YAML or JSON file, of which a reader takes the last.

    A file that is no YAML has none: whoever reads it says so.
    """
    try:
        root = yaml.compose(Path(path).read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, *UNREADABLE):
        return []
    return list(_repeated(path, root, "", set())) if root else []


def _repeated(path: str | Path, node: yaml.Node, place: str, seen: set[int]) -> Iterator[Problem]:
    if id(node) in seen or not isinstance(node, yaml.MappingNode | yaml.SequenceNode):
        return
    seen.add(id(node))  # an anchor's node is met again at each of its aliases
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _repeated(path, item, f"{place}[{number}]", seen)
        return
    lines: dict[tuple[str, str], int] = {}
    for key, value in node.value:
        field = f"{place}.{key.value}".lstrip(".") if isinstance(key, yaml.ScalarNode) else place
        yield from _again(path, key, field, lines)
        yield from _repeated(path, value, field, seen)


def _again(path: str | Path, key: yaml.Node, field: str, lines: dict[tuple[str, str], int]) -> Iterator[Problem]:
    """A problem if the mapping has had this key; `?if` and the like are no keys, where Snakemake reads templates."""
    line = key.start_mark.line + 1
    if isinstance(key, yaml.ScalarNode) and not key.value.startswith("?"):
        if (key.tag, key.value) in lines:
            found = f"this key in line {lines[key.tag, key.value]} and in line {line}"
            yield Problem(path, field, found, "each key once")
        lines.setdefault((key.tag, key.value), line)


def read_schema(name: str) -> dict[str, Any]:
    """A schema of head_ablation/schemas by its name: "config", "ranking", ..."""
    text = (files("head_ablation") / "schemas" / f"{name}.schema.yaml").read_text(encoding="utf-8")
    schema: dict[str, Any] = yaml.safe_load(text)
    return schema
