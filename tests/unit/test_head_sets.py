"""Head-set files: written whole, rewritten only when their heads change."""

from __future__ import annotations

from pathlib import Path

import pytest

from head_ablation.files import read_json
from head_ablation.head_sets import write_head_sets
from head_ablation.heads import Condition, Head, ModelShape, RandomArm
from head_ablation.problems import StudyError

SHAPE = ModelShape(layers=4, heads=4, positions=64)
RANKED = [Head(layer, head) for head in range(4) for layer in range(4)]
CONDITIONS = [Condition("top", 2), Condition("top", 4), Condition("random", 2, 0)]
RANDOM = RandomArm(draws=1, seed=42, sampler="permutation", exclude_top=4)


def write(folder: Path, ranked: list[Head], conditions: list[Condition] = CONDITIONS) -> dict[str, list[str]]:
    return write_head_sets(folder, conditions, ranked, SHAPE, RANDOM, "m/q/tokens_64")


def stamps(folder: Path) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in folder.glob("*.json")}


def test_files_hold_canonical_heads_without_scores(tmp_path: Path) -> None:
    index = write(tmp_path, RANKED)
    assert read_json(tmp_path / "top-2.json") == {"arm": "top", "level": 2, "draw": None, "heads": ["L0H0", "L1H0"]}
    assert set(index) == {"top-2", "top-4", "random-2-0"}


def test_order_inside_a_set_rewrites_nothing(tmp_path: Path) -> None:
    write(tmp_path, RANKED)
    before = stamps(tmp_path)
    write(tmp_path, [RANKED[1], RANKED[0], *RANKED[2:]])
    assert stamps(tmp_path) == before


def test_a_head_replaced_at_rank_3_rewrites_only_the_levels_above_2(tmp_path: Path) -> None:
    write(tmp_path, RANKED)
    before = stamps(tmp_path)
    drawn = read_json(tmp_path / "random-2-0.json")["heads"]
    newcomer = next(head for head in RANKED[4:] if str(head) not in drawn)
    write(tmp_path, [*RANKED[:2], newcomer, *RANKED[3:]])
    changed = {name for name, stamp in stamps(tmp_path).items() if stamp != before[name]}
    assert "top-4" in changed
    assert "top-2" not in changed


def test_a_level_above_the_number_of_heads_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="top-17 needs 17 heads, there are 16"):
        write(tmp_path, RANKED, [*CONDITIONS, Condition("top", 17)])
    assert list(tmp_path.iterdir()) == []
