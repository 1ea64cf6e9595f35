"""Tables from small results whose every number can be counted by eye."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from results_factory import answers, random_study, result

from head_ablation.common.problems import StudyError
from head_ablation.heads.ranking_facts import Cut, RankingFacts
from head_ablation.results.curves import curves_table, summary
from head_ablation.results.key_results import key_results_markdown, key_results_table
from head_ablation.results.rows import (
    CONDITION,
    EXPERIMENT,
    TablesTask,
    levels_table,
    samples_table,
    unranked_experiments,
)
from head_ablation.results.statistics import mover_difference, paired_difference, wilson
from head_ablation.results.table_files import read_table, write_table

BASELINE = answers("1110-")
TOP = {5: answers("0110-"), 10: answers("0000-")}
DRAWS = {5: [answers("1110-"), answers("1010-")], 10: [answers("1111-"), answers("0110-")]}


def small(**changes: object) -> dict:
    """4 answerable prompts and 1 unanswerable, two levels, two draws."""
    return result(BASELINE, TOP, DRAWS, **changes)  # type: ignore[arg-type]


def condition(table: pd.DataFrame, arm: str, level: int, draw: int = 0) -> pd.Series:
    rows = table[(table["arm"] == arm) & (table["level"] == level) & (table["draw"] == draw)]
    assert len(rows) == 1
    return rows.iloc[0]


def without_samples(results: list[dict]) -> list[dict]:
    """The same results as the published files hold them."""
    bare = copy.deepcopy(results)
    for one in bare:
        one.pop("ranking_method", None)
        arms = one["top_heads_ablations"] + one["random_heads_ablations"]
        for entry in [one["baseline"], *arms, *(d for arm in arms for d in arm.get("draws", []))]:
            entry.pop("samples", None)
    return bare


def own_run(made: dict) -> dict:
    """The result as a run of this workflow leaves it."""
    return made | {"protocol": {"protocol_version": 1}}


def two_given(**changes: object) -> list[dict]:
    """Given results of two methods, one of which found another baseline: 3 of 4, and 2 of 4."""
    other = result(answers("1100-"), TOP, DRAWS, method="qrhead", **changes)  # type: ignore[arg-type]
    return [small(**changes), other]


def counting_all(made: dict) -> dict:
    """The result as it is where unanswerable prompts count, as wrong ones."""
    arms = made["top_heads_ablations"] + [d for arm in made["random_heads_ablations"] for d in arm["draws"]]
    for entry in [made["baseline"], *arms]:
        entry["samples"] = [sample | {"counted": True} for sample in entry["samples"]]
        entry["total"] = len(entry["samples"])
        entry["accuracy"] = entry["correct"] / entry["total"]
    return made | {"unanswerable": 0}


# samples


def test_every_prompt_of_every_condition_has_one_row() -> None:
    samples = samples_table([small()])
    assert len(samples) == 5 * (1 + 2 + 2 * 2)
    assert not samples.duplicated([*CONDITION, "filename"]).any()
    assert samples["answerable"].sum() == 4 * 7


def test_the_baseline_has_no_method_level_0_and_draw_0() -> None:
    samples = samples_table([small()])
    baseline = samples[samples["arm"] == "baseline"]
    assert baseline["method"].isna().all()
    assert (baseline[["level", "draw"]] == 0).all(axis=None)


def test_methods_of_one_experiment_share_one_baseline() -> None:
    results = [small(), small(method="qrhead"), small(method="summed_attention")]
    for table in (samples_table(results), levels_table(results)):
        counted = table[table["arm"] == "baseline"].groupby(EXPERIMENT)["level"].size()
        assert counted.tolist() == [5 if "filename" in table else 1]


def test_answers_that_do_not_say_whether_they_count_do_if_answerable() -> None:
    samples = samples_table([small()])
    assert (samples["counted"] == samples["answerable"]).all()
    assert not samples["counted"].all()


def test_samples_survive_parquet(tmp_path: Path) -> None:
    samples = samples_table([small()])
    samples.to_parquet(tmp_path / "samples.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "samples.parquet"), samples)


def test_results_without_samples_give_an_empty_table_of_the_same_columns() -> None:
    full, bare = samples_table([small()]), samples_table(without_samples([small()]))
    assert bare.empty
    assert bare.dtypes.to_dict() == full.dtypes.to_dict()


# levels


def test_levels_count_answerable_prompts_only() -> None:
    row = condition(levels_table([small()]), "top", 5)
    assert (row["correct"], row["total"], row["unanswerable"], row["companies"]) == (2, 4, 1, 4)
    assert row["accuracy"] == 2 / 4
    assert row["accuracy_drop"] == 3 / 4 - 2 / 4
    assert row["accuracy"] != 2 / 5  # the wrong variant, unanswerable prompts counted
    assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx(wilson(0.5, 4))


def test_unanswerable_prompts_that_count_are_in_every_number() -> None:
    results = [counting_all(small())]
    levels, samples = levels_table(results), samples_table(results)
    row = condition(levels, "top", 5)
    assert (row["correct"], row["total"], row["unanswerable"], row["companies"]) == (2, 5, 0, 5)
    assert row["accuracy_drop"] == pytest.approx(3 / 5 - 2 / 5)
    assert samples["counted"].all() and not samples["answerable"].all()
    found = key_results_table(levels, samples).iloc[0]
    assert (found["companies"], found["prompts"], found["unanswerable"]) == (5, 5, 0)
    assert found["interval"] == "paired by company"
    assert found["top_drop_points"] == pytest.approx(20)


def test_given_results_whose_totals_vary_are_compared_by_accuracy() -> None:
    varied = without_samples([small()])[0]
    varied["top_heads_ablations"][0] |= {"correct": 1, "total": 2}
    levels = levels_table([varied])
    row = condition(levels, "top", 5)
    assert (row["total"], row["accuracy"]) == (2, 1 / 2)
    assert row["accuracy_drop"] == 3 / 4 - 1 / 2
    assert row["accuracy_drop"] != (3 - 1) / 2  # the wrong variant, counts of different totals
    found = key_results_table(levels, samples_table([varied])).iloc[0]
    assert found["top_drop_points"] == pytest.approx(25)


def test_every_draw_has_its_row_and_the_baseline_no_drop() -> None:
    levels = levels_table([small()])
    drops = [condition(levels, "random", 10, draw)["accuracy_drop"] for draw in (0, 1)]
    assert drops == [-0.25, 0.25]
    assert condition(levels, "baseline", 0)["accuracy_drop"] == 0


def test_two_filings_of_one_company_are_one_company() -> None:
    filings = {"7_1993.txt": True, "7_1994.txt": False, "8_1993.txt": True, "9_1993.txt": None}
    row = condition(levels_table([result(filings, {5: filings})]), "top", 5)
    assert (row["total"], row["companies"]) == (3, 2)
    assert row["accuracy_low"] == pytest.approx(wilson(2 / 3, 2)[0])
    assert row["accuracy_low"] < wilson(2 / 3, 3)[0]  # the wrong variant, filings as independent


def test_published_files_give_the_same_levels_but_for_what_they_lack() -> None:
    full, bare = levels_table([small()]), levels_table(without_samples([small()]))
    same = [name for name in full if name not in ("correct_published", "accuracy_published")]
    pd.testing.assert_frame_equal(bare[same], full[same])


def test_a_random_entry_without_draws_is_draw_0() -> None:
    published = without_samples([small()])[0]
    published["random_heads_ablations"] = [{"num_heads": 5, "accuracy": 0.75, "correct": 3, "total": 4}]
    assert condition(levels_table([published]), "random", 5)["accuracy"] == 0.75


def test_the_order_of_the_results_does_not_matter() -> None:
    results = random_study(["inc_year", "hq_state"], ["wu24", "qrhead"], lengths=(384, 512))
    for make in (levels_table, samples_table):
        pd.testing.assert_frame_equal(make(results), make(results[::-1]))


def test_another_control_arm_is_taken_along() -> None:
    with_control = small() | {"layer_matched_heads_ablations": small()["top_heads_ablations"]}
    levels = levels_table([with_control])
    assert list(levels["arm"].drop_duplicates()) == ["baseline", "top", "random", "layer_matched"]


# refusals

PLACE = "ablation/wu24/instruct/inc_year/tokens_2048.json"
AGAIN = r"Remove this file below results/<study>/ and run again"
MEND = r"Mend the given file \(results_from\)"


def refusal(*results: dict) -> str:
    """What is said of results that contradict themselves: by the tables of levels and of samples alike."""
    said = []
    for make in (levels_table, samples_table):
        with pytest.raises(StudyError) as refused:
            make(results)
        said.append(str(refused.value))
    assert said[0] == said[1]
    return said[0]


def test_a_baseline_that_differs_between_methods_of_our_own_runs_is_refused_by_name() -> None:
    said = refusal(*(own_run(one) for one in two_given()))
    other = PLACE.replace("wu24", "qrhead")
    assert f"{other}: baseline: found 2 of 4 correct; expected 3 of 4 correct, as in {PLACE}. Remove" in said
    assert said.count("\n") == 0


def test_equal_counts_with_other_answers_are_a_disagreement_too() -> None:
    other = result(answers("0111-"), TOP, DRAWS, method="qrhead")
    assert "found other answers to 1_1993.txt, 4_1993.txt" in refusal(own_run(small()), own_run(other))


def test_two_files_of_one_method_must_agree_about_the_baseline() -> None:
    first, second = without_samples([result(BASELINE, {5: TOP[5]}), result(answers("1100-"), {10: TOP[10]})])
    said = refusal(first, second)
    assert re.match(rf"- {PLACE}: baseline: found 2 of 4 correct; expected 3 of 4 correct, as in .*{MEND}", said)


def test_baselines_of_different_experiments_may_differ() -> None:
    other = result(answers("1100-"), TOP, DRAWS, tokens=4096)
    assert len(levels_table([small(), other])) == 14


def test_a_condition_given_twice_is_refused() -> None:
    said = refusal(small(), small())
    names = ["top-5", "top-10", *(f"random-{level}-{draw}" for level in (5, 10) for draw in (0, 1))]
    assert all(f"{PLACE}: {name}: found two results of it; expected one" in said for name in names)


@pytest.mark.parametrize(("of", "fix"), [(own_run, AGAIN), (dict, MEND)])
def test_counts_that_contradict_the_samples_are_refused(of: Callable[[dict], dict], fix: str) -> None:
    wrong = small()
    wrong["top_heads_ablations"][0]["correct"] = 3
    said = refusal(of(wrong))
    line = f"- {PLACE}: top-5: found 3 correct of 4; expected 2 of 4, as its samples that count say. {fix}"
    assert re.match(line, said) and said.count("\n") == 0


def test_all_contradictions_are_said_at_once() -> None:
    wrong, other = small(), small(tokens=4096)
    wrong["top_heads_ablations"][0]["correct"] = 3
    wrong["random_heads_ablations"][1]["draws"][1]["correct"] = 5
    other["baseline"]["correct"] = 1
    assert refusal(wrong, other).count("\n") == 2


def test_an_experiment_without_answerable_prompts_is_refused() -> None:
    empty = without_samples([small()])[0]
    empty["baseline"] = {"accuracy": 0.0, "correct": 0, "total": 0}
    assert f"{PLACE}: baseline: found 0 correct of 0 prompts; expected" in refusal(empty)


def test_a_condition_that_lost_prompts_is_refused() -> None:
    said = refusal(result(BASELINE, {5: answers("011--")}))
    assert "top-5: found 3 prompts that count; expected 4, as in its baseline" in said


# given results whose baselines differ


@pytest.mark.parametrize("samples", [True, False])
def test_given_methods_that_disagree_keep_their_own_baselines(samples: bool) -> None:
    levels = levels_table(two_given(samples=samples))
    baselines = levels[levels["arm"] == "baseline"].set_index("method")
    assert baselines["accuracy"].to_dict() == {"wu24": 3 / 4, "qrhead": 2 / 4}
    drops = levels.query("arm == 'top' and level == 10").set_index("method")["accuracy_drop"]
    assert drops.to_dict() == {"wu24": 3 / 4, "qrhead": 2 / 4}


def test_one_of_two_given_without_a_protocol_is_enough_to_keep_both_baselines() -> None:
    ours, theirs = two_given()
    levels = levels_table([own_run(ours), *without_samples([theirs])])
    assert set(levels.loc[levels["arm"] == "baseline", "method"]) == {"wu24", "qrhead"}


def test_curves_and_summary_start_at_the_methods_own_baseline() -> None:
    curves = curves_table(levels_table(two_given()))
    start = curves[curves["level"] == 0].groupby("method")["accuracy"].unique()
    assert {method: list(found) for method, found in start.items()} == {"wu24": [3 / 4], "qrhead": [2 / 4]}
    assert "qrhead, inc_year: baseline 50%" in summary(curves)


@pytest.mark.parametrize("samples", [True, False])
def test_key_results_of_a_method_are_those_it_has_alone(samples: bool) -> None:
    both = two_given(samples=samples)
    together = key_results_table(levels_table(both), samples_table(both))
    for one, method in zip(both, ("wu24", "qrhead"), strict=True):
        alone = key_results_table(levels_table([one]), samples_table([one]))
        pd.testing.assert_frame_equal(together[together["method"] == method].reset_index(drop=True), alone)


def test_a_disagreement_about_one_experiment_leaves_the_others_shared_baseline() -> None:
    results = [*two_given(), small(tokens=4096), small(tokens=4096, method="qrhead")]
    levels = levels_table(results)
    assert levels[levels["arm"] == "baseline"].groupby("tokens")["method"].count().to_dict() == {2048: 2, 4096: 0}
    pd.testing.assert_frame_equal(levels_table(results[::-1]), levels)
    row = key_results_table(levels, samples_table(results)).set_index(["method", "level"]).loc[("qrhead", 10)]
    assert row["top_drop_points"] == pytest.approx(100 * (2 / 4 + 3 / 4) / 2)


# curves


def test_curves_start_at_the_baseline_and_average_draws() -> None:
    curves = curves_table(levels_table([small()]))
    random = curves[curves["arm"] == "random"].set_index("level")
    assert random["accuracy"].to_dict() == {0: 0.75, 5: (0.75 + 0.5) / 2, 10: (1.0 + 0.5) / 2}
    assert random["draws"].to_dict() == {0: 1, 5: 2, 10: 2}
    assert (curves["baseline_accuracy"] == 0.75).all()
    assert (curves["majority_accuracy"] == 0.25).all()


def test_draws_and_lengths_do_not_narrow_the_interval() -> None:
    lengths = [small(tokens=tokens) for tokens in (1024, 2048, 4096, 8192)]
    row = curves_table(levels_table(lengths)).query("arm == 'random' and level == 5").iloc[0]
    assert (row["companies"], row["experiments"], row["draws"]) == (4, 4, 2)
    assert (row["low"], row["high"]) == pytest.approx(wilson(0.625, 4))
    wrong = wilson(0.625, 4 * 4 * 2)  # the wrong variant, every answer independent
    assert row["low"] < wrong[0] < wrong[1] < row["high"]


def test_experiments_weigh_the_same_however_many_draws_they_have() -> None:
    one = result(BASELINE, {}, {5: [answers("1111-")] * 9})
    two = result(BASELINE, {}, {5: [answers("0000-")]}, tokens=4096)
    curves = curves_table(levels_table([one, two]))
    assert curves.set_index("level").loc[5, "accuracy"] == 0.5
    assert curves.set_index("level").loc[5, "draws"] == 1


def test_curves_say_over_how_many_models_and_experiments_they_average() -> None:
    levels = levels_table([small(model=model, tokens=tokens) for model in ("base", "chat") for tokens in (384, 512)])
    means, by_model, single = (curves_table(levels, by) for by in (["question"], ["model", "question"], EXPERIMENT))
    found = [
        tuple(*table[["models", "experiments"]].drop_duplicates().to_numpy()) for table in (means, by_model, single)
    ]
    assert found == [(2, 4), (1, 2), (1, 1)]
    assert summary(means).startswith("wu24, inc_year (mean of 2 models): baseline 75%")


def test_curves_of_single_experiments_are_the_levels() -> None:
    levels = levels_table(random_study(lengths=(384, 512), draws=1))
    curves = curves_table(levels, EXPERIMENT)
    joined = curves.merge(levels, on=["method", *EXPERIMENT, "arm", "level"])
    assert len(joined) == 2 * 2 * 6
    np.testing.assert_allclose(joined["low"], joined["accuracy_low"])


# key results


def test_key_results_are_the_hand_worked_points() -> None:
    results = [small()]
    row = key_results_table(levels_table(results), samples_table(results)).iloc[0]
    assert (row["level"], row["experiments"], row["companies"]) == (5, 1, 4)
    assert (row["prompts"], row["unanswerable"], row["draws"]) == (4, 1, 2)
    assert row["top_drop_points"] == pytest.approx(25)
    assert row["random_drop_points"] == pytest.approx(12.5)
    assert row["gap_points"] == pytest.approx(12.5)
    assert row["interval"] == "paired by company"
    paired = paired_difference([1, 1, 1, 0], [0, 1, 1, 0])
    assert row["top_drop_points_low"] == pytest.approx(100 * paired.low)
    draws = paired_difference([1, 0.5, 1, 0], [0, 1, 1, 0])
    assert row["gap_points_high"] == pytest.approx(100 * draws.high)


def test_key_results_point_is_the_mean_over_experiments_also_when_unbalanced() -> None:
    """Two questions whose answerable companies differ: 4 of 4 right, then 1 of 2."""
    one = result(answers("1111"), {5: answers("1000")}, {5: [answers("1111")]})
    two = result(answers("1-0-"), {5: answers("0-0-")}, {5: [answers("1-0-")]}, question="hq_state")
    paired = key_results_table(levels_table([one, two]), samples_table([one, two])).iloc[0]
    assert paired["top_drop_points"] == pytest.approx(100 * (3 / 4 + 1 / 2) / 2)
    assert paired["top_drop_points"] != pytest.approx(100 * 4 / 6)  # wrong: prompts pooled
    bare = without_samples([one, two])
    unpaired = key_results_table(levels_table(bare), samples_table(bare)).iloc[0]
    assert unpaired["top_drop_points"] == pytest.approx(paired["top_drop_points"])


def test_experiments_weigh_the_same_however_many_filings_a_company_has() -> None:
    """Two filings each of companies 1 and 2 (drop 1), then one each of 1 to 4 (drop 1/4)."""
    twice = {f"{company}_{year}.txt": True for company in (1, 2) for year in (1993, 1994)}
    one = result(twice, {5: dict.fromkeys(twice, False)})
    two = result(answers("1111"), {5: answers("1110")}, question="hq_state")
    row = key_results_table(levels_table([one, two]), samples_table([one, two])).iloc[0]
    assert row["top_drop_points"] == pytest.approx(100 * (1 + 1 / 4) / 2)


def test_answering_more_lengths_does_not_narrow_key_results() -> None:
    def width(results: list[dict]) -> float:
        row = key_results_table(levels_table(results), samples_table(results)).iloc[0]
        return row["gap_points_high"] - row["gap_points_low"]

    lengths = [small(tokens=tokens) for tokens in (1024, 2048, 4096, 8192)]
    assert width(lengths) == pytest.approx(width([small()]))


def test_other_methods_do_not_change_a_methods_key_results() -> None:
    results = random_study(["inc_year", "hq_state"], ["wu24", "qrhead"])
    alone = [one for one in results if one["ranking_method"] == "wu24"]
    both = key_results_table(levels_table(results), samples_table(results))
    only = key_results_table(levels_table(alone), samples_table(alone))
    pd.testing.assert_frame_equal(both[both["method"] == "wu24"].reset_index(drop=True), only)


def test_without_samples_the_interval_is_unpaired_and_says_so() -> None:
    bare = without_samples([small(), small(tokens=4096)])
    row = key_results_table(levels_table(bare), samples_table(bare)).iloc[0]
    assert (row["interval"], row["companies"]) == ("unpaired", 4)
    expected = mover_difference(3 / 4, 2 / 4, 4)
    assert row["top_drop_points_low"] == pytest.approx(100 * expected.low)


def test_a_study_without_a_random_arm_has_no_gap() -> None:
    results = [result(BASELINE, TOP)]
    table = key_results_table(levels_table(results), samples_table(results))
    assert table["gap_points"].isna().all()
    assert table["top_drop_points"].tolist() == pytest.approx([25, 75])
    assert "| 5 | 25.0 (" in key_results_markdown(table)
    assert key_results_markdown(table).count("| - | - |") == 2


def test_given_results_without_a_random_arm_make_every_table() -> None:
    made = without_samples([result(BASELINE, TOP)])[0]
    del made["random_heads_ablations"]
    levels = levels_table([made])
    assert list(levels["arm"]) == ["baseline", "top", "top"]
    curves = curves_table(levels)
    assert curves["accuracy"].tolist() == [0.75, 0.5, 0.0]
    table = key_results_table(levels, samples_table([made]))
    assert table[["random_drop_points", "gap_points"]].isna().all(axis=None)
    assert key_results_markdown(table).count("| - | - |") == 2
    assert summary(curves) == "wu24, inc_year: baseline 75%; with 10 heads ablated: top 0%"


def test_key_results_can_be_made_from_the_written_files(tmp_path: Path) -> None:
    results = random_study(methods=["wu24", "qrhead"])
    levels, samples = levels_table(results), samples_table(results)
    write_table(tmp_path / "levels.csv", levels)
    samples.to_parquet(tmp_path / "samples.parquet")
    read = read_table(tmp_path / "levels.csv"), pd.read_parquet(tmp_path / "samples.parquet")
    pd.testing.assert_frame_equal(key_results_table(*read), key_results_table(levels, samples))
    pd.testing.assert_frame_equal(curves_table(read[0]), curves_table(levels))


NAMES = ["None", "1", "007", "NA", "nan", "null", "1e3", "True"]


@pytest.mark.parametrize("part", ["method", "question", "model"])
def test_tables_are_read_with_the_names_and_types_that_were_written(tmp_path: Path, part: str) -> None:
    results = [small(**{part: name}) for name in NAMES]
    levels, samples = levels_table(results), samples_table(results)
    for number, table in enumerate([levels, curves_table(levels), key_results_table(levels, samples)]):
        write_table(tmp_path / f"{number}.csv", table)
        pd.testing.assert_frame_equal(read_table(tmp_path / f"{number}.csv"), table, check_exact=True)
    assert set(read_table(tmp_path / "0.csv")[part].dropna()) == set(NAMES)
    assert set(pd.read_csv(tmp_path / "0.csv", dtype=str)[part].dropna()) != set(NAMES)  # negative control


def test_an_empty_table_is_read_as_written(tmp_path: Path) -> None:
    write_table(tmp_path / "levels.csv", levels_table([]))
    pd.testing.assert_frame_equal(read_table(tmp_path / "levels.csv"), levels_table([]))


def test_the_markdown_says_what_the_numbers_rest_on() -> None:
    results = [small(), small(method="qrhead")]
    table = key_results_table(levels_table(results), samples_table(results))
    page = key_results_markdown(table, {"wu24": "Wu24"})
    assert page.count("## ") == 2
    assert "## Wu24" in page and "## qrhead" in page
    assert "n = 4 companies; experiments: 1; prompts that count: 4 (1 unanswerable left" in page
    assert "paired by company" in page
    assert page.count("| 5 | 25.0 (") == 2
    assert page.endswith("|\n")


def test_a_change_that_rounds_to_nothing_has_no_sign() -> None:
    table = key_results_table(levels_table([small()]), samples_table([small()]))
    table["top_drop_points"] = -0.04
    page = key_results_markdown(table)
    assert "| 5 | 0.0 (" in page and "-0.0" not in page


def test_no_results_make_empty_tables() -> None:
    levels, samples = levels_table([]), samples_table([])
    assert levels.empty and samples.empty and curves_table(levels).empty
    assert key_results_markdown(key_results_table(levels, samples)).startswith("# Key results")


def test_every_interval_holds_its_point() -> None:
    results = random_study(["inc_year", "hq_state"], ["wu24"], lengths=(384, 512), seed=3)
    table = key_results_table(levels_table(results), samples_table(results))
    for name in ("top_drop", "random_drop", "gap"):
        assert (table[f"{name}_points_low"] < table[f"{name}_points"]).all()
        assert (table[f"{name}_points"] < table[f"{name}_points_high"]).all()
    assert not any(math.isnan(value) for value in table["gap_points"])


def test_the_summary_says_baseline_top_and_random_at_the_highest_level() -> None:
    line = summary(curves_table(levels_table([small()])))
    assert line == "wu24, inc_year: baseline 75%; with 10 heads ablated: top 0%, random 75%"


# rankings


def ranked(prompts: int | None = 18) -> TablesTask:
    """Of two prompt lengths: at the shorter one, level 10 parts a tie and reaches heads that never scored."""
    name = "wu24/instruct/inc_year/tokens_"
    cuts = (Cut(10, tied=245, taken=5, unscored=5),)
    return TablesTask({f"{name}1024": RankingFacts(prompts, cuts), f"{name}2048": RankingFacts(19, ())})


def two_lengths() -> list[dict]:
    return [small(tokens=1024), small()]


def test_top_rows_say_what_their_ranking_rests_on() -> None:
    levels = levels_table(two_lengths(), ranked())
    known = levels[levels["arm"] == "top"].set_index(["tokens", "level"])[["ranking_prompts", "tied", "unscored"]]
    assert known.to_dict("index") == {
        (1024, 5): {"ranking_prompts": 18, "tied": 0, "unscored": 0},
        (1024, 10): {"ranking_prompts": 18, "tied": 245, "unscored": 5},
        (2048, 5): {"ranking_prompts": 19, "tied": 0, "unscored": 0},
        (2048, 10): {"ranking_prompts": 19, "tied": 0, "unscored": 0},
    }
    assert levels.loc[levels["arm"] != "top", ["ranking_prompts", "tied", "unscored"]].isna().all(axis=None)
    assert levels_table(two_lengths())["tied"].isna().all()  # nothing known, nothing said


def test_curves_count_the_experiments_whose_ranking_does_not_decide_a_level() -> None:
    curves = curves_table(levels_table(two_lengths(), ranked()))
    counted = curves[curves["undecided"] > 0]
    assert counted[["arm", "level", "undecided", "experiments"]].to_numpy().tolist() == [["top", 10, 1, 2]]
    assert (curves_table(levels_table(two_lengths()))["undecided"] == 0).all()


def test_key_results_count_undecided_levels_and_the_prompts_behind_the_ranking() -> None:
    levels, samples = levels_table(two_lengths(), ranked()), samples_table(two_lengths())
    table = key_results_table(levels, samples)
    assert table[["level", "undecided", "ranking_prompts"]].to_numpy().tolist() == [[5, 0, 18], [10, 1, 18]]
    page = key_results_markdown(table)
    assert "\n| 5 | " in page and "\n| 10 \\* | " in page
    assert "does not decide the top heads (10 heads: 1 of 2)" in page
    assert "Prompts behind each ranking: at least 18.\n" in page and "few" not in page
    plain = key_results_markdown(key_results_table(levels_table(two_lengths()), samples))
    assert "\\*" not in plain and "Prompts behind" not in plain


def test_a_ranking_from_few_prompts_is_called_so() -> None:
    samples = samples_table(two_lengths())
    for prompts, few in ((1, True), (4, True), (5, False)):
        page = key_results_markdown(key_results_table(levels_table(two_lengths(), ranked(prompts)), samples))
        assert f"at least {prompts}." in page
        assert ("fewer than 5 prompts say little" in page) is few


def test_the_summary_says_that_ties_decide_at_the_highest_level() -> None:
    assert "(in 1 of 2 experiments a tie decides the heads)" in summary(
        curves_table(levels_table(two_lengths(), ranked()))
    )
    assert "tie" not in summary(curves_table(levels_table(two_lengths())))


# experiments without ranked heads


def unranked() -> dict:
    """The result of an experiment in which no head could be ranked: its baseline alone."""
    alone = result(BASELINE, {}, {}, question="inc_state")
    return alone | {"unranked": "8 of 8 train prompts hold their answer; 4 were read and 0 answered correctly."}


def test_an_experiment_without_ranked_heads_is_named_and_changes_no_number() -> None:
    name = "wu24/instruct/inc_state/tokens_2048"
    both, alone = [small(), unranked()], [small()]
    assert unranked_experiments(both) == {name: unranked()["unranked"]}
    found, expected = (key_results_table(levels_table(some), samples_table(some)) for some in (both, alone))
    pd.testing.assert_frame_equal(found, expected)
    pd.testing.assert_frame_equal(curves_table(levels_table(both)), curves_table(levels_table(alone)))
    page = key_results_markdown(found, unranked=unranked_experiments(both))
    assert (
        f"## Not ranked\n\nIn these experiments no head could be ranked; no number includes them.\n\n- {name}: 8 of"
        in page
    )
    assert "Not ranked" not in key_results_markdown(found)


def test_tables_can_be_made_where_no_head_at_all_could_be_ranked() -> None:
    levels, samples = levels_table([unranked()]), samples_table([unranked()])
    assert levels["arm"].tolist() == ["baseline"]
    assert curves_table(levels).empty
    assert key_results_markdown(key_results_table(levels, samples)).startswith("# Key results")
