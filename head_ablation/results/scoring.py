"""Scoring: generations -> verdicts -> an experiment's ablation result, in the published study's format.

Pure functions of files; neither torch nor a GPU. Every sample carries both verdicts, the typed matcher's and the
published study's; `scoring_rule` says which one counts as accuracy. Prompts that do not hold their answer are named,
but not asked, unless the study counts them, as the published one did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from head_ablation.common.problems import Problem, StudyError
from head_ablation.heads.arms import ARMS
from head_ablation.heads.condition import Condition
from head_ablation.heads.head import HeadSet
from head_ablation.prompts.matchers import MATCHERS
from head_ablation.prompts.matchers.published_rule import published_rule
from head_ablation.prompts.prompt import Prompt, counted_prompts

Generation = Mapping[str, Any]
Entry = dict[str, Any]
FIX = "Remove the file and run again"
SHARED = ("protocol_version", "software", "model", "prompts_sha256", "settings")  # by all conditions, in protocols
LEFT_OUT = ("filename", "company", "gold", "reason")  # what a result says of a prompt that does not count


@dataclass(frozen=True)
class Judge:
    """Which verdicts are given, and what counts.

    Attributes:
        matcher: a name of `MATCHERS`.
        rule: `typed` or `published`: the verdict that counts as accuracy.
        count: `answerable` prompts or `all`: those that accuracy is the share of.
    """

    matcher: str
    rule: str
    count: str = "answerable"

    def verdicts(self, text: str, golds: Sequence[str]) -> dict[str, bool]:
        """`correct` (the rule that counts) and `correct_published`; any of the golds is right."""
        typed = any(MATCHERS[self.matcher].is_correct(text, gold) for gold in golds)
        published = any(published_rule(text, gold) for gold in golds)
        return {"correct": {"typed": typed, "published": published}[self.rule], "correct_published": published}

    def majority(self, golds: Sequence[str]) -> dict[str, Any]:
        """The most frequent gold answer and the accuracy of always giving it."""
        answers = [MATCHERS[self.matcher].gold_values(gold)[0] for gold in golds]
        (answer, count), *_ = Counter(answers).most_common(1)
        return {"answer": answer, "accuracy": count / len(golds)}


def answer_problems(path: Path, generation: Generation) -> Iterator[Problem]:
    """Where a generation file has no answers that could be scored."""
    answers = generation.get("generations")
    if not isinstance(answers, list):
        yield Problem(path, "generations", repr(answers), "a list of answers", FIX)
        return
    for place, answer in enumerate(answers):
        for key in ("filename", "text"):
            found = answer.get(key) if isinstance(answer, Mapping) else answer
            if not isinstance(found, str) or found is answer:
                yield Problem(path, f"generations[{place}].{key}", repr(found), "a text", FIX)


def gold_problems(path: Path, prompts: Sequence[Prompt], matcher: str) -> Iterator[Problem]:
    """Where a prompt's gold answer is none that the question's matcher reads."""
    for prompt in prompts:
        for gold in prompt.golds:
            try:
                MATCHERS[matcher].gold_values(gold)
            except ValueError:
                yield Problem(path, f"gold of {prompt.filename}", repr(gold), MATCHERS[matcher].expected, FIX)


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
        prompts: the test prompts, those that do not count included.
        baseline: the generation file of the baseline; it answers the prompts that count.
        ablated: condition -> its generation file; heads are listed in layer-major order, whatever their ranks.
        judge: which verdicts.
    """
    asked = counted_prompts(prompts, judge.count)
    base = _entry(asked, baseline, judge)
    entries = {
        condition: _ablated_entry(asked, generation, judge, base) for condition, generation in sorted(ablated.items())
    }
    levels = sorted({condition.level for condition in entries})
    left_out = [prompt for prompt in prompts if prompt.filename not in {one.filename for one in asked}]
    return {
        **identity,
        "test_samples": base["total"],
        "unanswerable": len(left_out),
        "left_out": [{key: getattr(prompt, key) for key in LEFT_OUT} for prompt in left_out],
        "ambiguous": sum(prompt.ambiguous for prompt in asked),
        "ablation_levels": levels,
        "matcher": judge.matcher,
        "scoring_rule": judge.rule,
        "majority_answer": judge.majority([prompt.gold for prompt in asked]),
        "protocol": {key: baseline[key] for key in SHARED if key in baseline},
        "baseline": base,
        **{f"{arm}_heads_ablations": _arm_entries(entries, arm) for arm in _arms_in(entries)},
    }


def _arms_in(entries: Mapping[Condition, Entry]) -> list[str]:
    """The arms that a result lists: those with conditions, and the published study's two in any case."""
    found = {condition.arm for condition in entries} | {"top", "random"}
    return [arm.name for arm in ARMS if arm.name in found]


def _arm_entries(entries: Mapping[Condition, Entry], arm: str) -> list[Entry]:
    """An entry per level; several draws of a level are pooled."""
    own = {condition: entry for condition, entry in sorted(entries.items()) if condition.arm == arm}
    if not ARMS[arm].is_drawn:
        return list(own.values())
    return [_pool_draws(own, level) for level in sorted({condition.level for condition in own})]


def _entry(prompts: Sequence[Prompt], generation: Generation, judge: Judge) -> Entry:
    texts = {answer["filename"]: answer["text"] for answer in generation["generations"]}
    if texts.keys() != {prompt.filename for prompt in prompts} or len(texts) != len(generation["generations"]):
        raise StudyError(
            "a generation file answers other prompts than those of its experiment; remove it and run again"
        )
    samples = [
        {
            "filename": prompt.filename,
            "company": prompt.company,
            "gold": prompt.gold,
            "text": texts[prompt.filename],
            "answerable": prompt.answerable,
            "counted": True,
            "ambiguous": prompt.ambiguous,
            "alternatives": list(prompt.alternatives),
            **judge.verdicts(texts[prompt.filename], prompt.golds),
        }
        for prompt in prompts
    ]
    return {**_counts(samples), "samples": samples}


def _counts(samples: Sequence[Mapping[str, Any]]) -> Entry:
    correct = sum(sample["correct"] for sample in samples)
    return {
        "accuracy": correct / len(samples),
        "correct": correct,
        "total": len(samples),
        "correct_published": sum(sample["correct_published"] for sample in samples),
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
    draws = [{"draw": condition.draw, **entry} for condition, entry in entries.items() if condition.level == level]
    correct, total = sum(draw["correct"] for draw in draws), sum(draw["total"] for draw in draws)
    return {
        "num_heads": level,
        "heads": draws[0]["heads"],
        "heads_str": draws[0]["heads_str"],
        "accuracy": correct / total,
        "correct": correct,
        "total": total,
        "correct_published": sum(draw["correct_published"] for draw in draws),
        "accuracy_drop": sum(draw["accuracy_drop"] for draw in draws) / len(draws),
        "draws": draws,
    }
