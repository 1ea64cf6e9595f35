"""Prompts: token ids built once, exactly T long, one BOS, with the spans of needle and answer carried along.

A prompt is

    [BOS] filler  passage  filler  question  stem

where the filler before and after the passage is one continuous text, split so that the passage stands at `depth`.
Nothing is decoded and tokenized again, except by `StudyPromptBuilder`, which builds prompts as the published study did.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from head_ablation.files import canonical_json, read_jsonl, sha256_text
from head_ablation.problems import StudyError
from head_ablation.samples import Sample

Span = tuple[int, int]
Assembled = tuple[list[int], Span, Span | None]
SLOTS = ("{filler}", "{passage}", "{filler}", "{question}")
_USER_TURN = "\ue000"  # a private-use character: stands for the user's turn in a chat template


@dataclass(frozen=True)
class Prompt:
    """A question as token ids.

    Attributes:
        filename, cluster, gold: of the sample.
        token_ids: [T].
        passage_span: positions [start, end) of the passage.
        answer_span: positions [start, end) of the answer; None if the passage in the prompt lacks it.
        answerable: whether the whole answer stands in the prompt.
        reason: empty, or why not: `cut off` (the passage was too long) or `not stated`.
    """

    filename: str
    cluster: str
    gold: str
    token_ids: list[int]
    passage_span: tuple[int, int]
    answer_span: tuple[int, int] | None
    answerable: bool = field(init=False)
    reason: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "answerable", self.answer_span is not None)
        start, end = self.passage_span
        if not 0 <= start <= end <= len(self.token_ids):
            raise ValueError(f"passage span {start}-{end} in a prompt of {len(self.token_ids)} tokens")

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Prompt:
        """From a line of a prompts file."""
        values = {key: value for key, value in row.items() if key != "answerable"}
        spans = {key: tuple(values[key]) if values[key] else None for key in ("passage_span", "answer_span")}
        return cls(**{**values, **spans})

    def to_json(self) -> dict[str, Any]:
        """A line of a prompts file."""
        return asdict(self)


@dataclass(frozen=True)
class Layout:
    """How a prompt is laid out.

    Attributes:
        template: text with the slots {filler}, {passage}, {filler}, {question}, in this order.
        stem: what the answer begins with; follows the template (and, in a chat, opens the model's turn).
        chat: wrap the template in the model's chat template, as the user's turn.
        depth: share of the filler that stands before the passage, 0 to 1.
        min_filler_tokens: filler tokens kept even if the passage must be cut for them.
        builder: `ids` (token ids, exactly T) or `study` (decoded and tokenized again, as the published study did).
    """

    template: str
    stem: str
    chat: bool
    depth: float
    min_filler_tokens: int
    builder: str = "ids"

    def __post_init__(self) -> None:
        pieces(self.template)

    def rendered(self, tokenizer: PromptTokenizer) -> str:
        """The template with the chat's turns around it and the stem behind it."""
        if not self.chat:
            return self.template + self.stem
        return tokenizer.chat(_USER_TURN).replace(_USER_TURN, self.template) + self.stem


def pieces(template: str) -> list[str]:
    """The literal text before, between and behind the slots: 5 pieces.

    Raises:
        ValueError: a slot is missing, repeated or out of order.
    """
    found, rest = [], template
    for slot in SLOTS:
        literal, separator, rest = rest.partition(slot)
        if not separator or any(other in literal for other in SLOTS):
            raise ValueError(f"'{template}' lacks the slots {' '.join(SLOTS)} in this order")
        found.append(literal)
    if any(slot in rest for slot in SLOTS):
        raise ValueError(f"'{template}' has more slots than {' '.join(SLOTS)}")
    return [*found, rest]


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


class PromptBuilder:
    """Builds the prompts of one experiment.

    Args:
        tokenizer: the model's.
        layout: template, stem, depth.
        question: the question's text.
        filler: prose around the passage; repeated if too short.
        tokens: T, the exact length of each prompt.
    """

    def __init__(self, tokenizer: PromptTokenizer, layout: Layout, question: str, filler: str, tokens: int):
        self.tokenizer, self.layout, self.tokens = tokenizer, layout, tokens
        head, *middle, before_question, tail = pieces(layout.rendered(tokenizer))
        literals = (head, *middle, before_question + question + tail)
        self.literals = [tokenizer.encode(text)[0] for text in literals]  # 4 lists of ids
        self._add_bos()
        self.filler = tokenizer.encode(filler)[0]
        if not self.filler:
            raise StudyError("the filler holds no text; expected prose to put around the passage")
        self.room = tokens - sum(map(len, self.literals)) - layout.min_filler_tokens
        if self.room < 1:
            raise StudyError(
                f"{tokens} tokens cannot hold a passage: question, template and"
                f" {layout.min_filler_tokens} tokens of filler take {tokens - self.room}; use longer prompts"
            )

    def _add_bos(self) -> None:
        bos, first = self.tokenizer.bos_id, self.literals[0]
        if bos is not None and first[:1] != [bos]:
            first.insert(0, bos)

    def build(self, sample: Sample) -> Prompt:
        """The prompt of one sample; a passage too long is cut at its end."""
        ids, offsets = self.tokenizer.encode(sample.passage)
        passage = self._kept(ids)
        answer = _token_span(offsets, sample.answer_span)
        reason = "not stated" if answer is None else "cut off" if answer[1] > len(passage) else ""
        lead, trail = self._around(len(passage))
        token_ids, passage_span, answer_span = self._assembled(lead, passage, trail, None if reason else answer)
        return Prompt(
            filename=sample.filename,
            cluster=sample.cluster,
            gold=sample.gold,
            token_ids=token_ids,
            passage_span=passage_span,
            answer_span=answer_span,
            reason=reason,
        )

    def _kept(self, passage: list[int]) -> list[int]:
        return passage[: self.room]

    def _around(self, passage_tokens: int) -> tuple[list[int], list[int]]:
        """What stands before the passage, and behind it."""
        before, after = self._filler_around(self.room + self.layout.min_filler_tokens - passage_tokens)
        head, open_passage, close_passage, tail = self.literals
        return [*head, *before, *open_passage], [*close_passage, *after, *tail]

    def _filler_around(self, count: int) -> tuple[list[int], list[int]]:
        filler = self._repeated(count)
        cut = round(self.layout.depth * count)
        return filler[:cut], filler[cut:]

    def _repeated(self, count: int) -> list[int]:
        return (self.filler * (count // len(self.filler) + 1))[:count]

    def _assembled(self, lead: list[int], passage: list[int], trail: list[int], answer: Span | None) -> Assembled:
        """The prompt's ids and, in it, the spans of the passage and of the answer (given within the passage)."""
        start = len(lead)
        span = (start + answer[0], start + answer[1]) if answer else None
        return [*lead, *passage, *trail], (start, start + len(passage)), span


class StudyPromptBuilder(PromptBuilder):
    """Builds prompts as the published study did, for comparison only; arguments as `PromptBuilder`.

    A passage is cut only if it leaves no room for any filler; the filler behind it begins anew instead of going on.
    The prompt is decoded to text and tokenized again: a tokenizer that adds BOS by itself, such as Llama's, adds a
    second one, and where pieces meet tokens merge, so that the length is near T, not T.
    """

    def _kept(self, passage: list[int]) -> list[int]:
        fits = len(passage) <= self.room + self.layout.min_filler_tokens
        return passage if fits else passage[: self.room]

    def _filler_around(self, count: int) -> tuple[list[int], list[int]]:
        cut = int(self.layout.depth * count)
        return self._repeated(cut), self._repeated(count - cut)

    def _assembled(self, lead: list[int], passage: list[int], trail: list[int], answer: Span | None) -> Assembled:
        cuts = (0, *(answer or (0, 0)), len(passage))
        parts = [lead, *(passage[a:b] for a, b in pairwise(cuts)), trail]
        texts = [self.tokenizer.decode_with_specials(part) for part in parts]
        ids, offsets = self.tokenizer.encode_with_specials("".join(texts))
        start, answer_start, answer_end, end = list(accumulate(map(len, texts)))[:4]
        passage_span = _token_span(offsets, (start, end)) or (len(ids), len(ids))
        return ids, passage_span, _token_span(offsets, (answer_start, answer_end)) if answer else None


BUILDERS = {"ids": PromptBuilder, "study": StudyPromptBuilder}


def prompt_builder(
    tokenizer: PromptTokenizer, layout: Layout, question: str, filler: str, tokens: int
) -> PromptBuilder:
    """The builder that the layout asks for; arguments as `PromptBuilder`."""
    return BUILDERS[layout.builder](tokenizer, layout, question, filler, tokens)


def _token_span(offsets: list[tuple[int, int]], characters: tuple[int, int] | None) -> tuple[int, int] | None:
    """The tokens that overlap a character span."""
    if characters is None:
        return None
    start, end = characters
    touched = [i for i, (a, b) in enumerate(offsets) if a < end and b > start]
    return (touched[0], touched[-1] + 1) if touched else None


def build_prompts(builder: PromptBuilder, samples: Iterable[Sample]) -> list[Prompt]:
    """The prompts of all samples.

    Raises:
        StudyError: there are no samples, or none whose answer still stands in its prompt.
    """
    prompts = [builder.build(sample) for sample in samples]
    if not prompts:
        raise StudyError("no sample has an answer to this question; expected at least 1")
    if not any(prompt.answerable for prompt in prompts):
        reasons = sorted({prompt.reason for prompt in prompts})
        raise StudyError(
            f"none of {len(prompts)} prompts of {builder.tokens} tokens holds its answer ({', '.join(reasons)});"
            " use longer prompts, or check the ground truth"
        )
    return prompts


def refuse_beyond(tokens: int, positions: int | None) -> None:
    """Raises StudyError if a model of so many positions cannot hold prompts of so many tokens."""
    if positions is not None and tokens > positions:
        raise StudyError(f"prompts of {tokens} tokens; expected at most {positions}, the model's positions")


def read_prompts(path: str | Path) -> list[Prompt]:
    """The prompts of a prompts file."""
    return [Prompt.from_json(row) for row in read_jsonl(path)]


def prompts_digest(prompts: Iterable[Prompt]) -> str:
    """A digest of what the model is asked: the token ids of all prompts, in order."""
    return sha256_text(canonical_json([prompt.token_ids for prompt in prompts]))
