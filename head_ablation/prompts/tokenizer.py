"""A model's tokenizer and chat template, without transformers or torch.

What a prompt is made of is read in two ways. A template may name control tokens, such as those that open a chat's
turns. What documents, questions and filler say is text: a control token's name in it is read as the characters it is.
"""

from __future__ import annotations

import json
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

from head_ablation.common.files import read_json
from head_ablation.common.problems import Problem, StudyError
from head_ablation.prompts.chat import render_chat
from head_ablation.prompts.tokenizer_config import chat_template_of, read_tokenizer_config

NEVER = -1e9  # a log-probability: a piece that no text is cut into
Encoded = tuple[list[int], list[tuple[int, int]]]


class PromptTokenizer:
    """The model's fast tokenizer and chat template, read from its folder without transformers or torch.

    What tokenizer.json switches on besides (truncation, padding, BPE dropout) is said on stderr and switched off.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    @cached_property
    def _state(self) -> dict[str, Any]:
        path = self.folder / "tokenizer.json"
        if not path.is_file():
            raise StudyError(f"{path}: not there; a model needs a fast tokenizer (tokenizer.json)")
        state = read_json(path)
        if not isinstance(state, dict) or not isinstance(state.get("model"), dict):
            raise StudyError([Problem(path, "model", "nothing", "a fast tokenizer")])
        return _settled(state, path)

    @cached_property
    def _tokenizer(self) -> Any:
        return self._loaded(self._state)

    @cached_property
    def _text_tokenizer(self) -> Any:
        """The same, but no text is a control token."""
        state = json.loads(json.dumps(self._state))
        for token in state.get("added_tokens", ()):
            token["special"] = token["content"] in self.control_tokens
        model = state["model"]
        if model.get("type") == "Unigram":  # its vocabulary holds control tokens as pieces, too
            model["vocab"] = [
                [piece, NEVER if piece in self.control_tokens else score] for piece, score in model["vocab"]
            ]
        tokenizer = self._loaded(state)
        tokenizer.encode_special_tokens = True  # as the text they are
        return tokenizer

    def _loaded(self, state: dict[str, Any]) -> Any:
        from tokenizers import Tokenizer

        try:
            return Tokenizer.from_str(json.dumps(state, ensure_ascii=False))
        except Exception as error:  # of the Rust library: it has no class of its own
            path = self.folder / "tokenizer.json"
            raise StudyError([Problem(path, "file", f"no tokenizer ({error})", "a fast tokenizer")]) from None

    @cached_property
    def _config(self) -> dict[str, Any]:
        return read_tokenizer_config(self.folder)

    def _special(self, name: str) -> str | None:
        token = self._config.get(name)
        return token.get("content") if isinstance(token, dict) else token

    def _special_tokens(self) -> dict[str, str]:
        """`bos_token` and so on, as a chat template may write them."""
        named = {name: self._special(name) for name, given in self._config.items() if isinstance(given, str | dict)}
        return {name: token for name, token in named.items() if name.endswith("_token") and token is not None}

    @cached_property
    def control_tokens(self) -> frozenset[str]:
        """The names of all control tokens: those that are marked special, and added ones that the chat template uses.

        Some tokenizers do not mark all of theirs (`<think>`, `<tool_call>`). Added tokens that no template uses, such
        as runs of spaces, are text.
        """
        template = self._chat_template() or ""
        added = self._state.get("added_tokens", ())
        return frozenset(
            token["content"]
            for token in added
            if token["special"] or (token["content"].strip() and token["content"] in template)
        )

    @cached_property
    def _control_ids(self) -> frozenset[int]:
        unknown = self._special("unk_token") or self._state["model"].get("unk_token")
        names = self.control_tokens - {unknown, _unigram_unknown(self._state["model"])}
        return frozenset(self._tokenizer.token_to_id(name) for name in names)

    @cached_property
    def bos_id(self) -> int | None:
        """The id of the beginning-of-sequence token; None for models that have none."""
        token = self._special("bos_token")
        return None if token is None else self._tokenizer.token_to_id(token)

    def text_ids(self) -> list[int]:
        """The ids of all tokens but control tokens."""
        return sorted({*range(self._tokenizer.get_vocab_size())} - self._control_ids)

    def encode(self, text: str) -> Encoded:
        """Token ids of a text without added special tokens, and the character span of each.

        Raises:
            StudyError: the tokenizer cannot read a control token's name as text.
        """
        named = self.named_control_tokens(text)
        if not named:
            return self.encode_template(text)  # the same ids
        encoding = self._text_tokenizer.encode(text, add_special_tokens=False)
        if self._control_ids.intersection(encoding.ids):
            raise StudyError(
                f"{self.folder}: a text contains {', '.join(named)}, which this tokenizer cannot read but as a"
                " control token; take it out of the text"
            )
        return encoding.ids, encoding.offsets

    def named_control_tokens(self, text: str) -> list[str]:
        """The control tokens whose names a text contains."""
        return sorted(name for name in self.control_tokens if name in text)

    def encode_template(self, text: str) -> Encoded:
        """As `encode`, but control tokens that are named are meant."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return encoding.ids, encoding.offsets

    def encode_with_specials(self, text: str) -> Encoded:
        """As `encode_template`, with the special tokens that the tokenizer adds by itself: Llama's adds BOS."""
        encoding = self._tokenizer.encode(text, add_special_tokens=True)
        return encoding.ids, encoding.offsets

    def decode(self, token_ids: list[int]) -> str:
        """Token ids -> text, special tokens left out."""
        return self._tokenizer.decode(token_ids, skip_special_tokens=True)

    def decode_with_specials(self, token_ids: list[int]) -> str:
        """Token ids -> text, special tokens written out."""
        return self._tokenizer.decode(token_ids, skip_special_tokens=False)

    def chat(self, user_turn: str) -> str:
        """The chat template's text around one user turn, up to where the model's turn begins.

        Raises:
            StudyError: no template, or one that cannot be rendered or does not show the turn exactly once.
        """
        template = self._chat_template()
        if template is None:
            wanted = "a chat template, since prompt.chat is true"
            raise StudyError([Problem(self.folder, "chat_template", "nothing", wanted, "Set chat: false.")])
        text = render_chat(template, user_turn, self._special_tokens(), self.folder)
        if text.count(user_turn) != 1:
            raise StudyError(f"{self.folder}: the chat template shows the user's turn {text.count(user_turn)} times")
        return text

    def _chat_template(self) -> str | None:
        return chat_template_of(self.folder, self._config)


def _settled(state: dict[str, Any], path: Path) -> dict[str, Any]:
    """The tokenizer's state without what would cut, lengthen or vary our token ids."""
    model = state["model"]
    switched_on = [name for name in ("truncation", "padding") if state.get(name)]
    switched_on += ["model.dropout"] if model.get("dropout") else []
    if switched_on:
        print(f"{path}: {', '.join(switched_on)} is set there; ignored, prompts are read whole", file=sys.stderr)
    settled = {"dropout": None} if model.get("dropout") else {}
    return {**state, "truncation": None, "padding": None, "model": {**model, **settled}}


def _unigram_unknown(model: dict[str, Any]) -> str | None:
    """The name of a Unigram model's token for unknown characters."""
    place = model.get("unk_id")
    return None if place is None else str(model["vocab"][place][0])
