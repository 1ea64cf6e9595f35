"""Options of which no answering model can be made are refused, all at once, before anything is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from project import PROJECT

from head_ablation.common.problems import StudyError
from head_ablation.common.registry import options_schema
from head_ablation.planted.model_folder import write_planted
from head_ablation.planted.options import LEAST_LEAD, OPTIONS, PlantedOptions, least_lead, option_problems

WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "never_answers": ({"retrieval": (2, 1)}, "retrieval", "this model would never answer"),
    "negative_heads_win": ({"negative": (20, 2)}, "retrieval", "this model would never answer"),
    "never_said": ({"thresholds": (1.4, 21.5)}, "thresholds", "such answers would never be given"),
    "more_roles_than_heads": ({"attention_decoys": 8}, "heads", "at most 16, as many as 2 layers of 8 have"),
    "no_divisor": ({"kv_heads": 3}, "kv_heads", "a divisor of 8"),
    "a_tie_with_unknown": ({"thresholds": (1.4, 13)}, "thresholds", f"{LEAST_LEAD} or more for every set of heads"),
    "a_tie_of_two_facts": ({"distractor": (2,)}, "thresholds", f"{LEAST_LEAD} or more for every set of heads"),
    "too_strong": ({"retrieval": (150, 60)}, "retrieval", "at most 200"),
    "no_number": ({"retrieval": (float("nan"),)}, "retrieval", "at most 200"),
    "no_threshold": ({"thresholds": (1.4, float("nan"))}, "retrieval", "at most 200"),
}


def problems(**options: Any) -> list[Any]:
    return option_problems("study.yaml", "models.m.planted", PlantedOptions(**options))


def test_the_defaults_make_a_model_that_answers() -> None:
    assert problems() == []
    assert least_lead(PlantedOptions()) > 2 * LEAST_LEAD


def test_the_manual_states_the_defaults() -> None:
    manual = (PROJECT / "config.yaml").read_text(encoding="utf-8")
    stated = re.search(r"# Options of a planted model; .*?({.*?})", manual, re.DOTALL)
    assert stated
    defaults = {name: schema["default"] for name, schema in options_schema(OPTIONS).items()}
    assert yaml.safe_load(re.sub(r"\n *#", " ", stated[1])) == defaults


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_option_is_named_with_its_reason(name: str) -> None:
    options, field, expected = WRONG[name]
    (problem,) = problems(**options)
    assert problem.field == f"models.m.planted.{field}"
    assert expected in problem.expected


def test_all_problems_are_said_at_once() -> None:
    assert len(problems(kv_heads=3, attention_decoys=16, retrieval=(2, 1))) == 3


def test_nothing_is_written_of_options_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="never answer"):
        write_planted(tmp_path / "model", PlantedOptions(retrieval=(1,)))
    assert not (tmp_path / "model").exists()


def test_the_least_lead_is_that_of_all_head_sets_by_hand() -> None:
    """One retrieval head of 4, one distractor head of 2: golds 0 or 4, others 0 or 2; thresholds 3, and 3/4 later."""
    options = PlantedOptions(retrieval=(4,), distractor=(2,), negative=(), thresholds=(3,))
    assert least_lead(options) == pytest.approx(min(4 / 3 - 1, 1 - 2 / 3))
    nearer = PlantedOptions(retrieval=(4,), distractor=(2,), negative=(), thresholds=(1.9,))
    assert least_lead(nearer) == pytest.approx(2 / 1.9 - 1)
