"""Defaults at every depth, and the command line's text taken for what the schema wants."""

from __future__ import annotations

import pytest
import yaml
from project import PROJECT
from snakemake.utils import update_config

from head_ablation.study.config_schema import schema_problems, with_defaults

DEMO = yaml.safe_load((PROJECT / "config.yaml").read_text())
TINY = yaml.safe_load((PROJECT / "studies" / "ci.yaml").read_text())


def test_the_demo_config_says_every_key_that_there_is() -> None:
    resolved = with_defaults(DEMO)
    assert set(resolved) == set(DEMO)
    for section in ("filings", "prompt", "detection", "arms", "ablation", "generation", "scoring"):
        assert set(resolved[section]) == set(DEMO[section]), section
    own = set(DEMO["models"]["smollm2"])
    assert set(resolved["models"]["smollm2"]) == own


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
