"""Keys and values of a config that have another name now: taken for what they mean, and said to be old."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, NamedTuple


class Old(NamedTuple):
    """One old spelling: where it stands, its value if only one value is old, and what it is called now."""

    place: tuple[str, ...]
    value: str | None
    new_place: tuple[str, ...]
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
        holder = _holder(new, old.place)
        if holder is None or old.place[-1] not in holder:
            continue
        found = holder[old.place[-1]]
        if old.value is None:
            del holder[old.place[-1]]
            _put(new, old.new_place, found)
        elif found == old.value:
            holder[old.place[-1]] = old.new_value
        else:
            continue
        notes.append(_note(old))
    return new, notes


def _holder(config: dict[str, Any], place: tuple[str, ...]) -> dict[str, Any] | None:
    """The mapping in which the last key of `place` stands, if there is one."""
    holder: Any = config
    for key in place[:-1]:
        holder = holder.get(key) if isinstance(holder, dict) else None
    return holder if isinstance(holder, dict) else None


def _put(config: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    *parents, last = place
    for key in parents:
        config = config.setdefault(key, {})
    there = config.get(last)
    if isinstance(there, dict) and isinstance(value, dict):
        config[last] = {**value, **there}
    else:
        config.setdefault(last, value)


def _note(old: Old) -> str:
    was = ".".join(old.place) + (f": {old.value}" if old.value else "")
    now = ".".join(old.new_place) + (f": {old.new_value}" if old.new_value else "")
    return f"'{was}' is an old spelling of '{now}'"
