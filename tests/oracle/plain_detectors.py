"""Every detector as its equation says, on whole attention matrices in float64: slow, and no code of the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from plain_model import PlainModel
from torch import Tensor


@dataclass(frozen=True)
class Case:
    """A prompt as a detector sees it.

    Attributes:
        ids: the prompt.
        needle: its positions.
        query: positions of the query.
        null_ids: the null prompt.
        null_query: positions of its query.
        new_tokens: of the answer.
        gold: the gold answer's ids.
        distractors: the distractors' ids.
        documents: the positions of each, the passage's first.
        repeated: random tokens, twice, behind BOS.
    """

    ids: list[int]
    needle: range
    query: range
    null_ids: list[int]
    null_query: range
    new_tokens: int
    gold: list[int]
    distractors: list[list[int]]
    documents: list[range]
    repeated: list[int]


def answer(model: PlainModel, case: Case) -> list[int]:
    """The greedy answer."""
    said: list[int] = []
    for _ in range(case.new_tokens):
        said.append(int(model.run(case.ids + said).logits[-1].argmax()))
    return said


def _heads(model: PlainModel) -> list[tuple[int, int]]:
    return [(layer, head) for layer in range(model.layers) for head in range(model.heads)]


def _of_each(model: PlainModel, score: Callable[[int, int], float]) -> Tensor:
    scores = torch.zeros(model.layers, model.heads, dtype=torch.float64)
    for layer, head in _heads(model):
        scores[layer, head] = score(layer, head)
    return scores


def copy_score(model: PlainModel, case: Case) -> Tensor:
    said = answer(model, case)
    rows = model.run(case.ids + said).attention
    distinct = {case.ids[j] for j in case.needle}

    def score(layer: int, head: int) -> float:
        copied = set()
        for step, token in enumerate(said):
            t = len(case.ids) - 1 + step
            key = int(rows[layer][head, t].argmax())
            if key in case.needle and case.ids[key] == token:
                copied.add(token)
        return len(copied) / len(distinct)

    return _of_each(model, score)


def summed_attention(model: PlainModel, case: Case) -> Tensor:
    rows = model.run(case.ids).attention
    return _of_each(model, lambda layer, head: sum(float(rows[layer][head, -1, j]) for j in case.needle))


def qrhead(model: PlainModel, case: Case) -> Tensor:
    real, null = model.run(case.ids).attention, model.run(case.null_ids).attention

    def score(layer: int, head: int) -> float:
        contrast = [
            sum(float(real[layer][head, t, j]) for t in case.query) / len(case.query)
            - sum(float(null[layer][head, t, j]) for t in case.null_query) / len(case.null_query)
            for j in case.needle
        ]
        mean = sum(contrast) / len(contrast)
        spread = (sum((c - mean) ** 2 for c in contrast) / (len(contrast) - 1)) ** 0.5
        return sum(c for c in contrast if c > mean - 2 * spread)

    return _of_each(model, score)


def locos(model: PlainModel, case: Case) -> Tensor:
    said = answer(model, case)
    run = model.run(case.ids + said)

    def score(layer: int, head: int) -> float:
        total = 0.0
        for step, token in enumerate(said):
            t = len(case.ids) - 1 + step
            written = model.projection(layer)[:, head].T @ model.unembedding[token]  # W_O^h^T W_U[y]
            phi = [
                float(run.attention[layer][head, t, j] * (run.values[layer][head, j] @ written)) for j in range(t + 1)
            ]
            inside = sum(phi[j] for j in case.needle)
            off = [j for j in range(t + 1) if j not in case.needle]
            total += inside - len(case.needle) / len(off) * sum(phi[j] for j in off)
        return total / len(said)

    return _of_each(model, score)


def core(model: PlainModel, case: Case, tau: float = 0.1) -> Tensor:
    rows = model.run(case.ids).attention

    def score(layer: int, head: int) -> float:
        mean = [sum(float(rows[layer][head, t, j]) for t in case.query) / len(case.query) for j in range(len(case.ids))]
        weights = torch.tensor([sum(mean[j] for j in some) / tau for some in case.documents], dtype=torch.float64)
        return float(weights.exp()[0] / weights.exp().sum())

    return _of_each(model, score)


def induction(model: PlainModel, case: Case) -> Tensor:
    rows = model.run(case.repeated).attention
    n = (len(case.repeated) - 1) // 2
    second = range(n + 1, 2 * n + 1)
    return _of_each(model, lambda layer, head: sum(float(rows[layer][head, t, t - n + 1]) for t in second) / n)


def _log_prob(logits: Tensor, ids: Sequence[int], prompt: int) -> Tensor:
    steps = [logits[t - 1].log_softmax(dim=-1)[ids[t]] for t in range(prompt, len(ids))]
    return torch.stack(steps).sum()


def margin(model: PlainModel, case: Case, ablated: Sequence[tuple[int, int]] = ()) -> float:
    gold, *others = (
        float(_log_prob(model.run([*case.ids, *some], ablated).logits, [*case.ids, *some], len(case.ids)))
        for some in (case.gold, *case.distractors)
    )
    return gold - max(others) if others else gold


def single_head(model: PlainModel, case: Case) -> Tensor:
    whole = margin(model, case)
    return _of_each(model, lambda layer, head: whole - margin(model, case, [(layer, head)]))


def attribution(model: PlainModel, case: Case) -> Tensor:
    """The margin's slope against a factor on each head's output, at 1, one head at a time."""
    best = max(case.distractors, key=lambda some: _scaled(model, case, some, None), default=None)
    answers = [(1.0, case.gold)] + ([(-1.0, best)] if best else [])
    step = 1e-5

    def score(layer: int, head: int) -> float:
        up, down = (
            sum(sign * _scaled(model, case, some, (layer, head, factor)) for sign, some in answers)
            for factor in (1 + step, 1 - step)
        )
        return (up - down) / (2 * step)

    return _of_each(model, score)


def _scaled(model: PlainModel, case: Case, some: list[int], how: tuple[int, int, float] | None) -> float:
    """The log-probability of an answer, one head's columns of W_O multiplied by a factor."""
    ids = [*case.ids, *some]
    if how is None:
        return float(_log_prob(model.run(ids).logits, ids, len(case.ids)))
    layer, head, factor = how
    columns = model.projection(layer)[:, head]  # a view of the weight
    before = columns.clone()
    columns *= factor
    found = float(_log_prob(model.run(ids).logits, ids, len(case.ids)))
    columns.copy_(before)
    return found


PLAIN = {
    "copy_score": copy_score,
    "summed_attention": summed_attention,
    "qrhead": qrhead,
    "locos": locos,
    "attribution": attribution,
    "induction": induction,
    "core": core,
    "single_head": single_head,
}
