"""Head-set files: written whole, rewritten only when their heads change."""

from __future__ import annotations

from pathlib import Path

import pytest
from typed import arms

from head_ablation.common.files import read_json
from head_ablation.common.problems import StudyError
from head_ablation.heads.condition import Condition
from head_ablation.heads.head import Head, HeadSet, ModelShape
from head_ablation.heads.head_sets import choose_head_sets, current_head_sets, is_unranked, write_head_sets

SHAPE = ModelShape(layers=4, heads=4, positions=64)
RANKED = [Head(layer, head) for head in range(4) for layer in range(4)]
CONDITIONS = [Condition("top", 2), Condition("top", 4), Condition("random", 2, 0)]
RANDOM = arms(draws=1, seed=42, sampler="permutation", exclude_top=4)


def write(folder: Path, ranked: list[Head], conditions: list[Condition] = CONDITIONS) -> Path:
    """Head sets and index of `m/q/tokens_64`, made from a ranking file beside them."""
    ranking = folder / "ranking"
    sets = choose_head_sets(conditions, ranked, SHAPE, RANDOM, "m/q/tokens_64")
    ranking.write_text(str(ranked))
    index = folder / "heads" / "wu24" / "m" / "q" / "tokens_64" / "index.json"
    write_head_sets(index, sets, [ranking])
    return index.parent


def stamps(folder: Path) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in folder.glob("*-*.json")}


def test_files_hold_canonical_heads_without_scores(tmp_path: Path) -> None:
    folder = write(tmp_path, RANKED)
    assert read_json(folder / "top-2.json") == {"arm": "top", "level": 2, "draw": None, "heads": ["L0H0", "L1H0"]}
    assert set(read_json(folder / "index.json")["conditions"]) == {"top-2", "top-4", "random-2-0"}


def test_order_inside_a_set_rewrites_nothing(tmp_path: Path) -> None:
    folder = write(tmp_path, RANKED)
    before = stamps(folder)
    write(tmp_path, [RANKED[1], RANKED[0], *RANKED[2:]])
    assert stamps(folder) == before


def test_a_head_replaced_at_rank_3_rewrites_only_the_levels_above_2(tmp_path: Path) -> None:
    folder = write(tmp_path, RANKED)
    before = stamps(folder)
    drawn = read_json(folder / "random-2-0.json")["heads"]
    newcomer = next(head for head in RANKED[4:] if str(head) not in drawn)
    write(tmp_path, [*RANKED[:2], newcomer, *RANKED[3:]])
    changed = {name for name, stamp in stamps(folder).items() if stamp != before[name]}
    assert "top-4" in changed
    assert "top-2" not in changed


def test_a_level_above_the_number_of_heads_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="top-17 needs 17 heads, there are 16"):
        write(tmp_path, RANKED, [*CONDITIONS, Condition("top", 17)])
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_or_changed_head_set_is_written_again(tmp_path: Path) -> None:
    folder = write(tmp_path, RANKED)
    whole = {path: path.read_bytes() for path in folder.iterdir()}
    (folder / "top-2.json").write_bytes(whole[folder / "top-2.json"][:20])
    (folder / "top-4.json").write_bytes(whole[folder / "top-4.json"].replace(b"L0H0", b"L3H3"))
    write(tmp_path, RANKED)
    assert {path: path.read_bytes() for path in folder.iterdir()} == whole


def test_the_sweep_has_every_condition_of_the_indexes(tmp_path: Path) -> None:
    folder = write(tmp_path, RANKED)
    current = dict(current_head_sets(str(folder / "index.json")))
    assert {name: heads.names() for name, heads in current.items()} == {
        f"wu24/{condition}": read_json(folder / f"{condition}.json")["heads"] for condition in CONDITIONS
    }


def test_the_sweep_leaves_out_an_index_whose_ranking_has_changed_or_gone(tmp_path: Path) -> None:
    folder = write(tmp_path, RANKED)
    (tmp_path / "ranking").write_text("another ranking")
    assert list(current_head_sets(str(folder / "index.json"))) == []
    (tmp_path / "ranking").unlink()
    assert list(current_head_sets(str(folder / "index.json"))) == []


def test_an_index_says_that_no_head_could_be_ranked(tmp_path: Path) -> None:
    index, ranking = tmp_path / "index.json", tmp_path / "ranking.json"
    ranking.write_text("{}", encoding="utf-8")
    assert not is_unranked(index)
    write_head_sets(index, {}, [ranking], unranked="no prompt was answered correctly")
    assert is_unranked(index)
    assert [path.name for path in tmp_path.iterdir() if path != ranking] == ["index.json"]
    write_head_sets(index, {Condition("top", 1): HeadSet.parse(["L0H0"])}, [ranking])
    assert not is_unranked(index)


@pytest.mark.slow
def test_head_sets_of_a_hundred_thousand_heads_are_those_of_their_walks() -> None:
    shape = ModelShape(layers=100, heads=1000)
    chosen = arms(draws=10, seed=1, sampler="permutation", exclude_top=50)
    conditions = chosen.conditions(range(100, 2100, 100))
    sets = choose_head_sets(conditions, shape.all_heads(), shape, chosen, "one")
    assert list(sets) == conditions
    assert len(sets) == 20 * 11
    small, large = (set(sets[Condition("random", level, 3)]) for level in (100, 200))
    assert small < large  # of one walk
