"""One pass for all detectors: each prompt is read once, and what they watch is read on top of it once.

The answer is decoded first, then the question and the null query are read in its place. So what a detector sees does
not depend on the others that are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from head_ablation.common.problems import StudyError
from head_ablation.detectors.detector import ANSWER, LAST, NULL, QUERY, Batch, Detector, Reading, Watcher
from head_ablation.prompts.prompt import Prompt, Span

if TYPE_CHECKING:
    import torch

    from head_ablation.engine.watching import Rows, WatchedBatch

OnRead = Callable[[int], object]


@dataclass(frozen=True)
class Chosen:
    """A detector with its options."""

    detector: Detector
    options: Any

    @property
    def kinds(self) -> set[str]:
        """What it watches."""
        return set(self.detector.watches)


@dataclass(frozen=True)
class Scored:
    """A prompt, or a draw, and its scores by one detector.

    Attributes:
        chosen: the detector's place among those that were asked for.
        unit: the prompt's filename, or the draw's name.
        scores: [layers, heads], float64.
        answer: what the model said, where the detector took it in.
    """

    chosen: int
    unit: str
    scores: torch.Tensor
    answer: str | None = None


def score_prompts(
    reading: Reading, prompts: Sequence[Prompt], chosen: Sequence[Chosen], on_read: OnRead = lambda _prompts: None
) -> Iterator[Scored]:
    """Yields the scores of every prompt by every detector: those of one pass together, then those that need their own.

    Args:
        reading: the loaded model.
        prompts: answerable prompts, of any lengths.
        chosen: the detectors.
        on_read: told how many prompts have been read, by each pass anew.

    Raises:
        StudyError: the model gives no attention weights, or a detector cannot score it.
    """
    watching = {place: one for place, one in enumerate(chosen) if one.detector.watch}
    if watching:
        yield from _watched(reading, prompts, watching, on_read)
    for place, one in enumerate(chosen):
        if one.detector.measure:
            units = one.detector.measure(reading, prompts, one.options, on_read)
            yield from (Scored(place, unit, scores) for unit, scores in units)


def _watched(
    reading: Reading, prompts: Sequence[Prompt], watching: Mapping[int, Chosen], on_read: OnRead
) -> Iterator[Scored]:
    from head_ablation.engine.prefill import read_alike

    def read(places: list[int]) -> Iterator[list[Scored]]:
        size = int(reading.settings.run.batch_size)
        for start in range(0, len(places), size):
            batch = [prompts[place] for place in places[start : start + size]]
            yield from _Pass.over(reading, batch, watching, on_read).scored()

    for scored in read_alike([prompt.token_ids for prompt in prompts], read):
        yield from scored


@dataclass
class _Pass:
    """The pass over one batch.

    Attributes:
        reading: the loaded model.
        batch: the prompts.
        watchers: of each detector what it has seen.
        watching: the detectors.
        answers: each prompt's token ids so far.
        ended: whether each prompt's answer has ended.
    """

    reading: Reading
    batch: Batch
    watchers: Mapping[int, Watcher]
    watching: Mapping[int, Chosen]
    answers: list[list[int]] = field(default_factory=list)
    ended: list[bool] = field(default_factory=list)

    @classmethod
    def over(
        cls, reading: Reading, prompts: Sequence[Prompt], watching: Mapping[int, Chosen], on_read: OnRead
    ) -> _Pass:
        """Reads the batch, and shows the detectors what they watch."""
        from head_ablation.engine.ablation import model_shape

        kinds = set().union(*(one.kinds for one in watching.values()))
        spans = [needle_span(prompt, reading.settings.needle) for prompt in prompts]
        query = reading.query if kinds & {QUERY, NULL} else None
        batch = Batch(reading.model, model_shape(reading.model), prompts, spans, query)
        watchers = {place: _watcher(one, batch) for place, one in watching.items()}
        done = cls(reading, batch, watchers, watching, [[] for _ in prompts], [False for _ in prompts])
        done._read(kinds, on_read)
        return done

    def _read(self, kinds: set[str], on_read: OnRead) -> None:
        from head_ablation.engine.watching import WatchedBatch

        steps = self.reading.settings.run.max_new_tokens if ANSWER in kinds else 1 if LAST in kinds else 0
        query, prompts = self.batch.query, self.batch.prompts
        longer = len(query.null.token_ids) - len(query.real.token_ids) if query else 0
        room = max(steps, longer)
        read = WatchedBatch(self.reading.model, [prompt.token_ids for prompt in prompts], room, on_read)
        self._answer(read, steps)
        for kind in (QUERY, NULL):
            if query and kind in kinds:
                end = (query.real if kind == QUERY else query.null).token_ids
                start = {query.start(prompt) for prompt in prompts}.pop()  # one: the prompts are equally long
                for rows in read.with_ends(start, [end] * len(prompts)):
                    self._show(kind, rows, [True] * len(rows.prompts))

    def _answer(self, read: WatchedBatch, steps: int) -> None:
        from head_ablation.engine.generation import end_tokens, is_ended

        stop, decode = self.reading.settings.run.stop, self.reading.tokenizer.decode
        ends = end_tokens(self.reading.model)
        for step, rows in enumerate(read.answer(steps)):
            going = [not ended for ended in self.ended]
            for answer, token, goes_on in zip(self.answers, rows.tokens, going, strict=True):
                answer.extend([token] if goes_on else [])
            if step == 0:
                self._show(LAST, rows, going)
            self._show(ANSWER, rows, going)
            self.ended = [
                ended or is_ended(answer, ends, stop, decode)
                for ended, answer in zip(self.ended, self.answers, strict=True)
            ]
            if all(self.ended):
                break

    def _show(self, kind: str, rows: Rows, going: Sequence[bool]) -> None:
        for place, watcher in self.watchers.items():
            if kind in self.watching[place].kinds:
                watcher.see(kind, rows, going)

    def scored(self) -> Iterator[list[Scored]]:
        """Of each prompt, in order, the scores by every detector."""
        found = {place: watcher.scores() for place, watcher in self.watchers.items()}
        for row, prompt in enumerate(self.batch.prompts):
            text = self.reading.tokenizer.decode(self.answers[row])
            answers = {place: text if ANSWER in one.kinds else None for place, one in self.watching.items()}
            yield [Scored(place, prompt.filename, found[place][row], answers[place]) for place in self.watchers]


def _watcher(one: Chosen, batch: Batch) -> Watcher:
    assert one.detector.watch
    return one.detector.watch(batch, one.options)


def needle_span(prompt: Prompt, needle: str) -> Span:
    """The positions [start, end) of the needle in a prompt.

    Raises:
        StudyError: it is the answer, and the answer's place is not known.
    """
    span = prompt.passage_span if needle == "passage" else prompt.answer_span
    if span is None:
        raise StudyError(f"{prompt.filename}: the answer's place in the prompt is not known")
    return span
