"""Two studies side by side: every number of the page can be counted by eye or is computed a second way."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from results_factory import answers, random_study, result

from head_ablation.common.experiment import Experiment
from head_ablation.common.files import write_json
from head_ablation.common.problems import StudyError
from head_ablation.heads.head import HeadSet
from head_ablation.results.compare import (
    ALL,
    ONE,
    PAIRED,
    UNPAIRED,
    Side,
    accuracy_table,
    answers_table,
    only_one_has,
)
from head_ablation.results.head_overlap import overlap_by_question, overlap_table
from head_ablation.results.key_results import key_results_table
from head_ablation.results.rows import levels_table, samples_table
from head_ablation.results.statistics import mover_difference, wilson
from head_ablation.results.table_files import write_table
from head_ablation.study.compare import compare, config_differences

A = result(answers("1111101100"), {5: answers("1101001000")}, {5: [answers("1111101100")]})
B = result(answers("1111101100"), {5: answers("0111101100")}, {5: [answers("1111101100")]})


def side(*results: dict, method: str = "wu24") -> Side:
    return Side.of(levels_table(results), samples_table(results), method)


def row(table: pd.DataFrame, arm: str, level: int, group: str = "inc_year") -> pd.Series:
    rows = table[(table["arm"] == arm) & (table["level"] == level) & (table["group"] == group)]
    assert len(rows) == 1
    return rows.iloc[0]


def write_study(folder: Path, *results: dict, samples: bool = True, config: dict | None = None) -> Path:
    (folder / "tables").mkdir(parents=True)
    write_table(folder / "tables" / "levels.csv", levels_table(results))
    if samples:
        samples_table(results).to_parquet(folder / "tables" / "samples.parquet", index=False)
    if config is not None:
        (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return folder


def index(folder: Path, method: str, tokens: int, **conditions: list[str]) -> None:
    path = folder / "heads" / method / str(Experiment("instruct", "inc_year", tokens)) / "index.json"
    content = {name.replace("_", "-"): heads for name, heads in conditions.items()}
    write_json(path, {"conditions": content, "made_from": {}})


def newcombe_paired(both: int, only_b: int, only_a: int, none: int) -> tuple[float, float]:
    """Newcombe's method 10 from the four counts, as the paper writes it; b minus a, 95 %."""
    n, z = both + only_b + only_a + none, 1.959963984540054

    def limits(x: int) -> tuple[float, float]:
        root = z * math.sqrt(z * z + 4 * x * (1 - x / n))
        return (2 * x + z * z - root) / (2 * (n + z * z)), (2 * x + z * z + root) / (2 * (n + z * z))

    p, q = (both + only_b) / n, (both + only_a) / n
    (p_low, p_high), (q_low, q_high) = limits(both + only_b), limits(both + only_a)
    product = both * none - only_b * only_a
    numerator = max(product - n / 2, 0) if product > 0 else product
    phi = numerator / math.sqrt((both + only_b) * (only_a + none) * (both + only_a) * (only_b + none))

    def reach(x: float, y: float) -> float:
        return math.sqrt(x * x - 2 * phi * x * y + y * y)

    return p - q - reach(p - p_low, q_high - q), p - q + reach(p_high - p, q - q_low)


def test_a_paired_difference_and_its_interval_are_newcombes_from_the_four_counts():
    found = row(accuracy_table(side(A), side(B)), "top", 5)
    low, high = newcombe_paired(both=3, only_b=3, only_a=1, none=3)  # counted in A and B
    assert found["interval"] == PAIRED and found["companies_a"] == found["companies_b"] == 10
    assert [found["accuracy_a"], found["accuracy_b"], found["difference"]] == pytest.approx([0.4, 0.6, 0.2])
    assert [found["low"], found["high"]] == pytest.approx([low, high])
    wrong = newcombe_paired(both=4, only_b=2, only_a=0, none=4)  # the same accuracies, other pairs
    assert [found["low"], found["high"]] != pytest.approx(wrong)


def test_a_difference_over_experiments_is_the_contrast_of_the_key_results():
    """b is a study whose baseline is what a has under its top heads: then b minus a is minus the top drop of a."""
    study = random_study(questions=("inc_year", "inc_state"), lengths=(2048, 4096), levels=(5,), draws=1)
    levels, samples = levels_table(study), samples_table(study)
    ablated = [table[table["arm"] != "baseline"] for table in (levels, samples)]
    moved = [table[table["arm"] == "top"].assign(arm="baseline", level=0, method=np.nan) for table in ablated]
    b = Side.of(*(pd.concat(pair) for pair in zip(moved, ablated, strict=True)), "wu24")  # type: ignore[arg-type]
    found = row(accuracy_table(Side.of(levels, samples, "wu24"), b), "baseline", 0, ALL)
    expected = key_results_table(levels, samples).iloc[0]
    drop = [expected[f"top_drop_points{suffix}"] for suffix in ("", "_low", "_high")]
    assert [-100 * found[name] for name in ("difference", "high", "low")] == pytest.approx(drop)
    assert found["experiments"] == 4 and found["prompts_a"] == 96


