"""Only what changed runs again, in one invocation, where rankings are detected in the same DAG.

Each row starts where the one before it ended.
"""

from __future__ import annotations

import pandas as pd
import pytest
from changes import (
    CODE,
    ENDING,
    RESCORED,
    Row,
    add_a_column,
    append_comment,
    changed,
    head_sets,
    learn_a_year,
    levels,
    of,
    of_each_question,
    replace_ranks_31_to_40,
    run,
    set_config,
)
from checkouts import copy_project, jobs_run
from recomputation_report import RecomputationTable
from tiny_study import QUESTIONS, TinyStudy, stored, write_detected_study

pytestmark = pytest.mark.workflow

SWEEP = ["baseline *", *levels(30, 40)]
DETECTED: dict[str, Row] = {
    "a detected ranking edited": (replace_ranks_31_to_40, of("inc_year", "detected_ranking *", "heads *")),
    "a level added": (
        set_config("levels", [20, 30, 40]),
        [*of_each_question("heads *", *levels(20)), *RESCORED, "write_config"],
    ),
    "a level removed": (
        set_config("levels", [30, 40]),
        [*of_each_question("heads *"), *RESCORED, "write_config"],
    ),
    "a draw added": (
        set_config("arms.random.draws", 2),
        [*of_each_question("heads *", *(f"generations * random-{n}-1" for n in (30, 40))), *RESCORED, "write_config"],
    ),
    "a draw removed": (
        set_config("arms.random.draws", 1),
        [*of_each_question("heads *"), *RESCORED, "write_config"],
    ),
    **CODE,
    "ablation positions": (
        set_config("ablation.positions", "decode"),
        [*of_each_question(*SWEEP), *RESCORED, "write_config"],
    ),
    "a sample added": (
        learn_a_year,
        [*of_each_question("samples *"), *of("inc_year", "prompts * test", *SWEEP, "score *"), *ENDING],
    ),
    "a column that nobody asks about": (add_a_column, of_each_question("samples *")),
}


@pytest.fixture(scope="module")
def detected(tmp_path_factory: pytest.TempPathFactory) -> TinyStudy:
    """The study that detects its rankings, finished."""
    study = write_detected_study(copy_project(tmp_path_factory.mktemp("detected")))
    run(study)
    return study


@pytest.mark.parametrize("name", DETECTED)
def test_only_what_changed_runs_where_rankings_are_detected(
    detected: TinyStudy, recomputation: RecomputationTable, name: str
) -> None:
    change, expected = DETECTED[name]
    before = head_sets(detected)
    change(detected)
    ran = run(detected)
    recomputation.same("detected", name, ran, [*expected, *changed(before, head_sets(detected), "random")])


def test_a_detected_ranking_that_was_cut_is_detected_again(
    detected: TinyStudy, recomputation: RecomputationTable
) -> None:
    """It is no JSON any more, and what planning reads of it is not known."""
    ranking = detected.ranking("inc_year")
    whole = ranking.read_bytes()
    ranking.write_bytes(whole[: len(whole) // 2])
    assert "detected_ranking inc_year" in jobs_run(detected.checkout.snakemake("--dry-run"))
    again = of("inc_year", "detected_ranking *", "heads *")
    recomputation.same("detected", "a detected ranking cut", run(detected), again)
    assert ranking.read_bytes() == whole


def test_a_detector_added_computes_only_its_own_scores(detected: TinyStudy, recomputation: RecomputationTable) -> None:
    before, kept = stored(detected.checkout), detected.ranking("inc_year").read_bytes()
    rankings = {"wu24": "detect", "summed": {"detector": "summed_attention"}}
    set_config("rankings", rankings)(detected)
    set_config("levels", [30])(detected)
    added = of_each_question("head_scores *", *("detected_ranking *", "heads *") * 2, *levels(30))
    recomputation.same(
        "detected", "a detector added", run(detected), [*added, *RESCORED, *RESCORED[:2], "write_config"]
    )
    after = stored(detected.checkout)
    assert before.items() <= after.items()  # no entry was made again
    table = pd.read_parquet(detected.checkout.results("scores/smollm2/inc_year/tokens_128.parquet"))
    assert set(table["detector"]) == {"copy_score", "summed_attention"}
    assert detected.ranking("inc_year").read_bytes() == kept
    set_config("rankings", {"wu24": "detect"})(detected)
    set_config("levels", [30, 40])(detected)
    run(detected)
    assert detected.ranking("inc_year").read_bytes() == kept


def test_matcher_code_detects_again(detected: TinyStudy, recomputation: RecomputationTable) -> None:
    """Levels whose prompts and heads are the same need not run.

    By then Snakemake has seen that the prompts have not changed, as the head sets are a checkpoint; the baselines wait
    for no heads and were chosen before.
    """
    append_comment("head_ablation/prompts/matchers/year.py")(detected)
    ran = run(detected)
    prompts = of_each_question("samples *", "prompts * train", "prompts * test")
    detection = of_each_question("head_scores *", "detected_ranking *", "heads *")
    expected = [*prompts, *detection, *of_each_question("baseline *"), *RESCORED]
    recomputation.same("detected", "matcher code", ran, expected)


def test_a_ranking_detected_otherwise_brings_the_levels_whose_heads_it_changes(
    detected: TinyStudy, recomputation: RecomputationTable
) -> None:
    before = head_sets(detected)
    set_config("detection.prompts", 1)(detected)
    ran = run(detected)
    levels_run = changed(before, head_sets(detected))
    scores = [f"score {question}" for question in QUESTIONS if any(question in job for job in levels_run)]
    assert 0 < len(levels_run) < len(before)  # some, not all
    detection = of_each_question("head_scores *", "detected_ranking *", "heads *")
    expected = [*detection, *levels_run, *scores, *ENDING, "write_config"]
    recomputation.same("detected", "detected on fewer prompts", ran, expected)


def test_a_question_worded_otherwise_is_detected_and_asked_again(
    detected: TinyStudy, recomputation: RecomputationTable
) -> None:
    set_config("questions.inc_year.text", "In which year was the Company incorporated?")(detected)
    prompts = of("inc_year", "prompts * train", "prompts * test")
    again = of("inc_year", "head_scores *", "detected_ranking *", "heads *", *SWEEP)
    expected = [*prompts, *again, "score inc_year", *ENDING, "write_config"]
    recomputation.same("detected", "a question's wording", run(detected), expected)


def test_a_question_that_the_model_cannot_answer_stops_no_other(
    detected: TinyStudy, recomputation: RecomputationTable
) -> None:
    set_config("models.smollm2.prompt.stems.inc_year", "Answer: Its favourite colour is")(detected)
    prompts = ("prompts * train", "prompts * test")
    again = of("inc_year", *prompts, "head_scores *", "detected_ranking *", "heads *", "baseline *", "score *")
    recomputation.same("detected", "a stem that nobody understands", run(detected), [*again, *ENDING, "write_config"])
    page = detected.checkout.results("tables", "key_results.md").read_text()
    assert "## Not ranked" in page
    assert "- wu24/smollm2/inc_year/tokens_128: 8 of 8 train prompts hold their answer; " in page
    assert detected.checkout.results("generations", "wu24/smollm2/inc_state/tokens_128/top-30.json").is_file()
