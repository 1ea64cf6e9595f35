"""A loaded model at work: it answers an experiment's prompts under any head set, or is watched by a detector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from head_ablation.common.problems import OutOfMemoryError, StudyError
from head_ablation.common.progress import progress
from head_ablation.common.provenance import Stopwatch
from head_ablation.engine.generation import GenerationSettings, generate
from head_ablation.engine.loading import device_name, load_model
from head_ablation.engine.settings import AblationSettings, RunSettings
from head_ablation.heads.head import HeadSet
from head_ablation.models.pointer import Pointer
from head_ablation.prompts.prompt import Prompt
from head_ablation.prompts.tokenizer import PromptTokenizer

OUT_OF_MEMORY = ("out of memory", "allocate memory", "not enough memory")  # CUDA; CPU and files; other systems
NO_ABLATION = AblationSettings()
MORE_MEMORY = "Give its jobs more memory (mem_mb) or a larger GPU"


class Runner:
    """A model, loaded once, and how it is run.

    Args:
        pointer: the model.
        settings: how it is run, with a settled batch size.
        threads: CPU threads.
        gpus: GPUs that the job holds.

    Raises:
        StudyError: the model cannot be loaded, or not on the device asked for.
    """

    def __init__(self, pointer: Pointer, settings: RunSettings, threads: int, gpus: int = 1):
        watch = Stopwatch()
        self.settings, self.threads = settings, threads
        with _memory_errors_explained("while loading the model", f"{MORE_MEMORY}, or set a smaller dtype"):
            self.model = load_model(pointer, settings, threads, gpus)
        self.tokenizer = PromptTokenizer(pointer.folder)
        self.decode = self.tokenizer.decode
        self.load_seconds = watch.seconds

    def answer(
        self, prompts: Sequence[Prompt], heads: HeadSet, ablation: AblationSettings, name: str
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Asks every prompt with `heads` ablated.

        Args:
            prompts: the experiment's test prompts.
            heads: the ablated heads; none for the baseline.
            ablation: what becomes of them, and where.
            name: the condition's, for progress and errors.

        Returns:
            Filename, token ids and text of each answer, and the facts for their provenance.

        Raises:
            StudyError: out of memory, not-a-number logits, or a hook that did not fire; names the condition.
        """
        watch = Stopwatch()
        ids = [prompt.token_ids for prompt in prompts]
        try:
            with self.reading(len(ids), name) as bar:
                decoding = self.decoding(ablation)
                answers = list(generate(self.model, self.decode, ids, heads, decoding, bar.update))
        except StudyError as error:
            raise type(error)(f"{name}: {error}") from error
        named = zip(prompts, answers, strict=True)
        rows = [{"filename": p.filename, "token_ids": answer.token_ids, "text": answer.text} for p, answer in named]
        return rows, self.facts(watch)

    def decoding(self, ablation: AblationSettings = NO_ABLATION) -> GenerationSettings:
        """How answers are decoded."""
        own = self.settings
        return GenerationSettings(own.max_new_tokens, own.stop, int(own.batch_size), ablation)

    @contextmanager
    def reading(self, prompts: int, name: str) -> Iterator[tqdm]:
        """Yields a progress bar over so many prompts; explains what runs out of memory meanwhile."""
        when = f"with {self.settings.batch_size} prompts at once"
        smaller = "set a smaller batch_size for this model (all its conditions are then computed anew)"
        with _memory_errors_explained(when, f"{MORE_MEMORY}, or {smaller}"), progress(prompts, name) as bar:
            yield bar

    def facts(self, watch: Stopwatch) -> dict[str, Any]:
        """What the provenance of a result says of this run."""
        seconds = {"load": self.load_seconds, "run": watch.seconds}
        return {"device": device_name(self.model), "threads": self.threads, "seconds": seconds}


@contextmanager
def _memory_errors_explained(when: str, advice: str) -> Iterator[None]:
    """Turns the ways in which torch runs out of memory, on a GPU or on the CPU, into one message."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        reason = str(error).partition("\n")[0] or "no memory left"
        if not (isinstance(error, MemoryError) or any(sign in reason for sign in OUT_OF_MEMORY)):
            raise
        raise OutOfMemoryError(f"out of memory {when} ({reason}). {advice}") from error
