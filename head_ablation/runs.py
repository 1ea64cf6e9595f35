"""A loaded model at work: it answers an experiment's prompts under any head set, or ranks its own heads."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from head_ablation.ablation import model_shape
from head_ablation.detection import Copies, rank_heads, watch_copies
from head_ablation.generation import GenerationSettings, generate
from head_ablation.heads import HeadSet
from head_ablation.matchers import MATCHERS
from head_ablation.model_sources import Pointer
from head_ablation.models import device_name, load_model
from head_ablation.problems import OutOfMemoryError, StudyError
from head_ablation.progress import progress
from head_ablation.prompts import Prompt, PromptTokenizer
from head_ablation.provenance import Stopwatch

OUT_OF_MEMORY = ("out of memory", "allocate memory", "not enough memory")  # CUDA; CPU and files; other systems
MORE_MEMORY = "Give its jobs more memory (mem_mb) or a larger card"


class Runner:
    """A model, loaded once, and how it is run.

    Args:
        pointer: the model.
        settings: the study's generation or detection settings.
        threads: CPU threads.

    Raises:
        StudyError: the model cannot be loaded, or not on the device asked for.
    """

    def __init__(self, pointer: Pointer, settings: Mapping[str, Any], threads: int):
        watch = Stopwatch()
        self.settings, self.threads = settings, threads
        with _memory_errors_explained("while loading the model", f"{MORE_MEMORY}, or set a smaller dtype"):
            self.model = load_model(pointer, settings, threads)
        self.decode = PromptTokenizer(pointer.folder).decode
        self.load_seconds = watch.seconds

    def answer(
        self, prompts: Sequence[Prompt], heads: HeadSet, name: str
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Asks every prompt with `heads` ablated.

        Args:
            prompts: the experiment's test prompts.
            heads: the ablated heads; none for the baseline.
            name: the condition's, for progress and errors.

        Returns:
            Token ids and text of each answer, and the facts for their provenance.

        Raises:
            StudyError: out of memory, not-a-number logits, or a hook that did not fire; names the condition.
        """
        watch = Stopwatch()
        ids = [prompt.token_ids for prompt in prompts]
        try:
            with self._batches_explained(), progress(len(ids), name) as bar:
                decoding = self._decoding(self.settings["positions"])
                answers = list(generate(self.model, self.decode, ids, heads, decoding, bar.update))
        except StudyError as error:
            raise type(error)(f"{name}: {error}") from error
        rows = [{"token_ids": answer.token_ids, "text": answer.text} for answer in answers]
        return rows, self._facts(watch)

    def rank(self, prompts: Sequence[Prompt]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Ranks all heads on answerable prompts.

        Returns:
            The ranking's variable part, and the facts for its provenance.

        Raises:
            StudyError: no prompt was answered correctly, or out of memory.
        """
        watch = Stopwatch()
        decoding = self._decoding(positions="all")
        with self._batches_explained(), progress(len(prompts), "detection") as bar:
            watched = watch_copies(self.model, self.decode, prompts, self.settings["needle"], decoding, bar.update)
            copies = list(watched)
        for prompt, found in zip(prompts, copies, strict=True):
            print(f"{prompt.filename}: gold {prompt.gold!r}, answer {found.text!r}", file=sys.stderr)
        pairs = zip(prompts, copies, strict=True)
        successes = [found for prompt, found in pairs if _is_success(found, prompt, self.settings)]
        ranking = {
            "samples_processed": len(prompts),
            "successful_retrievals": len(successes),
            "success_rate": len(successes) / len(prompts),
            "head_rankings": rank_heads(model_shape(self.model).all_heads(), successes),
        }
        return ranking, self._facts(watch)

    def _decoding(self, positions: str) -> GenerationSettings:
        return GenerationSettings(
            max_new_tokens=self.settings["max_new_tokens"],
            stop=tuple(self.settings["stop"]),
            batch_size=self.settings["batch_size"],
            positions=positions,
        )

    def _batches_explained(self) -> AbstractContextManager[None]:
        when = f"with {self.settings['batch_size']} prompts at once"
        smaller = "set a smaller batch_size for this model (all its conditions are then computed anew)"
        return _memory_errors_explained(when, f"{MORE_MEMORY}, or {smaller}")

    def _facts(self, watch: Stopwatch) -> dict[str, Any]:
        seconds = {"load": self.load_seconds, "run": watch.seconds}
        return {"device": device_name(self.model), "threads": self.threads, "seconds": seconds}


def _is_success(found: Copies, prompt: Prompt, settings: Mapping[str, Any]) -> bool:
    """Answered correctly, by the question's matcher or by the paper's rule: ROUGE-1 recall over 50 %."""
    if settings["success"] == "matcher":
        return MATCHERS[settings["matcher"]].is_correct(found.text, prompt.gold)
    from rouge_score.rouge_scorer import RougeScorer

    scores = RougeScorer(["rouge1"], use_stemmer=True).score(prompt.gold, found.text)
    return scores["rouge1"].recall > 0.5


@contextmanager
def _memory_errors_explained(when: str, advice: str) -> Iterator[None]:
    """Turns the ways in which torch runs out of memory, on a card or on the CPU, into one message."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        reason = str(error).partition("\n")[0] or "no memory left"
        if not (isinstance(error, MemoryError) or any(sign in reason for sign in OUT_OF_MEMORY)):
            raise
        raise OutOfMemoryError(f"out of memory {when} ({reason}). {advice}") from error
