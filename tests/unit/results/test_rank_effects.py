"""What heads of a rank range add to the drop: the drops between neighbouring levels, whose sum is the drop."""

from __future__ import annotations

import numpy as np
import pytest
from results_factory import answers, random_study, result

from head_ablation.heads.ranking_facts import Cut, RankingFacts
from head_ablation.results.key_results import key_results_table
from head_ablation.results.rank_effects import rank_effects
from head_ablation.results.rows import TablesTask, levels_table, samples_table
from head_ablation.results.statistics import mover_difference, paired_difference

BASE, AT_5, AT_20 = answers("1" * 32), answers("1" * 24 + "0" * 8), answers("1" * 8 + "0" * 24)


def one(samples: bool = True) -> list[dict[str, object]]:
    """32 companies: all right, 24 with 5 heads ablated, 8 with 20."""
    return [result(BASE, {5: AT_5, 20: AT_20}, {5: [BASE], 20: [AT_5]}, samples=samples)]


def test_a_value_is_the_drop_between_two_levels_for_each_head_added() -> None:
    found = rank_effects(levels_table(one()), samples_table(one())).set_index(["arm", "after", "level"])
    assert found["value"].to_dict() == pytest.approx(
        {("top", 0, 5): 25 / 5, ("top", 5, 20): 50 / 15, ("random", 0, 5): 0, ("random", 5, 20): 25 / 15}
    )
    assert set(found["companies"]) == {32}


def test_intervals_are_paired_by_company_where_there_are_samples() -> None:
    right = [np.array([float(value) for value in given.values() if value is not None]) for given in (AT_5, AT_20)]
    ways = {
        True: ("paired by company", paired_difference(*right)),
        False: ("unpaired", mover_difference(0.75, 0.25, 32)),
    }
    for samples, (way, expected) in ways.items():
        row = rank_effects(levels_table(one(samples)), samples_table(one(samples))).query("arm == 'top'").iloc[1]
        assert row["interval"] == way
        assert [row["low"], row["value"], row["high"]] == pytest.approx(
            [100 * part / 15 for part in (expected.low, expected.difference, expected.high)]
        )
    assert ways[True][1].low != ways[False][1].low  # negative control: the ways differ


def test_the_values_sum_up_to_the_drop_of_the_key_results() -> None:
    results = random_study(["inc_year", "hq_state"], ["wu24", "qrhead"], lengths=(384, 512), levels=(5, 10, 30))
    levels, samples = levels_table(results), samples_table(results)
    found = rank_effects(levels, samples)
    found["points"] = found["value"] * (found["level"] - found["after"])
    sums = found.groupby(["method", "arm"])["points"].sum()
    highest = key_results_table(levels, samples).query("level == 30").set_index("method")
    for (method, arm), points in sums.items():
        assert points == pytest.approx(highest.loc[method, f"{arm}_drop_points"])
    assert sums.nunique() == 4  # negative control: they differ


def test_a_range_is_undecided_if_the_ranking_leaves_one_of_its_ends_open() -> None:
    results = random_study(levels=(5, 10, 20, 30))
    task = TablesTask({"wu24/instruct/inc_year/tokens_2048": RankingFacts(18, (Cut(10, 3, 1, 0),))})
    found = rank_effects(levels_table(results, task), samples_table(results))
    assert found.query("undecided > 0")[["arm", "after", "level"]].to_numpy().tolist() == [
        ["top", 5, 10],
        ["top", 10, 20],
    ]


def test_a_study_without_ablations_has_none() -> None:
    levels = levels_table(one())
    assert rank_effects(levels[levels["arm"] == "baseline"], samples_table(one())).empty