def test_without_answers_on_one_side_the_interval_is_unpaired_and_wider():
    bare = result(answers("1111101100"), {5: answers("0111101100")}, {5: [answers("1111101100")]}, samples=False)
    bare["ranking_method"] = "wu24"
    found = row(accuracy_table(side(A), side(bare)), "top", 5)
    paired = row(accuracy_table(side(A), side(B)), "top", 5)
    assert found["interval"] == UNPAIRED and found["unpaired"] == ["instruct/inc_year/tokens_2048"]
    assert [found["difference"], found["low"], found["high"]] == pytest.approx([*mover_difference(0.6, 0.4, 10)])
    assert found["high"] - found["low"] > paired["high"] - paired["low"]


def test_other_filings_are_not_paired():
    other = result(answers("11111011001"), {5: answers("01111011001")}, {5: [answers("11111011001")]})
    found = row(accuracy_table(side(A), side(other)), "top", 5)
    assert found["interval"] == UNPAIRED
    assert (found["prompts_a"], found["prompts_b"]) == (10, 11)
    assert (found["companies_a"], found["companies_b"]) == (10, 11)
    assert found["low"] == pytest.approx(
        7 / 11 - 0.4 - math.hypot(7 / 11 - wilson(7 / 11, 11)[0], wilson(0.4, 10)[1] - 0.4)
    )


def test_answers_are_counted_by_who_is_right():
    found = row(answers_table(side(A), side(B)), "top", 5)
    expected = {"answers": 10, "same": 6, "both": 3, "only_a": 1, "only_b": 3, "none": 3}
    assert {name: found[name] for name in expected} == expected
    itself = row(answers_table(side(A), side(A)), "top", 5)
    assert (itself["same"], itself["only_a"], itself["only_b"]) == (10, 0, 0)


def test_what_only_one_has_is_named():
    more = result(answers("11"), {5: answers("10"), 10: answers("00")}, {5: [answers("11"), answers("10")]})
    far = result(answers("11"), {5: answers("10")}, tokens=8192)
    less = result(answers("11"), {5: answers("10")}, {5: [answers("11")]})
    assert only_one_has(side(more, far), side(less)) == [
        "experiments: instruct/inc_year/tokens_8192",
        "conditions: top-10, random-5-1",
    ]
    assert only_one_has(side(less), side(more, far)) == []


def test_a_condition_that_some_experiments_lack_is_named_with_them():
    both = [result(answers("11"), {5: answers("10"), 10: answers("00")}, tokens=tokens) for tokens in (2048, 4096)]
    lacks = result(answers("11"), {5: answers("10")}, tokens=4096)
    found = only_one_has(side(*both), side(both[0], lacks))
    assert found == ["condition top-10, in 1 of 2: instruct/inc_year/tokens_4096"]
    assert row(accuracy_table(side(*both), side(both[0], lacks)), "top", 10)["experiments"] == 1


def test_the_shared_baseline_of_two_methods_is_no_comparison():
    found = accuracy_table(side(A), side(B), one_baseline=True)
    assert row(found, "baseline", 0)["interval"] == ONE and math.isnan(row(found, "baseline", 0)["difference"])
    assert row(found, "top", 5)["interval"] == PAIRED


def test_overlap_counts_common_heads():
    short, long = (Experiment("instruct", "inc_year", tokens) for tokens in (2048, 4096))
    four = HeadSet.parse(["L0H0", "L0H1", "L1H0", "L1H1"])
    two = HeadSet.parse(["L0H0", "L0H1", "L2H0", "L2H1"])
    found = overlap_table({short: {4: four}, long: {4: four, 5: four}}, {short: {4: two}, long: {4: four}})
    assert [*found["common"]] == [2, 4] and [*found["jaccard"]] == pytest.approx([2 / 6, 1])
    summary = overlap_by_question(found).iloc[0]
    assert (summary["experiments"], summary["common_min"], summary["common_mean"]) == (2, 2, 3)


