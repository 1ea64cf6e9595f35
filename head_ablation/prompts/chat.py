"""Chat templates: the Jinja of tokenizer_config.json, rendered in a process of its own that has an end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from head_ablation.common.problems import Problem, StudyError
from head_ablation.prompts import chat_template

DEFAULT = "default"
HOME = Path(__file__).parents[2]  # where the library is


def chosen_template(given: Any, file: Path) -> str | None:
    """The template of a `chat_template` entry: a text, a list of named ones (its `default`), or null.

    Raises:
        StudyError: a list without a `default`, or something else.
    """
    if given is None or isinstance(given, str):
        return given
    wanted = "a text, null, or a list of {name, template} with the name 'default'"
    try:
        named = {str(entry["name"]): str(entry["template"]) for entry in given}
    except (TypeError, KeyError):
        raise StudyError([Problem(file, "chat_template", repr(given), wanted)]) from None
    if DEFAULT not in named:
        raise StudyError([Problem(file, "chat_template", f"the names {', '.join(sorted(named))}", wanted)])
    return named[DEFAULT]


def render_chat(template: str, user_turn: str, special_tokens: Mapping[str, str], folder: Path) -> str:
    """One user turn in a chat template, up to where the model's turn begins.

    Args:
        template: Jinja.
        user_turn: what the user says.
        special_tokens: `bos_token` and so on.
        folder: the model's, for messages.

    Raises:
        StudyError: the template cannot be rendered, or not within the time and memory that it is given.
    """
    asked = json.dumps({"template": template, "user_turn": user_turn, "special_tokens": dict(special_tokens)})
    path = os.pathsep.join(part for part in (str(HOME), os.environ.get("PYTHONPATH")) if part)
    command = [sys.executable, "-m", chat_template.__name__]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    said = json.loads(done.stdout) if done.returncode == 0 else {"error": _limits()}
    if "error" in said:
        raise StudyError(f"{folder}: the chat template cannot be rendered: {said['error']}")
    return str(said["text"])


def _limits() -> str:
    return f"it was ended, at {chat_template.SECONDS} seconds or {chat_template.GIGABYTES} GB at the latest"
