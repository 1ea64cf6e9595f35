"""Every departure of content from a JSON schema, in words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from reprlib import Repr
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError

from head_ablation.common.problems import Problem, did_you_mean


def _is_whole(_: Any, value: object) -> bool:
    """JSON Schema takes 384.0 for an integer; here it would end up in paths."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_: Any, value: object) -> bool:
    """YAML and Python's JSON have .nan and .inf, which pass every comparison with a limit, or fail every one."""
    return _is_whole(_, value) or (isinstance(value, float | Decimal) and math.isfinite(value))


def _pattern(_: Any, pattern: str, value: object, __: Any) -> Iterator[ValidationError]:
    """A pattern is about the whole text: `$` alone would pass a line break at its end."""
    if isinstance(value, str) and not re.fullmatch(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


_TYPES = Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_whole, "number": _is_number})
_Validator = validators.extend(Draft202012Validator, {"pattern": _pattern}, type_checker=_TYPES)  # type: ignore[no-untyped-call]
Schema = Mapping[str, Any]
_SHOWN = Repr()
_SHOWN.maxlevel, _SHOWN.maxdict, _SHOWN.maxlist = 4, 20, 20
_SHOWN.maxstring = _SHOWN.maxlong = _SHOWN.maxother = 300


def departures(content: Mapping[str, Any], schema: Schema, file: str, place: str = "") -> list[Problem]:
    """Everything in which content departs from a schema, in words.

    Args:
        content: as read.
        schema: a JSON Schema.
        file: where the content is from.
        place: the field that the content is, if it is a part of the file.
    """
    errors = _Validator(schema).iter_errors(content)
    in_order = sorted(errors, key=lambda error: [str(part) for part in error.absolute_path])
    # Each missing key is an error of its own, which knows them all.
    return list(dict.fromkeys(problem for error in in_order for problem in _explain(error, file, place)))


def _explain(error: ValidationError, file: str, within: str) -> Iterator[Problem]:
    place = f"{within}.{_place(error.absolute_path)}".strip(".")
    schema: Any = error.schema
    rule: Any = error.validator
    wanted: Any = error.validator_value
    instance: Any = error.instance
    if rule == "additionalProperties":
        known = schema.get("properties", {})
        for key in [key for key in instance if key not in known]:
            field = f"{place}.{key}".lstrip(".")
            yield Problem(file, field, "an unknown key", "a known one", did_you_mean(str(key), known))
    elif rule == "required":
        for key in [key for key in wanted if key not in instance]:
            yield Problem(file, f"{place}.{key}".lstrip("."), "nothing", "this key")
    else:
        expected = _expectation(rule, wanted, schema.get("description")) or error.message
        yield Problem(file, place or "config", _shown(instance), expected)


def _shown(instance: Any) -> str:
    """A value as Python writes it; of lists and mappings, which may hold themselves, only so much."""
    try:
        return _SHOWN.repr(instance) if isinstance(instance, list | Mapping) else repr(instance)
    except ValueError:  # Python writes no whole number of thousands of digits
        return f"a {type(instance).__name__} of too many digits"


def _expectation(rule: str, wanted: object, description: str | None) -> str | None:
    rules = {
        "uniqueItems": "each value once",
        "enum": f"one of {wanted}",
        "minimum": description or f"at least {wanted}",
        "type": description or f"a value of type {wanted}",
    }
    return rules.get(rule, description)


def _place(path: Iterable[str | int]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.lstrip(".")
