"""A tokenizer worked out by hand: every UTF-8 byte is one token, and a few special tokens follow.

Token ids: bytes are numbered by ByteLevel's sorted alphabet; `<s>` is 256 and `</s>` is 257.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

BOS, EOS = "<s>", "</s>"
BOS_ID, EOS_ID = 256, 257
VOCABULARY_SIZE = 258
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}\n"
    "{% endfor %}{% if add_generation_prompt %}<model>{% endif %}"
)


def byte_tokenizer(merge: tuple[str, str] | None = None, adds_bos: bool = False) -> Tokenizer:
    """One token per byte; `</s>` and `<s>` are special.

    Args:
        merge: two letters of ByteLevel's alphabet that are one token, 256, where they meet; BOS and EOS move up.
        adds_bos: put `<s>` in front of a text by itself, as Llama's tokenizer does.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {c: i for i, c in enumerate(alphabet)}
    if merge:
        vocabulary["".join(merge)] = len(alphabet)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[merge] if merge else []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(BOS, special=True), AddedToken(EOS, special=True)])
    if adds_bos:
        bos = (BOS, tokenizer.token_to_id(BOS))
        tokenizer.post_processor = processors.TemplateProcessing(single=f"{BOS} $A", special_tokens=[bos])
    return tokenizer


def save_byte_tokenizer(folder: Path, config: Mapping[str, Any] | None = None, **kind: Any) -> Path:
    """Writes tokenizer.json and tokenizer_config.json, as a model folder has them.

    Args:
        folder: made if need be.
        config: of tokenizer_config.json; by default BOS and EOS, no chat template.
        **kind: of the `byte_tokenizer`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    byte_tokenizer(**kind).save(str(folder / "tokenizer.json"))
    shown = {"bos_token": BOS, "eos_token": EOS} if config is None else dict(config)
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **shown}), encoding="utf-8"
    )
    return folder
