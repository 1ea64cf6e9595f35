"""The paths and path templates of a config, as text: what no file can be called, and what no template can mean."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterator, Mapping
from typing import Any

from head_ablation.common.problems import Problem, did_you_mean
from head_ablation.study.config_schema import DETECT

FIELDS = {"method", "model", "model_dir", "question", "tokens"}
NAME_BYTES, PATH_BYTES = 255, 4000
PADDED = re.compile(r"0?[1-9]?d?")  # {tokens:05}: how a number may be written


def path_problems(config: Mapping[str, Any], file: str) -> Iterator[Problem]:
    """The paths in a config of the right form that no file can have."""
    for field, text in _paths(config).items():
        if isinstance(text, str) and (found := impossible(text)):
            yield Problem(file, field, found, f"a path, of names of at most {NAME_BYTES} bytes, {PATH_BYTES:,} in all")


def _paths(config: Mapping[str, Any]) -> dict[str, Any]:
    filings = config.get("filings") or {}
    own = ("ground_truth", "section_1", "evidence")
    return {
        **{key: config[key] for key in ("question_bank", "results_from", "claims")},
        **{f"filings.{key}": filings.get(key) for key in own},
        **{f"filings.corpus.{key}": value for key, value in (filings.get("corpus") or {}).items() if value},
        "prompt.filler": config["prompt"]["filler"],
        **{f"rankings.{method}": source for method, source in config["rankings"].items() if source != DETECT},
        **{
            f"models.{key}.{part}": model[part]
            for key, model in config["models"].items()
            for part in ("source", "revision", "model_dir")
        },
    }


def impossible(text: str) -> str | None:
    """Why no file can have this path, as what was found; None if one can."""
    if not text.strip():
        return "an empty text"
    if not text.isprintable():
        return f"{text!r}, with characters that no path should have"
    if len(os.fsencode(text)) > PATH_BYTES or any(len(os.fsencode(name)) > NAME_BYTES for name in text.split("/")):
        return f"{text!r}, which is too long"
    if text.startswith("~") and os.path.expanduser(text).startswith("~"):
        return f"{text!r}, of a user that this machine does not have"
    return None


def template_problems(file: str, field: str, template: str) -> Iterator[Problem]:
    """What is wrong with a path template: braces that do not match, unknown fields, odd ways to write them."""
    try:
        parts = [part[1:] for part in string.Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        yield Problem(file, field, repr(template), f"a path with fields in braces ({error})")
        return
    for name in sorted({str(name) for name, _, _ in parts} - FIELDS):
        yield Problem(file, field, f"{{{name}}}", "a known field", did_you_mean(name, FIELDS))
    for key, written, conversion in parts:
        if conversion or (written and not (key == "tokens" and PADDED.fullmatch(written))):
            found = f"{{{key}{'!' + conversion if conversion else ''}{':' + written if written else ''}}}"
            yield Problem(file, field, found, f"{{{key}}}; {{tokens}} may be padded, as in {{tokens:05}}")
