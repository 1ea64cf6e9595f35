"""Models that cannot be run as a study asks for are refused while it is planned: key, found, expected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_bad_input import CONFIG, TOKENS, assert_named, changed, good, refusal  # noqa: F401

from head_ablation.study.checks import checked_study
from head_ablation.study.settings import memory_gb

ANSWER = 10  # tokens, the default


@pytest.fixture
def study(good: dict[str, Any]) -> dict[str, Any]:  # noqa: F811
    """A good study that gives no rankings."""
    return changed(good, "rankings", {"found": {"detector": "copy_score"}})


def with_config(folder: Path, **changes: Any) -> None:
    """The model's config.json, changed."""
    file = folder / "model" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def test_an_architecture_without_heads_is_refused_with_the_reason(study: dict[str, Any], tmp_path: Path) -> None:
    with_config(tmp_path, model_type="mamba")
    assert_named(refusal(study), "config.json", "model_type", "'mamba'", "It is no transformer")


def test_an_adapter_is_refused_while_planning(study: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "model" / "adapter_config.json").write_text("{}", encoding="utf-8")
    assert_named(refusal(study), "adapter_config.json", "file", "an adapter (peft)", "merge_and_unload")


def test_eager_attention_is_asked_for_by_key_and_value(study: dict[str, Any], tmp_path: Path) -> None:
    with_config(tmp_path, model_type="gpt_oss")
    said = ("models.tiny.attention", "'gpt_oss' with attention: sdpa", "attention: eager for this model")
    assert_named(refusal(study), CONFIG, *said)
    assert checked_study(changed(study, "models.tiny.attention", "eager"), CONFIG)


def test_prompts_at_whose_length_longrope_changes_are_refused(study: dict[str, Any], tmp_path: Path) -> None:
    with_config(tmp_path, model_type="phi3", original_max_position_embeddings=TOKENS, rope_scaling={"type": "longrope"})
    wanted = f"at most {TOKENS - ANSWER} or at least {TOKENS + 2}"
    assert_named(refusal(study), CONFIG, "tokens[0]", str(TOKENS), f"{wanted}: LongRoPE")
    assert checked_study(changed(study, "tokens", [TOKENS - ANSWER, TOKENS + 2]), CONFIG)


@pytest.mark.parametrize("device", ["cpu", "cuda:1", "mps"])
def test_several_gpus_are_refused_where_one_device_is_named(study: dict[str, Any], device: str) -> None:
    several = changed(changed(study, "models.tiny.gpu", 2), "models.tiny.device", device)
    assert_named(refusal(several), CONFIG, "models.tiny.gpu", f"2 with device: {device}", "device: auto or cuda")


def test_the_memory_of_several_gpus_is_that_of_all(study: dict[str, Any]) -> None:
    several = changed(changed(study, "models.tiny.gpu", 3), "models.tiny.device", "auto")
    assert memory_gb(checked_study(several, CONFIG), "tiny") == 3 * 24
    assert memory_gb(checked_study(changed(several, "models.tiny.memory_gb", 100), CONFIG), "tiny") == 100
