"""The form of a config: its schema, completed from the registries, and its defaults filled in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from head_ablation.common.formats import UNREADABLE
from head_ablation.common.problems import Problem
from head_ablation.common.registry import Entry, Registry, options_schema
from head_ablation.common.schema import Schema, departures
from head_ablation.common.software import POLICIES
from head_ablation.common.yaml_files import read_schema
from head_ablation.detectors import DETECTORS
from head_ablation.engine.interventions import INTERVENTIONS
from head_ablation.figures import FIGURES
from head_ablation.figures.palettes import CONTROLS, PALETTES, WIDTHS
from head_ablation.heads.arms import ARMS
from head_ablation.planted.options import OPTIONS as PLANTED_OPTIONS
from head_ablation.prompts.matchers import MATCHERS
from head_ablation.prompts.prompt import COUNTED

DETECT = "detect"
SHORT = {"wu24": {"detector": "copy_score"}}
"""Methods for which plain `detect` will do."""
PUBLISHED_PROMPT = {
    "builder": "published",
    "template": "{filler}{passage}{filler}\n\nQuestion: {question}\n",  # the question bank's stem follows
    "min_filler_tokens": 100,
}
"""What `prompt: published` stands for."""


@cache
def _plain_schema() -> dict[str, Any]:
    """The schema file, with the names and options of what is registered."""
    schema = read_schema("config")
    properties, definitions = schema["properties"], schema["$defs"]
    definitions["model"]["properties"]["planted"] |= {"properties": options_schema(PLANTED_OPTIONS)}
    definitions["question"]["properties"]["matcher"] = {"enum": MATCHERS.names}
    properties["scoring"]["properties"]["count"] = {"enum": list(COUNTED), "default": COUNTED[0]}
    properties["software"] = {"enum": list(POLICIES), "default": POLICIES[0]}
    _complete_figures(properties["figures"]["properties"])
    properties["arms"]["properties"] = {arm.name: _section(arm) for arm in ARMS}
    properties["arms"]["properties"]["top"]["default"] = {}
    return schema


def _complete_figures(options: dict[str, Any]) -> None:
    """The names that options of the figures may have."""
    options["views"] |= {"items": {"enum": FIGURES.names}, "default": FIGURES.names}
    options["width"]["anyOf"][0]["enum"] = list(WIDTHS)
    for option, names in (("palette", PALETTES), ("controls", CONTROLS)):
        options[option] = {"enum": list(names), "default": next(iter(names))}


def _section(entry: Entry) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": options_schema(entry)}


def _schema(config: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a config: the options of the intervention that it names are keys of `ablation`."""
    schema = _plain_schema()
    ablation = schema["properties"]["ablation"]
    given = config.get("ablation")
    named = given.get("intervention") if isinstance(given, Mapping) else None
    own = {"intervention": {"enum": INTERVENTIONS.names, "default": "zero_output"}, **_options(INTERVENTIONS, named)}
    ablation = {**ablation, "properties": {**ablation["properties"], **own}}
    return {**schema, "properties": {**schema["properties"], "ablation": ablation}}


def _options(registry: Registry[Any], name: Any) -> dict[str, dict[str, Any]]:
    return options_schema(registry[name]) if name in registry.names else {}


def method_schema(detector: Any) -> dict[str, Any]:
    """The schema of a method that names its detector."""
    own = {"detector": {"enum": DETECTORS.names}, **_options(DETECTORS, detector)}
    return {"type": "object", "required": ["detector"], "additionalProperties": False, "properties": own}


def schema_problems(config: Mapping[str, Any], file: str) -> list[Problem]:
    """Everything in which a config departs from its schema."""
    return departures(config, _schema(config), file)


def question_problems(questions: Mapping[str, Any], file: str) -> list[Problem]:
    """Everything in which entries of a question bank depart from a question's schema."""
    schema = {"additionalProperties": {"$ref": "#/$defs/question"}, "$defs": _plain_schema()["$defs"]}
    return departures(questions, schema, file)


def with_defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with the schema's defaults filled in, at every depth.

    `prompt: published` is short for the published study's prompts, `wu24: detect` for the copy score, a list of figures
    for their `views`. Snakemake's
    --config gives values inside lists and mappings as text: where the schema wants a number, a truth value or null,
    text is read as YAML.
    """
    schema = _schema(config)
    if config.get("prompt") == "published":
        config = {**config, "prompt": PUBLISHED_PROMPT}
    if isinstance(config.get("figures"), list):
        config = {**config, "figures": {"views": config["figures"]}}
    if isinstance(config.get("rankings"), Mapping):
        config = {**config, "rankings": {name: _method(name, source) for name, source in config["rankings"].items()}}
    return _fill(config, schema, schema["$defs"])


def _method(name: str, source: Any) -> Any:
    if source == DETECT:
        return SHORT.get(name, source)
    if isinstance(source, Mapping):
        return _fill_mapping(source, method_schema(source.get("detector")), {})
    return source


def _fill(value: Any, schema: Schema, definitions: Schema) -> Any:
    if not schema:  # nothing stands there by default, and what is given may hold itself
        return value
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
    except UNREADABLE:
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
