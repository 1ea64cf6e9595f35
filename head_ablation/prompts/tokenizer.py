"""A model's tokenizer and chat template, without transformers or torch."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from head_ablation.common.problems import StudyError


class PromptTokenizer:
    """The model's fast tokenizer and chat template, read from its folder without transformers or torch."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        path = self.folder / "tokenizer.json"
        if not path.is_file():
            raise StudyError(f"{path}: not there; a model needs a fast tokenizer (tokenizer.json)")
        return Tokenizer.from_file(str(path))

    @cached_property
    def _config(self) -> dict[str, Any]:
        path = self.folder / "tokenizer_config.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def _special(self, name: str) -> str | None:
        token = self._config.get(name)
        return token["content"] if isinstance(token, dict) else token

    @cached_property
    def bos_id(self) -> int | None:
        """The id of the beginning-of-sequence token; None for models that have none."""
        token = self._special("bos_token")
        return None if token is None else self._tokenizer.token_to_id(token)

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Token ids without added special tokens, and the character span of each."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return encoding.ids, encoding.offsets

    def encode_with_specials(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """As `encode`, with the special tokens that the tokenizer adds by itself: Llama's adds BOS."""
        encoding = self._tokenizer.encode(text, add_special_tokens=True)
        return encoding.ids, encoding.offsets

    def decode(self, token_ids: list[int]) -> str:
        """Token ids -> text, special tokens left out."""
        return self._tokenizer.decode(token_ids, skip_special_tokens=True)

    def decode_with_specials(self, token_ids: list[int]) -> str:
        """Token ids -> text, special tokens written out."""
        return self._tokenizer.decode(token_ids, skip_special_tokens=False)

    def chat(self, user_turn: str) -> str:
        """The chat template's text around one user turn, up to where the model's turn begins."""
        from jinja2 import TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        try:
            text = environment.from_string(self._chat_template()).render(
                messages=[{"role": "user", "content": user_turn}],
                add_generation_prompt=True,
                bos_token=self._special("bos_token") or "",
                eos_token=self._special("eos_token") or "",
            )
        except TemplateError as error:
            raise StudyError(f"{self.folder}: the chat template cannot be rendered: {error}") from None
        if text.count(user_turn) != 1:
            raise StudyError(f"{self.folder}: the chat template shows the user's turn {text.count(user_turn)} times")
        return text

    def _chat_template(self) -> str:
        path = self.folder / "chat_template.jinja"
        if path.is_file():
            return path.read_text(encoding="utf-8")
        if "chat_template" not in self._config:
            raise StudyError(f"{self.folder}: the model has no chat template; set prompt.chat: false")
        return self._config["chat_template"]
