"""Renders one chat template: a program of its own, which the system ends when it takes too long or too much memory.

    python -m head_ablation.prompts.chat_template < {"template", "user_turn", "special_tokens"} > {"text"} or {"error"}

A template is a program that comes with a model: nested loops alone can run for years. It gets the functions and tags
that transformers gives it; transformers renders templates itself, but brings torch along, which the jobs that make
prompts do without.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

TODAY = datetime(2024, 7, 26)  # for templates that write the date: the one that Llama's fall back to
SECONDS, GIGABYTES = 4, 4  # of the processor, whatever else the machine does; of addresses


def main() -> None:
    """Reads what to render on stdin, and writes the text on stdout, or why there is none."""
    asked = json.load(sys.stdin)
    limits = {resource.RLIMIT_CPU: SECONDS, resource.RLIMIT_AS: GIGABYTES * 10**9}
    for kind, most in limits.items():
        _limit(kind, most)
    try:
        said = {"text": render(**asked)}
    except Exception as error:  # a template can raise whatever Python can
        said = {"error": str(error) or type(error).__name__}
    json.dump(said, sys.stdout)


def _limit(kind: int, most: int) -> None:
    """Lowers a limit of this process, where the system has it and it is not lower already."""
    _, hard = resource.getrlimit(kind)
    try:
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    except (OSError, ValueError):  # macOS has no limit of addresses
        return


def render(template: str, user_turn: str, special_tokens: Mapping[str, str]) -> str:
    """One user turn in a chat template, up to where the model's turn begins; whatever error the template raises."""
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


if __name__ == "__main__":
    main()
