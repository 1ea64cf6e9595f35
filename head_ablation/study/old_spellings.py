"""Keys and values of a config that have another name now: taken for what they mean, and said to be old."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, NamedTuple


class Old(NamedTuple):
    """One old spelling: where it stands, its value if only one value is old, and what it is called now."""

    keys: tuple[str, ...]
    value: str | None
    new_keys: tuple[str, ...]
    new_value: str | None = None


SPELLINGS = (
    Old(("random",), None, ("arms", "random")),
    Old(("arms", "random", "sampler"), "study", ("arms", "random", "sampler"), "published"),
    Old(("ablation", "mode"), None, ("ablation", "intervention")),
    Old(("scoring", "matcher"), None, ("scoring", "rule")),
    Old(("scoring", "rule"), "study", ("scoring", "rule"), "published"),
    Old(("filings", "split"), "study", ("filings", "split"), "published"),
    Old(("prompt",), "study", ("prompt",), "published"),
    Old(("prompt", "builder"), "study", ("prompt", "builder"), "published"),
)


def respelled(config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The config in today's words, and a sentence for each old spelling.

    A key that is there under both names keeps what its new name says, option by option.
    """
    new, notes = deepcopy(dict(config)), []
    for old in SPELLINGS:
        holder = _holder(new, old.keys)
        if holder is None or old.keys[-1] not in holder:
            continue
        found = holder[old.keys[-1]]
        if old.value is None:
            del holder[old.keys[-1]]
            _put(new, old.new_keys, found)
        elif found == old.value:
            holder[old.keys[-1]] = old.new_value
        else:
            continue
        notes.append(_note(old))
    return new, notes


def _holder(config: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any] | None:
    """The mapping in which the last key of `keys` stands, if there is one."""
    holder: Any = config
    for key in keys[:-1]:
        holder = holder.get(key) if isinstance(holder, dict) else None
    return holder if isinstance(holder, dict) else None


def _put(config: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    *parents, last = keys
    for key in parents:
        if not isinstance(config.setdefault(key, {}), dict):
            return  # the schema says what is wrong with it
        config = config[key]
    there = config.get(last)
    if isinstance(there, dict) and isinstance(value, dict):
        config[last] = {**value, **there}
    else:
        config.setdefault(last, value)


def _note(old: Old) -> str:
    was = ".".join(old.keys) + (f": {old.value}" if old.value else "")
    now = ".".join(old.new_keys) + (f": {old.new_value}" if old.new_value else "")
    return f"'{was}' is an old spelling of '{now}'"
