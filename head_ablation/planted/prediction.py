"""What a planted model answers, from its roles and a prompt's facts alone: no model, no engine.

A word's logit is the strength of the heads that copy it over its threshold, in multiples of `unknown`'s logit. So the
answer is the largest of a handful of numbers, word by word.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from head_ablation.heads.head import Head
from head_ablation.planted.roles import Roles
from head_ablation.planted.texts import joined
from head_ablation.prompts.prompt import Prompt


class Effect(StrEnum):
    """What becomes of a head's part in the answer when it is ablated."""

    GONE = "gone"
    KEPT = "kept"


_WITHOUT_PART = {"idle": Effect.KEPT, "attention_decoy": Effect.KEPT, "copy_decoy": Effect.KEPT}
_NEEDED = dict.fromkeys(("retrieval", "distractor", "negative", "previous_token", "redundant"), Effect.GONE)
_NO_PART: Mapping[str, Effect] = {**_WITHOUT_PART, "constant": Effect.KEPT}
_BUT_CONSTANT: Mapping[str, Effect] = {**_NEEDED, **_WITHOUT_PART, "constant": Effect.KEPT}
EFFECTS: Mapping[str, Mapping[str, Effect]] = {
    "zero_output": {**_BUT_CONSTANT, "constant": Effect.GONE},
    "zero_query": _BUT_CONSTANT,  # all positions alike: a fact's share is too thin to be said
    "first_token": _BUT_CONSTANT,  # the first token has no code, and the constant head finds its 1 there too
    "mean": _NO_PART,
    "resample": _NO_PART,
    "mean_query": _NO_PART,
}
"""Intervention -> role -> what becomes of its part. What is not listed is not known from the construction alone."""
ONLY_WHILE_READING = "previous_token"  # what it writes is read at the filing's words, not at the answer's


@dataclass(frozen=True)
class Facts:
    """What a prompt's filing says, each as the words that a model would say, the stop included.

    Attributes:
        gold: the company's fact.
        distractor: the subsidiary's fact of that kind.
    """

    gold: tuple[str, ...]
    distractor: tuple[str, ...]


def read_facts(roles: Roles, prompt: Prompt) -> Facts | None:
    """The facts of a prompt; None if its answer does not follow from the roles.

    It follows where the prompt ends with a cue that stands once in the filing, and so does the subsidiary's cue; where
    both facts are whole and have no word in common or twice; where what copying decoys copy lies behind the filing;
    and where the prompt is long enough for uniform attention to be thin.
    """
    words = [roles.vocabulary[token] for token in prompt.token_ids]
    start, end = prompt.passage_span
    cue = words[-1]
    if cue not in roles.cues or len(words) < max(roles.least_tokens, end + 1 + roles.copy_lag):
        return None
    found = [_fact(roles, words[:-1], (start, end), before) for before in (cue, roles.cues[cue])]
    if not all(found) or any(words.count(word) != 1 for fact in found if fact for word in fact[:-1]):
        return None
    gold, distractor = (fact or () for fact in found)
    return Facts(gold, distractor)


def _fact(roles: Roles, words: Sequence[str], passage: tuple[int, int], cue: str) -> tuple[str, ...] | None:
    """The words behind a cue that stands once, up to the stop, if all of that lies in the passage."""
    start, end = passage
    places = [place for place, word in enumerate(words) if word == cue]
    if len(places) != 1 or not start <= places[0] < end or roles.stop not in words[places[0] : end]:
        return None
    stop = words.index(roles.stop, places[0])
    fact = tuple(words[places[0] + 1 : stop + 1])
    return fact if len(fact) > 1 and all(word in roles.thresholds for word in fact) else None


def predicted_answer(
    roles: Roles,
    facts: Facts,
    ablated: Collection[Head] = (),
    intervention: str = "zero_output",
    positions: str = "all",
) -> str | None:
    """The text that the model answers; None if the construction alone does not tell.

    Args:
        roles: of the model.
        facts: of the prompt.
        ablated: the heads that are ablated.
        intervention: what becomes of their outputs.
        positions: where: `all`, or `decode`, from the prompt's last token on.
    """
    gone = _gone(roles, ablated, intervention, positions)
    if gone is None:
        return None
    return joined(_said(roles, facts, gone))


def _gone(roles: Roles, ablated: Collection[Head], intervention: str, positions: str) -> set[Head] | None:
    """The heads whose part in the answer is gone."""
    effects = {head: EFFECTS.get(intervention, {}).get(roles.by_head[head].role) for head in ablated}
    if positions not in ("all", "decode") or None in effects.values():
        return None
    spared = roles.of_role(ONLY_WHILE_READING) if positions == "decode" else []
    return {head for head, effect in effects.items() if effect is Effect.GONE and head not in spared}


def _said(roles: Roles, facts: Facts, gone: set[Head]) -> list[str]:
    """The answer's words."""
    if gone.intersection(roles.of_role("constant")):
        return [roles.unknown]
    gold, distractor = _amounts(roles, gone)
    logits = {
        facts.gold[0]: gold / roles.thresholds[facts.gold[0]],
        facts.distractor[0]: distractor / roles.thresholds[facts.distractor[0]],
        roles.unknown: 1.0,
    }
    first = max(logits, key=lambda word: logits[word])
    if first == roles.unknown:
        return [first]
    rest = (facts.gold if first == facts.gold[0] else facts.distractor)[1:]
    return [first, *_continued(roles, rest, gold + distractor)]


def _amounts(roles: Roles, gone: set[Head]) -> tuple[float, float]:
    """How strongly the company's fact and the subsidiary's are copied."""
    redundant = roles.of_role("redundant")
    if gone.intersection(roles.of_role("previous_token")) or (redundant and gone.issuperset(redundant)):
        return 0.0, 0.0  # nothing is matched, so that nothing is found
    gold = roles.strength("retrieval", gone) - roles.strength("negative", gone)
    return gold, roles.strength("distractor", gone)


def _continued(roles: Roles, rest: Sequence[str], amount: float) -> list[str]:
    """The words behind the first one: all heads that match copy the word that follows, whichever fact it is of."""
    said: list[str] = []
    for word in rest:
        if amount <= roles.thresholds[word]:
            return [*said, roles.unknown]
        said.append(word)
    return said
