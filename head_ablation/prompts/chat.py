"""Chat templates: the Jinja of tokenizer_config.json, with the functions and tags that transformers gives it.

transformers renders templates itself, but brings torch along, which the jobs that make prompts do without.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from head_ablation.common.problems import Problem, StudyError

TODAY = datetime(2024, 7, 26)  # for templates that write the date: the one that Llama's fall back to
DEFAULT = "default"


def chosen_template(given: Any, file: Path) -> str | None:
    """The template of a `chat_template` entry: a text, a list of named ones (its `default`), or null.

    Raises:
        StudyError: a list without a `default`, or something else.
    """
    if given is None or isinstance(given, str):
        return given
    wanted = "a text, null, or a list of {name, template} with the name 'default'"
    try:
        named = {entry["name"]: entry["template"] for entry in given}
    except (TypeError, KeyError):
        raise StudyError([Problem(file, "chat_template", repr(given), wanted)]) from None
    if DEFAULT not in named:
        raise StudyError([Problem(file, "chat_template", f"the names {', '.join(sorted(named))}", wanted)])
    return str(named[DEFAULT])


def render_chat(template: str, user_turn: str, special_tokens: Mapping[str, str], folder: Path) -> str:
    """One user turn in a chat template, up to where the model's turn begins.

    Args:
        template: Jinja.
        user_turn: what the user says.
        special_tokens: `bos_token` and so on.
        folder: the model's, for messages.

    Raises:
        StudyError: the template cannot be rendered.
    """
    try:
        return (
            _environment()
            .from_string(template)
            .render(
                messages=[{"role": "user", "content": user_turn}],
                add_generation_prompt=True,
                tools=None,
                documents=None,
                **{"bos_token": "", "eos_token": "", **special_tokens},
            )
        )
    except (TemplateError, TypeError, ValueError) as error:
        raise StudyError(f"{folder}: the chat template cannot be rendered: {error}") from None


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _Generation]
    )
    environment.filters["tojson"] = _to_json
    environment.globals.update(raise_exception=_raise, strftime_now=TODAY.strftime)
    return environment


class _Generation(Extension):
    """The tags `generation` and `endgeneration`, which mark what a model says: what is between them is written."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Parser) -> nodes.Node:
        """What is between the tags, with variables of its own."""
        line = next(parser.stream).lineno
        return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=line)


def _raise(message: str) -> None:
    raise TemplateError(message)


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Plain JSON; Jinja's own filter escapes what means something in HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
