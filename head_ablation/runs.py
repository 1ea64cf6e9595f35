"""One GPU job: load a model once, ask it an experiment's prompts, return what is to be written."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from tqdm import tqdm

from head_ablation import PROTOCOL_VERSION
from head_ablation.ablation import model_shape
from head_ablation.detection import Copies, rank_heads, watch_copies
from head_ablation.generation import GenerationSettings, generate
from head_ablation.heads import HeadSet
from head_ablation.matchers import MATCHERS
from head_ablation.model_sources import Pointer
from head_ablation.models import device_name, load_model
from head_ablation.prompts import Prompt, PromptTokenizer, prompts_digest, read_prompts
from head_ablation.provenance import Stopwatch

T = TypeVar("T")
PLACE = ("device",)  # where it runs: no part of the protocol


def generate_condition(
    pointer_file: str,
    prompts_file: str,
    heads: Iterable[str],
    settings: Mapping[str, Any],
    threads: int,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Asks every prompt with `heads` ablated.

    Args:
        pointer_file: of the model.
        prompts_file: the experiment's test prompts.
        heads: names of the ablated heads; none for the baseline.
        settings: the study's generation settings.
        threads: CPU threads.

    Returns:
        The generation file's content, and the facts for its provenance.
    """
    watch = Stopwatch()
    pointer, prompts = Pointer.read(pointer_file), read_prompts(prompts_file)
    head_set = HeadSet.parse(heads)
    model = load_model(pointer, settings, threads)
    loaded = watch.seconds
    decode = PromptTokenizer(pointer.folder).decode
    ids = [prompt.token_ids for prompt in prompts]
    answers = list(_progress(generate(model, decode, ids, head_set, _decoding(settings)), len(ids)))
    content = {
        "protocol_version": PROTOCOL_VERSION,
        "model": {
            "name": pointer.name,
            "revision": pointer.revision,
            "fingerprint": pointer.fingerprint,
        },
        "prompts_sha256": prompts_digest(prompts),
        "heads": head_set.names(),
        "settings": {key: value for key, value in settings.items() if key not in PLACE},
        "generations": [
            {"filename": prompt.filename, "token_ids": answer.token_ids, "text": answer.text}
            for prompt, answer in zip(prompts, answers, strict=True)
        ],
    }
    seconds = {"load": loaded, "total": watch.seconds}
    return content, {"device": device_name(model), "threads": threads, "seconds": seconds}


def _decoding(settings: Mapping[str, Any]) -> GenerationSettings:
    return GenerationSettings(
        max_new_tokens=settings["max_new_tokens"],
        stop=tuple(settings["stop"]),
        batch_size=settings["batch_size"],
        positions=settings["positions"],
    )


def detect(pointer_file: str, prompts_file: str, settings: Mapping[str, Any], threads: int) -> dict[str, Any]:
    """Ranks all heads on the first answerable train prompts; the ranking's variable part.

    Args:
        pointer_file: of the model.
        prompts_file: the experiment's train prompts.
        settings: the study's detection and generation settings, the question's `matcher`.
        threads: CPU threads.
    """
    pointer = Pointer.read(pointer_file)
    prompts = [prompt for prompt in read_prompts(prompts_file) if prompt.answerable]
    prompts = prompts[: settings["prompts"]]
    model = load_model(pointer, settings, threads)
    watched = watch_copies(
        model,
        PromptTokenizer(pointer.folder).decode,
        prompts,
        settings["needle"],
        _decoding(settings),
    )
    copies = list(_progress(watched, len(prompts)))
    successes = [found for prompt, found in zip(prompts, copies, strict=True) if _is_success(found, prompt, settings)]
    for prompt, found in zip(prompts, copies, strict=True):
        print(f"{prompt.filename}: gold {prompt.gold!r}, answer {found.text!r}", file=sys.stderr)
    return {
        "samples_processed": len(prompts),
        "successful_retrievals": len(successes),
        "success_rate": len(successes) / len(prompts),
        "head_rankings": rank_heads(model_shape(model).all_heads(), successes),
    }


def _is_success(found: Copies, prompt: Prompt, settings: Mapping[str, Any]) -> bool:
    """Answered correctly, by the question's matcher or by the paper's rule: ROUGE-1 recall over 50 %."""
    if settings["success"] == "matcher":
        return MATCHERS[settings["matcher"]].is_correct(found.text, prompt.gold)
    from rouge_score.rouge_scorer import RougeScorer

    scores = RougeScorer(["rouge1"], use_stemmer=True).score(prompt.gold, found.text)
    return scores["rouge1"].recall > 0.5


def _progress(items: Iterable[T], total: int) -> Iterator[T]:
    return iter(tqdm(items, total=total, unit="prompt", mininterval=2))
