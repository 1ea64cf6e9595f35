"""A config as one line for each of its values: what Snakemake shows as changed is then what was changed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from head_ablation.common.files import canonical_json

KEY = r'[\w-]+|"(?:[^"\\]|\\.)*"'
LINE = re.compile(rf"((?:{KEY})(?:\.(?:{KEY}))*): (.*)", re.DOTALL)


def config_lines(config: Mapping[str, Any]) -> list[str]:
    """`key.key: value` for every value of a config, the value as JSON; a key that is no word is quoted."""
    return [f"{'.'.join(map(_quoted, keys))}: {canonical_json(value)}" for keys, value in _values(config, ())]


def config_of(lines: Iterable[str]) -> dict[str, Any]:
    """The config that `config_lines` was given."""
    config: dict[str, Any] = {}
    for line in lines:
        match = LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"{line!r} is no line of a config")
        *parents, last = (json.loads(key) if key[0] == '"' else key for key in re.findall(KEY, match[1]))
        place = config
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = json.loads(match[2])
    return config


def _values(value: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _values(part, (*keys, key))
    else:
        yield keys, value


def _quoted(key: str) -> str:
    return key if re.fullmatch(r"[\w-]+", key) else json.dumps(key)
