"""Builds ablation results from the answers of a few companies, for tests of tables and figures."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

Answers = Mapping[str, bool | None]  # filename "{company}_{year}.txt" -> correct; None: unanswerable


def answers(text: str) -> dict[str, bool | None]:
    """One company a character: `1` right, `0` wrong, `-` unanswerable.  "10-" -> 1, 2, 3."""
    values = {"1": True, "0": False, "-": None}
    return {f"{place}_1993.txt": values[mark] for place, mark in enumerate(text, start=1)}


def entry(given: Answers, samples: bool = True) -> dict[str, Any]:
    """One condition's entry of a result."""
    right = [value for value in given.values() if value is not None]
    counts = {"accuracy": sum(right) / len(right), "correct": sum(right), "total": len(right)}
    if not samples:
        return counts
    return counts | {
        "correct_published": sum(right),
        "samples": [_sample(filename, value) for filename, value in given.items()],
    }


def result(
    baseline: Answers,
    top: Mapping[int, Answers],
    draws: Mapping[int, Sequence[Answers]] | None = None,
    *,
    method: str = "wu24",
    model: str = "instruct",
    question: str = "inc_year",
    tokens: int = 2048,
    samples: bool = True,
    majority: float | None = 0.25,
) -> dict[str, Any]:
    """One experiment of one method: top and random arms by level, random arms with their draws."""
    base = entry(baseline, samples)

    def ablated(level: int, given: Answers) -> dict[str, Any]:
        made = entry(given, samples)
        drop = base["accuracy"] - made["accuracy"]
        return {"num_heads": level, "heads": [], "heads_str": [], "accuracy_drop": drop} | made

    def several(level: int, drawn: Sequence[Answers]) -> dict[str, Any]:
        made = [{"draw": place} | ablated(level, given) for place, given in enumerate(drawn)]
        mean = sum(one["accuracy"] for one in made) / len(made)
        return {"num_heads": level, "accuracy": mean, "draws": made}

    found: dict[str, Any] = {
        "method": f"{method}_ablation_incremental",
        "model_key": model,
        "question": question,
        "total_tokens": tokens,
        "test_samples": len(baseline),
        "unanswerable": sum(value is None for value in baseline.values()),
        "ablation_levels": sorted(top),
        "baseline": base,
        "top_heads_ablations": [ablated(level, given) for level, given in top.items()],
        "random_heads_ablations": [several(*item) for item in (draws or {}).items()],
    }
    if samples:
        found["ranking_method"] = method
    if majority is not None:
        found["majority_answer"] = {"answer": "1929", "accuracy": majority}
    return found


def random_study(
    questions: Sequence[str] = ("inc_year",),
    methods: Sequence[str] = ("wu24",),
    models: Sequence[str] = ("instruct",),
    lengths: Sequence[int] = (2048,),
    levels: Sequence[int] = (5, 10, 20, 30, 40, 50),
    draws: int = 3,
    companies: int = 24,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """A study with seeded answers in which top heads matter and random heads hardly do."""
    chance = random.Random(seed)

    def say(accuracy: float) -> dict[str, bool | None]:
        marks = ["1" if chance.random() < accuracy else "0" for _ in range(companies)]
        return answers("".join(marks))

    made = []
    for question in questions:
        floor = chance.uniform(0.05, 0.5)
        for model in models:
            for tokens in lengths:
                start = chance.uniform(0.8, 0.98)
                base = say(start)
                for place, method in enumerate(methods):
                    slope = (0.012, 0.008, 0.016)[place % 3]
                    top = {level: say(max(0.05, start - slope * level)) for level in levels}
                    control = {level: [say(start - 0.001 * level) for _ in range(draws)] for level in levels}
                    keys = {"method": method, "model": model, "question": question}
                    made.append(
                        result(base, top, control, **keys, tokens=tokens, majority=floor)  # type: ignore[arg-type]
                    )
    return made


def _sample(filename: str, correct: bool | None) -> dict[str, Any]:
    return {
        "filename": filename,
        "company": filename.split("_")[0],
        "gold": "1929",
        "text": " 1929\n" if correct else " 1993\n",
        "answerable": correct is not None,
        "correct": bool(correct),
        "correct_published": bool(correct),
    }
