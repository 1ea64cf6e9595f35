"""Figures of rankings are drawn if a method has one; if none has, they are left out, and that is said."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from project import PROJECT

from head_ablation.figures import FIGURES
from head_ablation.heads.head import ModelShape
from head_ablation.study.loading import load_study
from head_ablation.study.paths import Paths
from head_ablation.study.study import Study
from head_ablation.study.tasks import rankings_task

PUBLISHED = yaml.safe_load((PROJECT / "studies" / "published.yaml").read_text(encoding="utf-8"))
OF_RANKINGS = [figure.name for figure in FIGURES if figure.of_rankings]


def study(**changes: Any) -> Study:
    return load_study(PUBLISHED | changes, "published.yaml", Paths(folders=(PROJECT,)))


def without(*methods: str) -> dict[str, Any]:
    return PUBLISHED["rankings"] | dict.fromkeys(methods)


def test_there_are_figures_of_rankings_and_others() -> None:
    assert 0 < len(OF_RANKINGS) < len(FIGURES)


def test_without_any_ranking_they_are_left_out_and_that_is_said() -> None:
    none = study(rankings=without(*PUBLISHED["rankings"]))
    assert none.figures == [name for name in FIGURES.names if name not in OF_RANKINGS]
    assert none.notes == (f"not drawn, since no method has a ranking: {', '.join(OF_RANKINGS)}",)


@pytest.mark.parametrize("rankings", [PUBLISHED["rankings"], without("qrhead", "summed_attention")])
def test_with_one_ranking_or_more_all_are_drawn(rankings: dict[str, Any]) -> None:
    some = study(rankings=rankings)
    assert (some.figures, some.notes) == (FIGURES.names, ())


def test_nothing_is_said_of_a_figure_that_the_config_does_not_name() -> None:
    chosen = study(rankings=without(*PUBLISHED["rankings"]), figures=["headline"])
    assert (chosen.figures, chosen.notes) == (["headline"], ())


def test_the_task_names_each_ranking_its_levels_and_the_grids_that_the_config_tells() -> None:
    task = rankings_task(study(rankings=without("qrhead", "summed_attention")))
    assert len(task.files) == 32 and {method for method, *_ in task.files} == {"wu24"}
    assert task.levels == (5, 10, 20, 30, 40, 50)
    assert task.grids == {"instruct": ModelShape(32, 32), "base": ModelShape(32, 32)}
