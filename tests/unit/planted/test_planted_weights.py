"""The weights: codes apart, attention sharp, roles in place, equal bytes for equal options."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planted_model import planted_model
from safetensors.numpy import load_file

from head_ablation.common.files import sha256_file
from head_ablation.common.problems import StudyError
from head_ablation.heads.head import Head, ModelShape
from head_ablation.models.pointer import prepare
from head_ablation.models.shape import find_shape, known_parameters, known_shape
from head_ablation.planted import saturation, weights
from head_ablation.planted.codes import MOST_ALIKE, draw_codes, most_alike
from head_ablation.planted.model_folder import write_planted
from head_ablation.planted.options import PlantedOptions
from head_ablation.planted.roles import ROLES, Roles
from head_ablation.planted.rotation import HEAD_WIDTH, POSITIONS
from head_ablation.planted.saturation import LEAST_NATS, check_margins
from head_ablation.planted.texts import read_texts
from head_ablation.planted.weights import Construction

TEXTS = read_texts()
VARIANTS = {
    "mha": PlantedOptions(),
    "gqa": PlantedOptions(kv_heads=2),
    "deep": PlantedOptions(layers=5, heads=12, kv_heads=4, seed=3),
    "no_rivals": PlantedOptions(distractor=(), negative=(), attention_decoys=0, copy_decoys=0),
}


def test_codes_are_apart_and_follow_the_seed() -> None:
    codes = draw_codes(200, seed=1)
    assert most_alike(codes) <= MOST_ALIKE
    assert np.allclose(np.linalg.norm(codes, axis=1), 1)
    assert np.array_equal(codes, draw_codes(200, seed=1)) and not np.array_equal(codes, draw_codes(200, seed=2))


def test_codes_that_are_alike_would_be_seen() -> None:
    codes = draw_codes(20, seed=1)
    codes[3] = codes[7]
    assert most_alike(codes) == pytest.approx(1)


def test_more_words_than_codes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("head_ablation.planted.codes.TRIES", 3)
    with pytest.raises(StudyError, match="2000 words have no codes of 32 components"):
        draw_codes(2000, seed=1)


@pytest.mark.parametrize("name", VARIANTS)
def test_margins_suffice(name: str) -> None:
    found = check_margins(Construction(VARIANTS[name], TEXTS))
    assert min(found.position_nats, found.match_nats) > LEAST_NATS
    assert found.answer_nats > 0.08 and found.norm_share < 0.001


@pytest.mark.parametrize(
    ("module", "name", "value", "message"),
    [
        (saturation, "MATCH_NATS", 40.0, "match_nats"),
        (saturation, "POSITION_NATS", 40.0, "position_nats"),
        (saturation, "CONSTANT", 16.0, "norm_share"),
    ],
)
def test_a_construction_that_is_not_sharp_is_refused(
    module: Any, name: str, value: float, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, value)
    with pytest.raises(StudyError, match=message):
        check_margins(Construction(PlantedOptions(), TEXTS))


@pytest.mark.parametrize("name", VARIANTS)
def test_every_head_has_a_role_and_layer_0_the_fixed_ones(name: str) -> None:
    options = VARIANTS[name]
    roles = Roles.of(options, TEXTS)
    assert list(roles.by_head) == ModelShape(options.layers, options.heads).all_heads()
    assert {one.role for one in roles.heads} <= set(ROLES)
    assert [roles.by_head[head].strength for head in roles.of_role("retrieval")] == [6, 5, 4, 3, 2, 1]
    fixed = {role: roles.of_role(role) for role in ("previous_token", "redundant", "constant")}
    assert {role: len(heads) for role, heads in fixed.items()} == {"previous_token": 1, "redundant": 2, "constant": 1}
    assert {head.layer for heads in fixed.values() for head in heads} == {0}
    assert {head.layer for head in roles.of_role("retrieval")} == set(range(1, options.layers))


def test_thresholds_are_shared_out_evenly_among_the_values_of_a_question() -> None:
    roles = Roles.of(PlantedOptions(), TEXTS)
    for first in TEXTS.first_words.values():
        given = [roles.thresholds[word] for word in first]
        assert {given.count(threshold) for threshold in PlantedOptions().thresholds} == {len(first) // 6}


def test_roles_are_read_as_they_were_written(tmp_path: Path) -> None:
    roles = Roles.of(PlantedOptions(kv_heads=2), TEXTS)
    roles.write(tmp_path / "roles.json")
    assert Roles.read(tmp_path / "roles.json") == roles
    (tmp_path / "roles.json").write_text('{"heads": []}')
    with pytest.raises(StudyError, match=r"roles\.json: file: found something else .* expected the roles of a planted"):
        Roles.read(tmp_path / "roles.json")


def test_equal_options_make_equal_bytes_and_another_seed_makes_others(tmp_path: Path) -> None:
    digests = []
    for name, options in {"one": PlantedOptions(), "two": PlantedOptions(), "other": PlantedOptions(seed=1)}.items():
        write_planted(tmp_path / name, options)
        names = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
        digests.append([sha256_file(tmp_path / name / file) for file in names])
    assert digests[0] == digests[1] and digests[0][1] != digests[2][1]


def test_idle_heads_and_attention_decoys_write_nothing(tmp_path: Path) -> None:
    planted = planted_model(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    for head, one in planted.roles.by_head.items():
        output = tensors[f"model.layers.{head.layer}.self_attn.o_proj.weight"]
        own = output[:, head.head * HEAD_WIDTH : (head.head + 1) * HEAD_WIDTH]
        assert own.any() == (one.role not in ("idle", "attention_decoy"))


def test_a_planted_model_is_prepared_and_described_without_a_network(tmp_path: Path) -> None:
    options = VARIANTS["gqa"]
    pointer = prepare("planted", None, tmp_path, planted=options)
    assert pointer.shape == ModelShape(3, 8, POSITIONS, rotary=True) == known_shape("planted", None, options)
    assert find_shape("planted", None, {"layers": 3, "heads": 8}, options) == pointer.shape
    assert pointer.size and pointer.size.parameters == known_parameters("planted", None, options)
    assert pointer.made_from and pointer.made_from["planted"]["kv_heads"] == 2
    assert json.loads((tmp_path / "config.json").read_text())["num_key_value_heads"] == 2
    again = prepare("planted", None, tmp_path, planted=options)
    assert again.fingerprint == pointer.fingerprint
    assert prepare("planted", None, tmp_path, planted=replace(options, seed=5)).fingerprint != pointer.fingerprint


def test_a_declared_grid_that_is_another_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="2 layers x 8 heads"):
        prepare("planted", None, tmp_path, {"layers": 2, "heads": 8}, planted=PlantedOptions())


def test_the_strength_of_a_head_is_what_its_output_projection_writes() -> None:
    made = Construction(PlantedOptions(), TEXTS)
    tensors = made.weights()
    for head in made.roles.of_role("retrieval", "negative"):
        output = tensors[f"model.layers.{head.layer}.self_attn.o_proj.weight"]
        own = output[made.blocks["output"], head.head * HEAD_WIDTH : (head.head + 1) * HEAD_WIDTH]
        one = made.roles.by_head[head]
        sign = -1 if one.role == "negative" else 1
        assert np.allclose(np.diag(own), sign * one.strength * weights.WRITTEN)
    assert made.roles.by_head[Head(0, 0)].strength == 0
