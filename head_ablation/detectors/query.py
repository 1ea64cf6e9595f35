"""The question at a prompt's end, and the null query that takes its place.

Prompts of an experiment end alike: the template's last words before the question, the question, and what stands behind
it, the stem included. A null query is the same end with "N/A" for a question. Real and null prompt share every id
before the place where their ends part, so that what was read up to there serves both.
"""

from __future__ import annotations

from dataclasses import dataclass

from head_ablation.common.problems import StudyError
from head_ablation.prompts.layout import PromptSettings, pieces
from head_ablation.prompts.prompt import Prompt, Span
from head_ablation.prompts.tokenizer import PromptTokenizer

NULL_QUESTION = "N/A"


@dataclass(frozen=True)
class End:
    """How a prompt ends, from where real and null prompt part.

    Attributes:
        token_ids: of the end.
        question: the positions [start, end) of the question in it.
    """

    token_ids: list[int]
    question: Span

    def positions(self, to_end: bool) -> Span:
        """Where, in the end, the query stands: from the question's first token on, to the prompt's end or its own."""
        return self.question[0], len(self.token_ids) if to_end else self.question[1]


@dataclass(frozen=True)
class Query:
    """The end of an experiment's prompts, and the null query's.

    Attributes:
        real, null: the two ends.
    """

    real: End
    null: End

    @classmethod
    def of(cls, tokenizer: PromptTokenizer, asked: PromptSettings) -> Query:
        """Of an experiment's layout and question."""
        before, behind = tail_pieces(tokenizer, asked)
        real, null = (_end(tokenizer, before, question, behind) for question in (asked.question, NULL_QUESTION))
        shared = min(_alike(real.token_ids, null.token_ids), real.question[0])
        return cls(_behind(real, shared), _behind(null, shared))

    def start(self, prompt: Prompt) -> int:
        """The position in a prompt at which its end begins.

        Raises:
            StudyError: the prompt does not end so.
        """
        start = len(prompt.token_ids) - len(self.real.token_ids)
        if start < 1 or prompt.token_ids[start:] != self.real.token_ids:
            raise StudyError(
                f"{prompt.filename}: its last {len(self.real.token_ids)} tokens are not those of the question;"
                " expected a prompt that ends with question and stem, as prompt.builder: ids makes it"
            )
        return start


def tail_pieces(tokenizer: PromptTokenizer, asked: PromptSettings) -> tuple[str, str]:
    """The template's text before the question, from the last filler on, and behind it, the stem included."""
    *_, before, behind = pieces(asked.layout.rendered(tokenizer))
    return before, behind


def _end(tokenizer: PromptTokenizer, before: str, question: str, behind: str) -> End:
    """As the builders make it: read at once, unless the question names a control token as text."""
    if tokenizer.named_control_tokens(question):
        parts = [tokenizer.encode_template(before)[0], tokenizer.encode(question)[0]]
        first = len(parts[0])
        ids = [*parts[0], *parts[1], *tokenizer.encode_template(behind)[0]]
        return End(ids, (first, first + len(parts[1])))
    ids, offsets = tokenizer.encode_template(before + question + behind)
    start, end = len(before), len(before) + len(question)
    inside = [place for place, (first, last) in enumerate(offsets) if first < end and last > start]
    return End(ids, (inside[0], inside[-1] + 1))


def _alike(ids: list[int], others: list[int]) -> int:
    """How many ids two lists begin with in common."""
    pairs = list(zip(ids, others, strict=False))
    return next((place for place, (one, other) in enumerate(pairs) if one != other), len(pairs))


def _behind(end: End, shared: int) -> End:
    return End(end.token_ids[shared:], (end.question[0] - shared, end.question[1] - shared))
