"""What can be chosen about a planted model, and choices that make none that answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Any

from head_ablation.common.problems import Problem
from head_ablation.common.registry import Entry, option

PLANTED = "planted"
CONTINUING = 4  # a word that goes on, or ends, what is being said takes so many times less than any that begins it
LEAST_LEAD = 0.01  # of a word's logit over another's, as a share of the logit of "unknown"
MOST_STRENGTH = 200  # of all heads and thresholds, beyond which what heads write would change the norm
FIXED = ("previous_token", "redundant", "redundant", "constant")
"""The roles of layer 0."""


def _strengths(default: tuple[float, ...], description: str, least: int = 0, most: int = 4) -> Any:
    number = {"type": "number", "exclusiveMinimum": 0, "description": "a number above 0"}
    schema = {"type": "array", "items": number, "minItems": least, "maxItems": most}
    expected = f"a list of {least} to {most} numbers above 0: {description}"
    return field(default=default, metadata={"schema": {"default": list(default), "description": expected, **schema}})


def _count(default: int, least: int, description: str) -> Any:
    expected = f"a number of {description}, {least} or more"
    return option(default, expected, type="integer", minimum=least, maximum=256)


@dataclass(frozen=True)
class PlantedOptions:
    """A planted model's options; a config gives them as `planted` beside `source: planted`.

    Attributes:
        layers, heads: its grid; layer 0 holds the previous-token, redundant and constant heads.
        kv_heads: key-value heads of a layer; None: as many as heads.
        seed: of codes, of the heads' places, and of who has which threshold.
        retrieval: strengths of the heads that copy the company's fact.
        distractor: strengths of those that copy the subsidiary's.
        negative: strengths by which heads push the company's fact down.
        thresholds: an answer is said when heads of more strength than its threshold copy it; values are shared out
            among these evenly.
        attention_decoys, copy_decoys: how many there are.
    """

    layers: int = _count(3, 2, "layers")
    heads: int = _count(8, 8, "heads a layer")
    kv_heads: int | None = option(
        None, "a number of key-value heads a layer, or null (as many as heads)", type=["integer", "null"], minimum=1
    )
    seed: int = option(0, "a whole number", type="integer")
    retrieval: tuple[float, ...] = _strengths((6, 5, 4, 3, 2, 1), "strengths", least=1, most=8)
    distractor: tuple[float, ...] = _strengths((2.2, 1.1), "strengths")
    negative: tuple[float, ...] = _strengths((2,), "strengths")
    thresholds: tuple[float, ...] = _strengths((1.4, 2.5, 6.5, 10.4, 16.5, 20.5), "thresholds", least=1, most=12)
    attention_decoys: int = _count(2, 0, "heads")
    copy_decoys: int = _count(2, 0, "heads")

    @property
    def key_value_heads(self) -> int:
        return self.heads if self.kv_heads is None else self.kv_heads

    @property
    def planted_above(self) -> int:
        """The heads with a role above layer 0."""
        matching = len(self.retrieval) + len(self.distractor) + len(self.negative)
        return matching + self.attention_decoys + self.copy_decoys

    @property
    def written(self) -> float:
        """The strength of all heads that write a word, copying decoys included."""
        return sum((*self.retrieval, *self.distractor, *self.negative, self.copy_decoys * max(self.retrieval)))


OPTIONS = Entry(name=PLANTED, description="a model whose heads are written by hand", options=PlantedOptions)


def option_problems(file: str, place: str, options: PlantedOptions) -> list[Problem]:
    """Everything that keeps a model of these options from answering, or its answers from being known.

    Args:
        file: the config, for messages.
        place: the options' field in it.
        options: of the form that the schema wants.
    """
    return [Problem(file, f"{place}.{name}", *said) for name, said in _problems(options)]


def _problems(options: PlantedOptions) -> Iterator[tuple[str, tuple[object, str]]]:
    room = (options.layers - 1) * options.heads
    if options.heads % options.key_value_heads:
        yield "kv_heads", (options.key_value_heads, f"a divisor of {options.heads}, the heads of a layer")
    if options.planted_above > room:
        found = f"{options.planted_above} heads with a role above layer 0"
        yield "heads", (found, f"at most {room}, as many as {options.layers - 1} layers of {options.heads} have")
    if not options.written + sum(options.thresholds) <= MOST_STRENGTH:  # nor is it no number
        found = f"strengths and thresholds of {options.written + sum(options.thresholds):g} in all"
        yield "retrieval", (found, f"at most {MOST_STRENGTH}")
        return
    most, left = sum(options.retrieval), sum(options.retrieval) - sum(options.negative)
    never = [threshold for threshold in options.thresholds if threshold >= most]
    if left <= min(options.thresholds):
        wanted = f"more than {min(options.thresholds):g}, the lowest threshold: this model would never answer"
        yield "retrieval", (f"a strength of {left:g} beside the negative heads", wanted)
    elif never:
        wanted = f"less than {most:g}, the strength of all retrieval heads: such answers would never be given"
        yield "thresholds", (", ".join(f"{threshold:g}" for threshold in never), wanted)
    else:
        yield from _tie_problems(options)


def _tie_problems(options: PlantedOptions) -> Iterator[tuple[str, tuple[object, str]]]:
    lead = least_lead(options)
    if lead < LEAST_LEAD:
        wanted = f"{LEAST_LEAD} or more for every set of heads: change a threshold or a strength a little"
        yield "thresholds", (f"a lead of {lead:.2g} between two words", wanted)


def least_lead(options: PlantedOptions) -> float:
    """The smallest lead of a word over the next one, for any set of ablated heads, as a share of "unknown"'s logit."""
    gold = sorted({round(some - less, 9) for some in _sums(options.retrieval) for less in _sums(options.negative)})
    other = _sums(options.distractor)
    first = [amount / threshold for amount, threshold in product(gold, options.thresholds)]
    second = [amount / threshold for amount, threshold in product(other, options.thresholds)]
    ending = CONTINUING / min(options.thresholds)
    further = [(one + two) * ending for one, two in product(gold, other)]
    leads = [abs(logit - 1) for logit in (*first, *second, *further)]
    return min(*leads, _nearest([one for one in first if one > 1], [one for one in second if one > 1]))


def _sums(strengths: Sequence[float]) -> list[float]:
    """The sums of all subsets."""
    sums = {0.0}
    for strength in strengths:
        sums |= {round(one + strength, 9) for one in sums}
    return sorted(sums)


def _nearest(some: Sequence[float], others: Sequence[float]) -> float:
    """The smallest distance between two numbers, one of each list."""
    marked = sorted([*((one, 0) for one in some), *((one, 1) for one in others)])
    return min((two[0] - one[0] for one, two in pairwise(marked) if one[1] != two[1]), default=float("inf"))
