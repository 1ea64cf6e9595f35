"""Prompts: token ids built once, exactly T long, one BOS, with the spans of needle and answer carried along.

A prompt is

    [BOS] filler  passage  filler  question  stem

where the filler before and after the passage is one continuous text, split so that the passage stands at `depth`.
Nothing is decoded and tokenized again, except by `PublishedPromptBuilder`, which builds prompts as the published study
did.
"""

from __future__ import annotations

from collections.abc import Iterable

from head_ablation.common.problems import StudyError
from head_ablation.prompts.layout import Layout, pieces
from head_ablation.prompts.prompt import Prompt, Span
from head_ablation.prompts.samples import Sample
from head_ablation.prompts.tokenizer import PromptTokenizer

Assembled = tuple[list[int], Span, Span | None]


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
        self.literals = [tokenizer.encode_template(text)[0] for text in (head, *middle)]
        self.literals.append(self._asked(before_question, question, tail))  # 4 lists of ids
        self._add_bos()
        self.filler_text, self.filler = filler, tokenizer.encode(filler)[0]
        if not self.filler:
            raise StudyError("the filler holds no text; expected prose to put around the passage")
        self.room = tokens - sum(map(len, self.literals)) - layout.min_filler_tokens
        if self.room < 1:
            raise StudyError(
                f"{tokens} tokens cannot hold a passage: question, template and"
                f" {layout.min_filler_tokens} tokens of filler take {tokens - self.room}; use longer prompts"
            )

    def _asked(self, before: str, question: str, behind: str) -> list[int]:
        """The question with the template around it: read at once, unless it names a control token as text."""
        if not self.tokenizer.named_control_tokens(question):
            return self.tokenizer.encode_template(before + question + behind)[0]
        around = [self.tokenizer.encode_template(text)[0] for text in (before, behind)]
        return [*around[0], *self.tokenizer.encode(question)[0], *around[1]]

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
            company=sample.company,
            gold=sample.gold,
            token_ids=token_ids,
            passage_span=passage_span,
            answer_span=answer_span,
            reason=reason,
            alternatives=sample.alternatives,
            ambiguous=sample.ambiguous,
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


class PublishedPromptBuilder(PromptBuilder):
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

    def build(self, sample: Sample) -> Prompt:
        """As `PromptBuilder`; a text that names a control token is refused: read again, it would become one."""
        for what, text in ((f"{sample.filename}: the passage", sample.passage), ("the filler", self.filler_text)):
            if named := self.tokenizer.named_control_tokens(text):
                raise StudyError(
                    f"{what} contains {', '.join(named)}, which the published way of building prompts would turn"
                    " into a control token; take it out, or set prompt.builder: ids"
                )
        return super().build(sample)

    def _assembled(self, lead: list[int], passage: list[int], trail: list[int], answer: Span | None) -> Assembled:
        ids = [*lead, *passage, *trail]
        start, end = len(lead), len(lead) + len(passage)
        cuts = [start, *(start + place for place in answer or (0, 0)), end]
        text = self.tokenizer.decode_with_specials(ids)
        start, answer_start, answer_end, end = (self._characters(ids, cut) for cut in cuts)
        ids, offsets = self.tokenizer.encode_with_specials(text)
        passage_span = _token_span(offsets, (start, end)) or (len(ids), len(ids))
        return ids, passage_span, _token_span(offsets, (answer_start, answer_end)) if answer else None

    def _characters(self, ids: list[int], cut: int) -> int:
        """How many characters of the whole text the first `cut` tokens write."""
        return len(self.tokenizer.decode_with_specials(ids[:cut]))


BUILDERS = {"ids": PromptBuilder, "published": PublishedPromptBuilder}


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


def build_prompts(builder: PromptBuilder, samples: Iterable[Sample], need_answers: bool = True) -> list[Prompt]:
    """The prompts of all samples.

    Args:
        builder: of the experiment.
        samples: of one split.
        need_answers: whether some prompt must hold its answer, as in the test split; without one in the train split,
            no head is ranked, which is said there.

    Raises:
        StudyError: there are no samples, or none whose answer still stands in its prompt.
    """
    prompts = [builder.build(sample) for sample in samples]
    if not prompts:
        raise StudyError("no sample has an answer to this question; expected at least 1")
    if need_answers and not any(prompt.answerable for prompt in prompts):
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
