"""How a prompt is laid out: its template with slots, its stem, its depth."""

from __future__ import annotations

from dataclasses import dataclass

from head_ablation.prompts.tokenizer import PromptTokenizer

SLOTS = ("{filler}", "{passage}", "{filler}", "{question}")
_USER_TURN = "\ue000"  # a private-use character: stands for the user's turn in a chat template


@dataclass(frozen=True)
class Layout:
    """How a prompt is laid out.

    Attributes:
        template: text with the slots {filler}, {passage}, {filler}, {question}, in this order.
        stem: what the answer begins with; follows the template (and, in a chat, opens the model's turn).
        chat: wrap the template in the model's chat template, as the user's turn.
        depth: share of the filler that stands before the passage, 0 to 1.
        min_filler_tokens: filler tokens kept even if the passage must be cut for them.
        builder: `ids` (token ids, exactly T) or `published` (decoded and tokenized again, as the published study did).
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


@dataclass(frozen=True)
class PromptSettings:
    """What decides the prompts of a question, besides samples, filler, tokens and tokenizer."""

    layout: Layout
    question: str


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
