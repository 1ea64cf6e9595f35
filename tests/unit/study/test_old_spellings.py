"""Configs in the words of before mean what they meant, and are said to be old."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from project import PROJECT

from head_ablation.common.problems import StudyError
from head_ablation.study.loading import load_study, resolve
from head_ablation.study.old_spellings import respelled

TINY = yaml.safe_load((PROJECT / "studies" / "ci.yaml").read_text())
OLD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "random": ({"random": {"draws": 3}}, {"arms": {"random": {"draws": 3}}}),
    "sampler": ({"random": {"sampler": "study"}}, {"arms": {"random": {"sampler": "published"}}}),
    "new sampler": (
        {"arms": {"random": {"sampler": "study"}}},
        {"arms": {"random": {"sampler": "published"}}},
    ),
    "mode": ({"ablation": {"mode": "zero_output"}}, {"ablation": {"intervention": "zero_output"}}),
    "matcher": ({"scoring": {"matcher": "typed"}}, {"scoring": {"rule": "typed"}}),
    "rule": ({"scoring": {"matcher": "study"}}, {"scoring": {"rule": "published"}}),
    "prompt": ({"prompt": "study"}, {"prompt": "published"}),
    "builder": ({"prompt": {"builder": "study"}}, {"prompt": {"builder": "published"}}),
}


@pytest.mark.parametrize("case", OLD)
def test_an_old_spelling_means_the_new_one_and_is_named(case: str) -> None:
    old, new = ({**TINY, **part} for part in OLD[case])
    resolved, notes = resolve(old)
    assert resolved == resolve(new)[0]
    assert notes and all("is an old spelling of" in note for note in notes)
    assert resolve(new)[1] == []  # negative control


def test_split_of_the_published_study() -> None:
    old = {**TINY, "filings": {**TINY["filings"], "split": "study"}}
    assert resolve(old)[0]["filings"]["split"] == "published"


def test_an_old_overlay_on_a_new_config_keeps_the_rest() -> None:
    config = {"random": {"draws": 1}, "arms": {"random": {"draws": 5, "seed": 7}, "top": {}}}
    assert respelled(config)[0]["arms"]["random"] == {"draws": 5, "seed": 7}
    assert respelled({"random": {"seed": 3}, "arms": {"random": {"draws": 5}}})[0]["arms"]["random"] == {
        "seed": 3,
        "draws": 5,
    }


def test_a_study_of_that_name_is_none_of_these_spellings() -> None:
    assert respelled({"study": "study"}) == ({"study": "study"}, [])


def test_a_mistake_under_an_old_spelling_is_named_by_both() -> None:
    with pytest.raises(StudyError) as refused:
        load_study({**TINY, "random": {"drws": 2}}, "old.yaml")
    assert "arms.random.drws: found an unknown key" in str(refused.value)
    assert "('random' is an old spelling of 'arms.random')" in str(refused.value)
