"""Scoring: generations -> verdicts -> an experiment's ablation result, in the published study's format.

Pure functions of files; neither torch nor a GPU. Every sample carries both verdicts, the typed matcher's and the
study's rule; `matcher` says which one counts as accuracy. Unanswerable prompts are listed but left out of it, unless
the study counts them, as the published one did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from head_ablation.heads import Condition, HeadSet
from head_ablation.matchers import MATCHERS, study_rule
from head_ablation.prompts import Prompt

Generation = Mapping[str, Any]
Entry = dict[str, Any]


@dataclass(frozen=True)
class Judge:
    """Which verdicts are given, and what counts.

    Attributes:
        kind: integer, year, us_state or text.
        rule: `typed` or `study`: the verdict that counts as accuracy.
        count: `answerable` prompts or `all`: those that accuracy is the share of.
    """

    kind: str
    rule: str
    count: str = "answerable"

    def counts(self, prompt: Prompt) -> bool:
        """Whether a prompt's verdict is part of accuracy."""
        return prompt.answerable or self.count == "all"

    def verdicts(self, text: str, gold: str) -> dict[str, bool]:
        """`correct` (the rule that counts) and `correct_study`."""
        study = study_rule(text, gold)
        typed = MATCHERS[self.kind].is_correct(text, gold)
        return {"correct": study if self.rule == "study" else typed, "correct_study": study}

    def majority(self, golds: Sequence[str]) -> dict[str, Any]:
        """The most frequent gold answer and the accuracy of always giving it."""
        answers = [MATCHERS[self.kind].gold_values(gold)[0] for gold in golds]
        (answer, count), *_ = Counter(answers).most_common(1)
        return {"answer": answer, "accuracy": count / len(golds)}


def score_experiment(
    identity: Mapping[str, Any],
    prompts: Sequence[Prompt],
    baseline: Generation,
    ablated: Mapping[Condition, Generation],
    judge: Judge,
) -> dict[str, Any]:
    """The ablation result of one method and experiment.

    Args:
        identity: method, model, question and tokens, as the result states them.
        prompts: the test prompts.
        baseline: the generation file of the baseline.
        ablated: condition -> its generation file; heads are listed in layer-major order, whatever their ranks.
        judge: which verdicts.
    """
    base = _entry(prompts, baseline, judge)
    entries = {
        condition: _ablated_entry(prompts, generation, judge, base) for condition, generation in sorted(ablated.items())
    }
    levels = sorted({condition.level for condition in entries})
    drawn = sorted({condition.level for condition in entries if condition.arm == "random"})
    golds = [prompt.gold for prompt in prompts if judge.counts(prompt)]
    return {
        **identity,
        "test_samples": base["total"],
        "unanswerable": len(prompts) - base["total"],
        "ablation_levels": levels,
        "matcher": judge.kind,
        "scoring_rule": judge.rule,
        "majority_answer": judge.majority(golds),
        "protocol": {key: baseline[key] for key in ("protocol_version", "model", "prompts_sha256", "settings")},
        "baseline": base,
        "top_heads_ablations": [entries[Condition("top", level)] for level in levels],
        "random_heads_ablations": [_pool_draws(entries, level) for level in drawn],
    }


def _entry(prompts: Sequence[Prompt], generation: Generation, judge: Judge) -> Entry:
    samples = [
        {
            "filename": prompt.filename,
            "cluster": prompt.cluster,
            "gold": prompt.gold,
            "text": answer["text"],
            "answerable": prompt.answerable,
            "counted": judge.counts(prompt),
            **judge.verdicts(answer["text"], prompt.gold),
        }
        for prompt, answer in zip(prompts, generation["generations"], strict=True)
    ]
    counted = [sample for sample in samples if sample["counted"]]
    return {**_counts(counted), "samples": samples}


def _counts(samples: Sequence[Mapping[str, Any]]) -> Entry:
    correct = sum(sample["correct"] for sample in samples)
    return {
        "accuracy": correct / len(samples),
        "correct": correct,
        "total": len(samples),
        "correct_study": sum(sample["correct_study"] for sample in samples),
    }


def _ablated_entry(prompts: Sequence[Prompt], generation: Generation, judge: Judge, base: Entry) -> Entry:
    heads = HeadSet.parse(generation["heads"])
    entry = _entry(prompts, generation, judge)
    return {
        "num_heads": len(heads),
        "heads": [list(head) for head in heads],
        "heads_str": heads.names(),
        **entry,
        "accuracy_drop": base["accuracy"] - entry["accuracy"],
    }


def _pool_draws(entries: Mapping[Condition, Entry], level: int) -> Entry:
    """The draws of one level: the first draw's heads, all draws' counts, every draw in `draws`."""
    draws = [
        {"draw": condition.draw, **entry}
        for condition, entry in sorted(entries.items())
        if (condition.arm, condition.level) == ("random", level)
    ]
    correct, total = sum(draw["correct"] for draw in draws), sum(draw["total"] for draw in draws)
    return {
        "num_heads": level,
        "heads": draws[0]["heads"],
        "heads_str": draws[0]["heads_str"],
        "accuracy": correct / total,
        "correct": correct,
        "total": total,
        "correct_study": sum(draw["correct_study"] for draw in draws),
        "accuracy_drop": sum(draw["accuracy_drop"] for draw in draws) / len(draws),
        "draws": draws,
    }
