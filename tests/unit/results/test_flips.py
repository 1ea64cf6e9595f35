"""flips.csv has every answer that ablation turned, and comes back from its file as it was."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from results_factory import random_study

from head_ablation.results.flips import FLIPS, flips_table
from head_ablation.results.rows import samples_table
from head_ablation.results.table_files import read_table, write_table

STUDY = random_study(levels=(5, 10), draws=2)


def turned(results: list[dict]) -> set[tuple]:  # type: ignore[type-arg]
    """Condition, filename and way of each flip, counted from the results themselves."""
    found = set()
    for result in results:
        base = {sample["filename"]: sample["correct"] for sample in result["baseline"]["samples"]}
        place = (result["ranking_method"] if "ranking_method" in result else result["method"], result["total_tokens"])
        for arm in ("top", "random"):
            for entry in result[f"{arm}_heads_ablations"]:
                for draw in entry.get("draws", [entry]):
                    for sample in draw["samples"]:
                        if sample["correct"] != base[sample["filename"]]:
                            key = (result["question"], arm, entry["num_heads"], draw.get("draw", 0))
                            found.add((*place, *key, sample["filename"], bool(sample["correct"])))
    return found


def test_every_answer_that_ablation_turned_is_there_and_no_other() -> None:
    table = flips_table(samples_table(STUDY))
    expected = turned(STUDY)
    rows = table[["question", "arm", "level", "draw", "filename"]].itertuples(index=False, name=None)
    gained = table["change"] == "wrong → right"
    assert len(expected) > 10
    assert {(*row, gain) for row, gain in zip(rows, gained, strict=True)} == {key[2:] for key in expected}
    assert len(table) == len(expected)


def test_the_table_comes_back_from_its_file(tmp_path: Path) -> None:
    samples = samples_table(STUDY)
    samples.loc[samples.index[:3], "text"] = ['1929, "or so"', "None", "two\nlines"]
    table = flips_table(samples)
    write_table(tmp_path / "flips.csv", table)
    pd.testing.assert_frame_equal(read_table(tmp_path / "flips.csv", FLIPS), table)


def test_without_answers_it_is_empty(tmp_path: Path) -> None:
    table = flips_table(samples_table([]))
    assert list(table.columns) == FLIPS and table.empty
    write_table(tmp_path / "flips.csv", table)
    assert list(read_table(tmp_path / "flips.csv", FLIPS).columns) == FLIPS
