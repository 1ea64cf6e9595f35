"""Where the heads of a ranking stand in the model: what heat maps are drawn from. No matplotlib is imported here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from head_ablation.common.experiment import Experiment
from head_ablation.common.files import read_json
from head_ablation.heads.head import Head, ModelShape
from head_ablation.heads.ranking_facts import prompts_behind, ranking_facts
from head_ablation.heads.rankings import ranked_heads


@dataclass(frozen=True)
class RankingsTask:
    """The rankings that figures show.

    Attributes:
        files: method, model, question, tokens and file of each.
        levels: numbers of ablated heads.
        grids: model -> its heads as far as the config tells them; of models that are run, their `shape.json` does.
    """

    files: tuple[tuple[str, str, str, int, str], ...]
    levels: tuple[int, ...]
    grids: Mapping[str, ModelShape | None]


@dataclass(frozen=True)
class HeadMap:
    """The heads of one ranking.

    Attributes:
        method, experiment: what it is of.
        shape: the model's grid of heads; where that is not known, the smallest grid that has all ranked heads.
        is_whole: whether the model's grid is known.
        ranks: head -> rank, 1 is best, of all heads that the ranking lists.
        scored: how many of them, from rank 1 on, have a score.
        levels: of the study, that the ranking reaches; ascending.
        undecided: ablated heads that the ranking does not decide: of equal score as heads that a level leaves out, or
            without a score.
        prompts: on so many the ranking rests; None if it does not say.
    """

    method: str
    experiment: Experiment
    shape: ModelShape
    is_whole: bool
    ranks: Mapping[Head, int]
    scored: int
    levels: tuple[int, ...]
    undecided: frozenset[Head]
    prompts: int | None


def read_head_maps(task: RankingsTask, shapes: Iterable[Path]) -> list[HeadMap]:
    """The rankings that have heads, in the task's order.

    Args:
        task: which they are.
        shapes: the `shape.json` of models, in folders of their names.
    """
    grids = dict(task.grids) | {file.parent.name: ModelShape(**read_json(file)) for file in shapes}
    read = [
        (method, Experiment(model, question, tokens), read_json(file))
        for method, model, question, tokens, file in task.files
    ]
    return [
        head_map(method, experiment, ranking, task.levels, grids.get(experiment.model))
        for method, experiment, ranking in read
        if ranking["head_rankings"]
    ]


def head_map(
    method: str, experiment: Experiment, ranking: Mapping[str, Any], levels: Sequence[int], shape: ModelShape | None
) -> HeadMap:
    """The map of a checked ranking that has heads."""
    heads = ranked_heads(ranking)
    reached = tuple(level for level in sorted(levels) if level <= len(heads))
    scores = [entry["score"] for entry in ranking["head_rankings"]]
    scored = len(heads) - (scores.count(0) if scores[-1] >= 0 else 0)
    parted = {scores[cut.level - 1] for cut in ranking_facts(ranking, reached).cuts if cut.tied}
    ablated = range(max(reached, default=0))
    return HeadMap(
        method=method,
        experiment=experiment,
        shape=shape or smallest_grid(heads),
        is_whole=shape is not None,
        ranks={head: rank for rank, head in enumerate(heads, start=1)},
        scored=scored,
        levels=reached,
        undecided=frozenset(heads[place] for place in ablated if scores[place] in parted or place >= scored),
        prompts=prompts_behind(ranking),
    )


def smallest_grid(heads: Sequence[Head]) -> ModelShape:
    """The smallest grid that has all these heads."""
    return ModelShape(1 + max(head.layer for head in heads), 1 + max(head.head for head in heads))
