"""The form of a config: its schema's defaults filled in, and every departure from it said in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError

from head_ablation.problems import Problem, did_you_mean

SCHEMA = Path(__file__).resolve().parents[1] / "schemas" / "config.schema.yaml"
# JSON Schema takes 384.0 for an integer; here it would end up in paths.
_WHOLE_NUMBERS = Draft202012Validator.TYPE_CHECKER.redefine(
    "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
)
_Validator = validators.extend(Draft202012Validator, type_checker=_WHOLE_NUMBERS)  # type: ignore[no-untyped-call]
Schema = Mapping[str, Any]
STUDY_PROMPT = {
    "builder": "study",
    "template": "{filler}{passage}{filler}\n\nQuestion: {question}\n",  # the question bank's stem follows
    "min_filler_tokens": 100,
}
"""What `prompt: study` stands for."""


def _schema() -> dict[str, Any]:
    return yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))


def schema_problems(config: Mapping[str, Any], file: str) -> list[Problem]:
    """Everything in which a config departs from its schema."""
    return departures(config, _schema(), file)


def question_problems(questions: Mapping[str, Any], file: str) -> list[Problem]:
    """Everything in which entries of a question bank depart from a question's schema."""
    schema = {"additionalProperties": {"$ref": "#/$defs/question"}, "$defs": _schema()["$defs"]}
    return departures(questions, schema, file)


def with_defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with the schema's defaults filled in, at every depth.

    `prompt: study` is short for the published study's prompts. Snakemake's --config gives values inside lists and
    mappings as text: where the schema wants a number, a truth value or null, text is read as YAML.
    """
    schema = _schema()
    if config.get("prompt") == "study":
        config = {**config, "prompt": STUDY_PROMPT}
    return _fill(config, schema, schema["$defs"])


def _fill(value: Any, schema: Schema, definitions: Schema) -> Any:
    if "$ref" in schema:
        schema = {**definitions[schema["$ref"].rsplit("/", 1)[1]], **schema}
    if isinstance(value, str):
        return _as_typed(value, schema)
    if isinstance(value, list):
        return [_fill(item, schema.get("items", {}), definitions) for item in value]
    if isinstance(value, Mapping):
        return _fill_mapping(value, schema, definitions)
    return value


def _as_typed(text: str, schema: Schema) -> Any:
    types = schema.get("type", [])
    if not {"integer", "number", "boolean"}.intersection([types] if isinstance(types, str) else types):
        return text
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return value if value is None or isinstance(value, int | float) else text


def _fill_mapping(value: Mapping[str, Any], schema: Schema, definitions: Schema) -> dict[str, Any]:
    own = schema.get("properties", {})
    rest = schema.get("additionalProperties")
    missing = {key: part["default"] for key, part in own.items() if key not in value and "default" in part}
    parts = {key: own.get(key, rest) for key in (*value, *missing)}
    return {
        key: _fill(item, part, definitions) if isinstance(part := parts[key], Mapping) else item
        for key, item in {**value, **missing}.items()
    }


def departures(content: Mapping[str, Any], schema: Schema, file: str) -> list[Problem]:
    """Everything in which content departs from a schema, in words.

    Args:
        content: as read.
        schema: a JSON Schema.
        file: where the content is from.
    """
    errors = _Validator(schema).iter_errors(content)
    in_order = sorted(errors, key=lambda error: [str(part) for part in error.absolute_path])
    # Each missing key is an error of its own, which knows them all.
    return list(dict.fromkeys(problem for error in in_order for problem in _explain(error, file)))


def _explain(error: ValidationError, file: str) -> Iterator[Problem]:
    place = _place(error.absolute_path)
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
        yield Problem(file, place or "config", repr(instance), expected)


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
