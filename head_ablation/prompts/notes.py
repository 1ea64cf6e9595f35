"""What a researcher should know of samples, prompts and answers before believing a result: lines for the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from head_ablation.prompts.prompt import Prompt
from head_ablation.prompts.samples import Sample

FEW_COMPANIES = 10
MANY_UNANSWERABLE = 0.2  # of the samples


def samples_index(samples: Mapping[str, Sequence[Sample]], left_out: Sequence[str]) -> dict[str, Any]:
    """What the index says of all samples: which filings are left out, which do not state their answer, and `notes`.

    Args:
        samples: by split.
        left_out: filings without a text.
    """
    both = [sample for split in samples.values() for sample in split]
    return {
        "left_out": list(left_out),
        "not_stated": [sample.filename for sample in both if sample.answer_span is None],
        "ambiguous": [sample.filename for sample in both if sample.ambiguous],
        "notes": sample_notes(samples),
    }


def sample_notes(samples: Mapping[str, Sequence[Sample]]) -> list[str]:
    """Filings that do not contain their gold value, by name, and a test set of few companies."""
    notes = []
    for split, own in samples.items():
        missing = [f"{sample.filename} ('{sample.gold}')" for sample in own if sample.answer_span is None]
        notes += _unanswerable(f"{split} filings do not contain their gold value", missing, len(own))
    companies = len({sample.company for sample in samples["test"]})
    if companies < FEW_COMPANIES:
        notes.append(
            f"the test set has answers of {companies} companies only; with fewer than {FEW_COMPANIES} the intervals are"
            " wide: use more filings, or a larger filings.test_fraction"
        )
    return notes


def prompt_notes(prompts: Sequence[Prompt]) -> list[str]:
    """Prompts that do not hold their answer, by filename and reason."""
    notes = []
    for reason in ("not stated", "cut off"):
        names = [prompt.filename for prompt in prompts if prompt.reason == reason]
        notes += _unanswerable(f"prompts do not hold their answer ({reason})", names, len(prompts))
    return notes


def answer_notes(texts: Mapping[str, str], model: str, question: str) -> list[str]:
    """Answers, filename -> text, that say nothing."""
    empty = [filename for filename, text in texts.items() if not text.strip()]
    if not empty:
        return []
    fix = f"give the model something to complete: models.{model}.prompt.stems.{question}"
    return [f"{len(empty)} of {len(texts)} answers of the baseline are empty: {', '.join(empty)}; {fix}"]


def _unanswerable(what: str, names: Sequence[str], total: int) -> list[str]:
    if not names:
        return []
    many = "; so many: check the column, the matcher, the texts and the length of the prompts"
    ending = many if len(names) > MANY_UNANSWERABLE * total else ""
    return [f"{len(names)} of {total} {what}: {', '.join(names)}{ending}"]