def test_configs_differ_in_the_values_that_differ():
    first = {"study": "a", "levels": [5], "models": {"m": {"dtype": "float32"}}, "seed": 1}
    second = {"study": "a", "levels": [5, 10], "models": {"m": {"dtype": "float32", "gpu": 1}}}
    assert config_differences(first, second) == [
        ("levels", "[5]", "[5,10]"),
        ("seed", "1", "-"),
        ("models.m.gpu", "-", "1"),
    ]
    assert config_differences(first, first) == []


def test_the_page_of_two_studies_has_every_section(tmp_path):
    a = write_study(tmp_path / "a", A, config={"study": "a", "seed": 1})
    b = write_study(tmp_path / "b", B, config={"study": "b", "seed": 1})
    index(a, "wu24", 2048, top_5=["L0H0", "L0H1", "L0H2", "L0H3", "L0H4"])
    index(b, "wu24", 2048, top_5=["L0H0", "L0H1", "L0H2", "L0H3", "L1H4"])
    page = compare(a, b)
    assert '| study | "a" | "b" |' in page and "| seed |" not in page
    assert "| top, 5 heads | 40.0 | 60.0 | 20.0 (" in page
    assert "| inc_year | 5 | 1 | 4.0 (4 to 4) | 0.67 (0.67 to 0.67) |" in page
    assert "| top, 5 heads | 10 | 6 | 3 | 1 | 3 | 3 |" in page


def test_where_there_is_no_index_the_ranking_gives_the_heads(tmp_path):
    a, b = write_study(tmp_path / "a", A), write_study(tmp_path / "b", B)
    heads = [f"L0H{number}" for number in range(6)]
    index(a, "wu24", 2048, top_5=heads[:5])
    ranking = b / "rankings" / "wu24" / "instruct" / "inc_year" / "tokens_2048.json"
    write_json(ranking, {"head_rankings": [{"head": head} for head in reversed(heads)]})
    assert "| inc_year | 5 | 1 | 4.0 (4 to 4) |" in compare(a, b)
    ranking.unlink()
    assert "No heads of b are known in 1 experiments" in compare(a, b)


def test_two_methods_of_one_study_are_compared(tmp_path):
    mine = result(answers("1111101100"), {5: answers("0111101100")}, method="mine")
    config = {"rankings": {"wu24": {"detector": "copy_score"}, "mine": {"detector": "qrhead"}}}
    page = compare(write_study(tmp_path / "a", A, mine, config=config), tmp_path / "a", ["wu24", "mine"])
    assert '| rankings.method.detector | "copy_score" | "qrhead" |' in page
    assert "| top, 5 heads | 40.0 | 60.0 | 20.0 (" in page
    assert "Only a has conditions: random-5-0." in page


def refused(*arguments: object) -> str:
    with pytest.raises(StudyError) as error:
        compare(*arguments)  # type: ignore[arg-type]
    return str(error.value)


def test_what_cannot_be_compared_is_refused_with_file_field_found_and_expected(tmp_path):
    a, far = (
        write_study(tmp_path / "a", A),
        write_study(tmp_path / "far", result(answers("1"), {5: answers("1")}, tokens=1)),
    )
    other = write_study(tmp_path / "other", result(answers("1"), {5: answers("1")}, method="mine"))
    (tmp_path / "empty").mkdir()
    assert f"{tmp_path / 'gone'}: folder: found nothing; expected a folder" in refused(a, tmp_path / "gone")
    assert "levels.csv: file: found nothing; expected the study's table" in refused(a, tmp_path / "empty")
    assert "experiments: found instruct/inc_year/tokens_2048; expected at least one of" in refused(a, far)
    assert f"{a}: method: found wu24; expected a method of {other}: mine" in refused(a, other)
    assert "--methods: found wu42; expected a method of the study. Did you mean 'wu24'?" in refused(
        a, a, ["wu42", "wu24"]
    )
    assert "method: found the same results twice" in refused(a, a)


def test_answers_that_contradict_the_levels_are_refused(tmp_path):
    a, b = write_study(tmp_path / "a", A), write_study(tmp_path / "b", B)
    samples = samples_table([A])
    samples.drop(index=samples.index[-1]).to_parquet(b / "tables" / "samples.parquet", index=False)
    assert "expected 7 of 10, as in levels.csv beside it" in refused(a, b)
    (b / "tables" / "samples.parquet").write_bytes(b"no parquet")
    assert "samples.parquet: file: found no table" in refused(a, b)


def test_a_damaged_index_is_refused(tmp_path):
    a, b = write_study(tmp_path / "a", A), write_study(tmp_path / "b", B)
    index(a, "wu24", 2048, top_5=["L0H0", "L0H0"])
    assert "index.json: conditions: found damaged" in refused(a, b)
