"""Defaults at every depth, and the command line's text taken for what the schema wants."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from project import PROJECT
from snakemake.utils import update_config

from head_ablation.study.config_schema import _schema, schema_problems, with_defaults

MANUAL = (PROJECT / "config.yaml").read_text()
DEMO = yaml.safe_load(MANUAL)
TINY = yaml.safe_load((PROJECT / "studies" / "ci.yaml").read_text())


def test_the_demo_config_says_every_key_that_there_is() -> None:
    resolved = with_defaults(DEMO)
    assert set(resolved) == set(DEMO)
    for section in ("filings", "prompt", "detection", "arms", "ablation", "generation", "scoring", "figures"):
        assert set(resolved[section]) == set(DEMO[section]), section
    own = set(DEMO["models"]["smollm2"])
    assert set(resolved["models"]["smollm2"]) == own


def defaults(schema: dict[str, Any], value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every default of the schema that is no section of its own, by its place in a config; none of a section that is
    null by default, such as the options of a planted model (tests/unit/planted/test_planted_options.py)."""
    if "$ref" in schema:
        schema = {**_schema({})["$defs"][schema["$ref"].rsplit("/", 1)[1]], **schema}
    own = schema.get("properties", {}) if schema.get("default", {}) is not None else {}
    rest = schema.get("additionalProperties")
    parts = own if own else dict.fromkeys(value or {}, rest) if isinstance(rest, dict) and not place[2:] else {}
    if "default" in schema and not (parts and isinstance(schema["default"], dict)):
        yield place, schema["default"]
    for key, part in parts.items():
        yield from defaults(part, (value or {}).get(key), (*place, key))


def at(place: tuple[str, ...], config: Any) -> Any:
    for key in place:
        config = config[key]
    return config


def stated(place: tuple[str, ...], text: str) -> str | None:
    """What the comment above a key of a YAML text says that its default is."""
    node, key = yaml.compose(text), None
    for name in place:
        key, node = next((key, value) for key, value in node.value if key.value == name)
    above = text.splitlines()[: key.start_mark.line]
    comment = []
    while above and above[-1].lstrip().startswith("#"):
        comment.insert(0, above.pop().lstrip(" #"))
    found = re.search(r"Default: (.+?)\.( |$)", " ".join(comment))
    return found[1] if found else None


def wrong_defaults(text: str) -> list[str]:
    config = yaml.safe_load(text)
    found = {place: stated(place, text) for place, _ in defaults(_schema({}), config)}
    said = {place: yaml.safe_load(word) if word else at(place, config) for place, word in found.items()}
    return [".".join(place) for place, default in defaults(_schema({}), config) if said[place] != default]


def test_the_demo_config_states_every_default() -> None:
    assert len(list(defaults(_schema({}), DEMO))) > 40
    assert wrong_defaults(MANUAL) == []


def test_a_default_that_is_not_stated_is_found() -> None:
    """Negative controls: a value changed without a word, a comment that says another one."""
    assert wrong_defaults(MANUAL.replace("depth: 0.5", "depth: 0.4")) == ["prompt.depth"]
    assert wrong_defaults(MANUAL.replace("Default: 30.", "Default: 20.")) == ["detection.prompts"]
    assert wrong_defaults(MANUAL.replace("draws: 1\n", "draws: 2\n")) == ["arms.random.draws"]


def test_the_template_for_own_studies_keeps_the_schema() -> None:
    own = yaml.safe_load((PROJECT / "studies" / "own.yaml").read_text())
    assert schema_problems(with_defaults(own), "own.yaml") == []


def test_defaults_reach_every_depth() -> None:
    resolved = with_defaults(TINY)
    assert resolved["models"]["smollm2"]["threads"] == 1
    assert resolved["prompt"]["depth"] == 0.5
    assert resolved["generation"]["stop"] == ["\n"]
    assert schema_problems(resolved, "ci.yaml") == []


def test_prompt_published_is_short_for_the_published_studys_prompts() -> None:
    resolved = with_defaults({**TINY, "prompt": "published"})
    assert schema_problems(resolved, "ci.yaml") == []
    prompt = resolved["prompt"]
    assert (prompt["builder"], prompt["min_filler_tokens"], prompt["depth"]) == ("published", 100, 0.5)
    assert prompt["template"] + "Answer in one word:" == (
        "{filler}{passage}{filler}\n\nQuestion: {question}\nAnswer in one word:"
    )
    assert with_defaults(TINY)["prompt"]["builder"] == "ids"  # negative control


def test_a_list_of_figures_is_short_for_their_views() -> None:
    resolved = with_defaults({**TINY, "figures": ["figure8_grid"]})
    assert schema_problems(resolved, "ci.yaml") == []
    assert resolved["figures"] == {**with_defaults(TINY)["figures"], "views": ["figure8_grid"]}
    assert with_defaults({**TINY, "figures": {"width": "3.5"}})["figures"]["width"] == 3.5  # as --config gives it


@pytest.mark.parametrize("name", ["published", "llama3"])
def test_the_published_studies_keep_the_schema(name: str) -> None:
    config = yaml.safe_load((PROJECT / "studies" / f"{name}.yaml").read_text())
    assert schema_problems(with_defaults(config), name) == []


def test_the_strict_study_is_the_published_one_in_the_studys_way() -> None:
    strict, base = (
        yaml.safe_load((PROJECT / "studies" / f"{name}.yaml").read_text()) for name in ("llama3_strict", "llama3")
    )
    update_config(base, strict)  # as Snakemake puts one config file on top of another
    resolved = with_defaults(base)
    assert schema_problems(resolved, "llama3_strict") == []
    short = with_defaults({**TINY, "prompt": "published"})["prompt"]
    assert {key: resolved["prompt"][key] for key in short} == short


def test_filling_in_twice_changes_nothing() -> None:
    assert with_defaults(with_defaults(TINY)) == with_defaults(TINY)


def test_text_from_the_command_line_becomes_what_the_schema_wants() -> None:
    # Snakemake's --config 'tokens=[512]' random='{draws: 3, seed: null}' gives texts.
    told = {**TINY, "tokens": ["512"], "arms": {"random": {"draws": "3", "seed": "null"}}, "prompt": {"chat": "true"}}
    resolved = with_defaults(told)
    assert resolved["tokens"] == [512]
    assert resolved["arms"]["random"]["draws"] == 3
    assert resolved["arms"]["random"]["seed"] is None
    assert resolved["prompt"]["chat"] is True


def test_text_stays_text_where_the_schema_wants_text() -> None:
    told = {**TINY, "study": "2024", "generation": {"stop": ["7"]}}
    resolved = with_defaults(told)
    assert resolved["study"] == "2024"
    assert resolved["generation"]["stop"] == ["7"]


def test_text_that_is_no_number_is_left_for_the_schema_to_refuse() -> None:
    resolved = with_defaults({**TINY, "tokens": ["many"]})
    assert resolved["tokens"] == ["many"]
    assert len(schema_problems(resolved, "ci.yaml")) == 1
