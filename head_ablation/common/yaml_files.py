"""Reading YAML mappings, and the schemas that ship with the library."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from head_ablation.common.problems import Problem, StudyError


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file; StudyError if it holds anything else."""
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        found = f"broken YAML ({' '.join(str(error).split())})"
        raise StudyError([Problem(path, "file", found, "YAML")]) from None
    if not isinstance(content, dict):
        raise StudyError([Problem(path, "file", f"a {type(content).__name__}", "key: value pairs")])
    return content


def read_schema(name: str) -> dict[str, Any]:
    """A schema of head_ablation/schemas by its name: "config", "ranking", ..."""
    text = (files("head_ablation") / "schemas" / f"{name}.schema.yaml").read_text(encoding="utf-8")
    schema: dict[str, Any] = yaml.safe_load(text)
    return schema
