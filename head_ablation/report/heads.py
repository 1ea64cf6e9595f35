"""The heads: where those of a ranking stand in the model, their scores and ties, and the levels that ablate them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from head_ablation.figures.head_map import smallest_grid
from head_ablation.heads.condition import Condition
from head_ablation.heads.head import Head
from head_ablation.heads.ranking_facts import Cut, ranking_facts
from head_ablation.report.section import Content, Section
from head_ablation.report.sources import Ranked, Sources

Grid = tuple[int, int]
"""Layers, and heads a layer."""


def _content(sources: Sources) -> Content:
    maps = [*_maps(sources)]
    if not maps:
        return Content({"maps": 0})
    from head_ablation.report.charts import head_map  # slow to import

    data = {"maps": maps, "chart": head_map(), "labels": sources.labels}
    return Content({"maps": len(maps), "levels": sources.task.levels}, data)


def _maps(sources: Sources) -> Iterator[dict[str, Any]]:
    for key, ranking in sources.rankings.items():
        if ranking["head_rankings"]:
            yield _map(sources, key, ranking)


def _map(sources: Sources, key: Ranked, ranking: Mapping[str, Any]) -> dict[str, Any]:
    entries = ranking["head_rankings"]
    heads = [Head.parse(entry["head"]) for entry in entries]
    facts = ranking_facts(ranking, [level for level in sources.task.levels if level <= len(heads)])
    shape = sources.shapes.get(key[1].model)
    seen = shape or smallest_grid(heads)
    grid = seen.layers, seen.heads
    return {
        "method": key[0],
        **key[1]._asdict(),
        "grid": grid,
        "known": shape is not None,
        "prompts": facts.prompts,
        "heads": _numbers(heads, grid),
        "scores": [float(f"{entry['score']:.4g}") for entry in entries],
        "cuts": [_cut(cut) for cut in facts.cuts],
        "sets": _sets(sources.head_sets.get(key, {}), heads, sources.task.levels, grid),
    }


def _numbers(heads: Iterable[Head], grid: Grid) -> list[int]:
    """Heads as numbers, layer by layer: on the page one stands for two."""
    return [head.layer * grid[1] + head.head for head in heads]


def _cut(cut: Cut) -> dict[str, Any]:
    return {"level": cut.level, "tied": cut.tied, "words": str(cut)}


def _sets(
    chosen: Mapping[str, Sequence[str]], ranked: Sequence[Head], levels: Sequence[int], grid: Grid
) -> list[dict[str, Any]]:
    """The head sets of all conditions; without their files, those of the top arm, which the ranking tells."""
    if not chosen:
        chosen = {f"top-{level}": [str(head) for head in ranked[:level]] for level in levels if level <= len(ranked)}
    sets = {Condition.parse(name): _numbers(map(Head.parse, heads), grid) for name, heads in chosen.items()}
    return [
        {"arm": condition.arm, "level": condition.level, "draw": condition.draw, "heads": heads}
        for condition, heads in sorted(sets.items(), key=lambda item: (item[0].level, item[0].arm, item[0].draw or 0))
    ]


HEADS = Section(
    name="heads",
    description="layer by head: rank and score of each head, ties at a level's edge, the levels that ablate it",
    title="Heads",
    content=_content,
)
