"""The gold answer of a prompt and its distractors, as token ids behind the prompt.

Distractors are the passage's other values of the question's kind: of a question about years, its other years. Each
value is written as the passage writes it first, and followed by what ends an answer, so that "198" does not collect
what belongs to "1987".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from head_ablation.detectors.detector import Reading
from head_ablation.detectors.query import tail_pieces
from head_ablation.prompts.layout import PromptSettings
from head_ablation.prompts.matchers import MATCHERS
from head_ablation.prompts.prompt import Prompt
from head_ablation.prompts.tokenizer import PromptTokenizer

DISTRACTORS = "values of the question's kind in the passage, the most frequent first, that the gold one is held against"


@dataclass(frozen=True)
class AnswerWriter:
    """Writes answers behind the prompts of an experiment.

    Attributes:
        tokenizer: the model's.
        asked: layout and question of the prompts.
        matcher: the question's.
        ending: the text that ends an answer.
    """

    tokenizer: PromptTokenizer
    asked: PromptSettings
    matcher: str
    ending: str

    @classmethod
    def of(cls, reading: Reading) -> AnswerWriter:
        """For a reading's prompts; its first stop string ends an answer."""
        settings = reading.settings
        return cls(reading.tokenizer, settings.asked, settings.matcher, next(iter(settings.run.stop), ""))

    def answers(self, prompt: Prompt, distractors: int) -> list[list[int]]:
        """The gold answer's token ids, then those of up to so many distractors, the most frequent first."""
        gold, others = self.values(prompt)
        return [self.token_ids(value) for value in (gold, *others[:distractors])]

    def values(self, prompt: Prompt) -> tuple[str, list[str]]:
        """The gold answer and the distractors, as the passage writes them; the most frequent distractor first."""
        matcher = MATCHERS[self.matcher]
        passage = self.tokenizer.decode(prompt.token_ids[slice(*prompt.passage_span)])
        right = {value for gold in prompt.golds for value in matcher.gold_values(gold)}
        mentions = matcher.mentions(passage)
        written: dict[str, str] = {}
        for value, start, end in mentions:
            written.setdefault(value, passage[start:end])
        gold = next((text for value, text in written.items() if value in right), prompt.gold)
        counts = Counter(value for value, _, _ in mentions if value not in right)
        return gold, [written[value] for value, _ in counts.most_common()]

    def token_ids(self, value: str) -> list[int]:
        """A value's ids: of question, stem and value read at once, what stands behind the ids of question and stem."""
        before, behind = tail_pieces(self.tokenizer, self.asked)
        context = before + self.asked.question + behind
        answer = ("" if context[-1:].isspace() else " ") + value + self.ending
        read = self.tokenizer.encode_template(context)[0]
        whole: Sequence[int] = self.tokenizer.encode_template(context + answer)[0]
        joins = whole[: len(read)] == read and not self.tokenizer.named_control_tokens(context + answer)
        return list(whole[len(read) :]) if joins else self.tokenizer.encode(answer)[0]
