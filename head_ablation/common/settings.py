"""Typed settings as one line of text, and back: how a Snakemake rule hands them to its script.

The text is canonical JSON of a frozen dataclass. A script says which class it expects; a field too many, one missing
or one of another type is an error there, never a default.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, is_dataclass
from functools import partial
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from head_ablation.common.files import canonical_json
from head_ablation.common.problems import StudyError

T = TypeVar("T")


def to_text(settings: Any) -> str:
    """A dataclass as one line; equal settings, equal text. Without `<`: Snakemake writes it into the report's page."""
    return canonical_json(asdict(settings)).replace("<", "\\u003c")


def from_text(cls: type[T], text: str) -> T:
    """The dataclass that `to_text` was given.

    Raises:
        StudyError: the text holds other fields or types than `cls`.
    """
    return from_json(cls, json.loads(text))


def argument(cls: type[T]) -> Callable[[str], T]:
    """The `type` of a script's argument that holds a dataclass."""
    return partial(from_text, cls)


def from_json(cls: type[T], content: Any) -> T:
    """A dataclass, nested ones included, from parsed JSON; errors as `from_text`."""
    try:
        return _typed(cls, content)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StudyError(f"settings are no {cls.__name__}: {error}") from None


def _typed(wanted: Any, value: Any) -> Any:
    if is_dataclass(wanted):
        return _dataclass(wanted, value)
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        return None if value is None else _first_fitting([part for part in parts if part is not type(None)], value)
    if origin is tuple:
        kinds = [parts[0]] * len(value) if parts[1:] == (...,) else parts
        return tuple(_typed(kind, item) for kind, item in zip(kinds, value, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        return {key: _typed(parts[1], item) for key, item in value.items()}
    if wanted is not Any and not _fits(wanted, value):
        raise TypeError(f"{value!r} is no {wanted.__name__}")
    return value


def _dataclass(wanted: Any, value: Mapping[str, Any]) -> Any:
    hints, names = get_type_hints(wanted), {one.name for one in fields(wanted) if one.init}
    if set(value) != names:
        raise ValueError(f"fields {sorted(value)}; expected {sorted(names)}")
    return wanted(**{name: _typed(hints[name], value[name]) for name in names})


def _first_fitting(kinds: list[Any], value: Any) -> Any:
    for kind in kinds:
        try:
            return _typed(kind, value)
        except (TypeError, ValueError, AttributeError):
            continue
    raise TypeError(f"{value!r} is none of {kinds}")


def _fits(wanted: type, value: Any) -> bool:
    if isinstance(value, bool):
        return wanted is bool
    return isinstance(value, wanted) or (wanted is float and isinstance(value, int))
