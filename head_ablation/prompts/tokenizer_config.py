"""A model's tokenizer_config.json: its form, and the special tokens that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from head_ablation.common.files import is_file, read_json
from head_ablation.common.problems import Problem, StudyError, refuse
from head_ablation.prompts.chat import chosen_template

NAME = "tokenizer_config.json"


def read_tokenizer_config(folder: Path) -> dict[str, Any]:
    """The content of a model's tokenizer_config.json; empty if there is none.

    Raises:
        StudyError: it is no object, or a special token or the chat template is of another form.
    """
    path = folder / NAME
    if not is_file(path):
        return {}
    content = read_json(path)
    if not isinstance(content, dict):
        raise StudyError([Problem(path, "file", f"a {type(content).__name__}", "an object")])
    refuse(_token_problems(path, content))
    chosen_template(content.get("chat_template"), path)
    return content


def chat_template_of(folder: Path, config: Mapping[str, Any]) -> str | None:
    """The chat template of a model: its own file, or that of its tokenizer_config.json; None if it has none."""
    path = folder / "chat_template.jinja"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    return chosen_template(config.get("chat_template"), folder / NAME)


def tokenizer_config_problems(folder: Path) -> list[Problem]:
    """What is wrong with a model's tokenizer_config.json."""
    try:
        read_tokenizer_config(folder)
    except StudyError as error:
        return error.problems
    return []


def _token_problems(path: Path, content: dict[str, Any]) -> Iterator[Problem]:
    for name in ("bos_token", "eos_token", "unk_token", "pad_token"):
        token = content.get(name)
        written = token.get("content") if isinstance(token, dict) else token
        if not isinstance(written, str | None) or (isinstance(token, dict) and written is None):
            yield Problem(path, name, repr(token), "a text, an object with its text as `content`, or null")
