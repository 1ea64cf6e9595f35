"""Only what changed runs again, in one invocation, and is announced: the jobs that Snakemake says it ran.

Rankings are given as files. Each row starts where the one before it ended.
"""

from __future__ import annotations

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
    reformat,
    replace_ranks_31_to_40,
    rescore,
    retrain,
    run,
    set_config,
    swap,
)
from checkouts import jobs_run
from finished_study import copy_finished_study
from recomputation_report import RecomputationTable
from tiny_study import TinyStudy

pytestmark = pytest.mark.workflow

LEVELS = [10, 20, 30, 40]
SWEEP = ["baseline *", *levels(*LEVELS)]
ACCEPTED = of("inc_year", "given_ranking *", "heads *")
# change -> what it does, and the jobs it brings; where heads change, the random sets that changed come on top.
GIVEN: dict[str, Row] = {
    "ranking reformatted": (reformat, [*ACCEPTED, "report_page"]),
    "scores changed": (rescore, [*ACCEPTED, "report_page"]),
    "order changed inside a level's set": (swap(32, 37), [*ACCEPTED, "report_page"]),
    "ranks 31-40 replaced": (
        replace_ranks_31_to_40,
        [*ACCEPTED, *of("inc_year", "generations * top-40", "score *"), *ENDING],
    ),
    "a level added": (
        set_config("levels", [10, 20, 25, 30, 40]),
        [*of_each_question("heads *", *levels(25)), *RESCORED, "write_config"],
    ),
    "a level removed": (
        set_config("levels", LEVELS),
        [*of_each_question("heads *"), *RESCORED, "write_config"],
    ),
    "a draw added": (
        set_config("arms.random.draws", 2),
        [*of_each_question("heads *", *(f"generations * random-{n}-1" for n in LEVELS)), *RESCORED, "write_config"],
    ),
    "a draw removed": (
        set_config("arms.random.draws", 1),
        [*of_each_question("heads *"), *RESCORED, "write_config"],
    ),
    **CODE,
    "arm code": (
        append_comment("head_ablation/heads/arms/random.py"),
        [*of_each_question("heads *"), *RESCORED],
    ),
    "matcher code": (
        append_comment("head_ablation/prompts/matchers/year.py"),  # finds answers in passages, and judges
        [*of_each_question("samples *", "prompts * test", *SWEEP), *RESCORED],
    ),
    "a sample added": (
        learn_a_year,
        [*of_each_question("samples *"), *of("inc_year", "prompts * test", *SWEEP, "score *"), *ENDING],
    ),
    "a column that nobody asks about": (add_a_column, of_each_question("samples *")),
    "a question's wording": (
        set_config("questions.inc_year.text", "When was it founded?"),
        [*of("inc_year", "prompts * test", *SWEEP, "score *"), *ENDING, "write_config"],
    ),
    "ablation positions": (
        set_config("ablation.positions", "decode"),
        [*of_each_question(*SWEEP), *RESCORED, "write_config"],
    ),
    "the model, changed in place": (
        retrain,
        ["model", *of_each_question("prompts * test", *SWEEP), *RESCORED],
    ),
    "a prompt length added": (
        set_config("tokens", [400, 420]),
        [*of_each_question("given_ranking *", "heads *", "prompts * test", *SWEEP), *RESCORED, "write_config"],
    ),
}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> TinyStudy:
    """The study with given rankings, finished and then copied: there is nothing to do."""
    study = copy_finished_study(tmp_path_factory, "given")
    assert "Nothing to be done" in study.checkout.snakemake("--dry-run")
    return study


@pytest.mark.parametrize("name", GIVEN)
def test_only_what_changed_runs_and_is_announced_where_rankings_are_given(
    given: TinyStudy, recomputation: RecomputationTable, name: str
) -> None:
    change, expected = GIVEN[name]
    before = head_sets(given)
    change(given)
    announced = jobs_run(given.checkout.snakemake("--dry-run"))
    ran = run(given)
    recomputation.same("given", name, ran, [*expected, *changed(before, head_sets(given), "random")])
    assert announced == ran
