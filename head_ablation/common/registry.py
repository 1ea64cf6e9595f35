"""Registries: the seams of the library. What a study may name is a module of its own and one line in its registry.

The config's schema, the error messages, the docs' tables and the protocol take names, options, versions and
descriptions from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Generic, TypeVar

from head_ablation.common.problems import StudyError, did_you_mean


@dataclass(frozen=True)
class NoOptions:
    """Of an entry that has nothing to choose."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a registry holds.

    Attributes:
        name: as a config writes it.
        description: one line for the docs.
        options: a frozen dataclass whose fields are made by `option`.
        version: raised whenever the same inputs would give another result; part of the protocol where GPU work
            depends on the entry.
    """

    name: str
    description: str
    options: type = NoOptions
    version: int = 1

    def stated(self, options: Any = None) -> dict[str, Any]:
        """Name, version and options: what a protocol says of the entry."""
        chosen = {one.name: getattr(options, one.name) for one in fields(self.options)} if options else {}
        return {"name": self.name, "version": self.version, **chosen}


E = TypeVar("E", bound=Entry)


def option(default: Any, description: str, **schema: Any) -> Any:
    """A field of an options dataclass, with its JSON schema."""
    return field(default=default, metadata={"schema": {"default": default, "description": description, **schema}})


def options_schema(entry: Entry) -> dict[str, dict[str, Any]]:
    """The JSON schema of each option of an entry."""
    return {one.name: _schema_of(one) for one in fields(entry.options)}


def _schema_of(one: Field[Any]) -> dict[str, Any]:
    return dict(one.metadata["schema"])


class Registry(Generic[E]):
    """The entries of one kind, by name, in the order in which tables and figures show them.

    Args:
        kind: in words, for messages: "arm".
        entries: each with a name of its own.

    Raises:
        ValueError: a name twice.
    """

    def __init__(self, kind: str, *entries: E):
        self.kind = kind
        self._entries = {entry.name: entry for entry in entries}
        if len(self._entries) < len(entries):
            raise ValueError(f"{kind}: {len(entries)} entries, {len(self._entries)} names")

    def __getitem__(self, name: str) -> E:
        if name not in self._entries:
            raise StudyError(f"'{name}' is no {self.kind}. {did_you_mean(name, self._entries)}")
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[E]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def names(self) -> list[str]:
        """All names, in order."""
        return list(self._entries)

    def chosen_options(self, name: str, given: Mapping[str, Any]) -> Any:
        """An entry's options as its dataclass, from a mapping that may hold other keys too."""
        own = self[name].options
        return own(**{one.name: given[one.name] for one in fields(own) if one.name in given})

    def markdown(self) -> str:
        """The docs' table: name, options with their defaults, what it is."""
        lines = [f"| {self.kind} | options | what it is |", "| --- | --- | --- |"]
        for entry in self:
            options = [f"`{name}: {_yaml(schema['default'])}`" for name, schema in options_schema(entry).items()]
            lines.append(f"| `{entry.name}` | {', '.join(options) or '-'} | {entry.description} |")
        return "\n".join(lines)


def _yaml(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
