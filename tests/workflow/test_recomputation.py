"""Only what changed runs again, in one invocation: the jobs that Snakemake says it ran, change by change.

The rankings of the tiny study are files; those of the other are detected in the same DAG. Each row starts where the
one before it ended.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from checkouts import copy_project, jobs_run
from recomputation_report import RecomputationTable
from tiny_study import QUESTIONS, TinyStudy, write_detected_study, write_tiny_study

pytestmark = pytest.mark.workflow

Change = Callable[[TinyStudy], None]
Row = tuple[Change, list[str]]


def of(question: str, *rules: str) -> list[str]:
    """Jobs written with the question as `*`."""
    return [rule.replace("*", question) for rule in rules]


def of_each_question(*rules: str) -> list[str]:
    """The same for all questions."""
    return [job for question in QUESTIONS for job in of(question, *rules)]


def levels(*numbers: int) -> list[str]:
    """Both arms of these levels."""
    return [f"generations * {arm}" for number in numbers for arm in (f"top-{number}", f"random-{number}-0")]


def head_sets(study: TinyStudy) -> dict[str, str]:
    """`question condition` -> the file's content, for the first prompt length."""
    files = study.checkout.results("heads").glob(f"*/*/*/tokens_{study.tokens}/*-*.json")
    return {f"{path.parts[-3]} {path.stem}": path.read_text() for path in files}


def changed(before: dict[str, str], after: dict[str, str], arm: str = "") -> list[str]:
    """The level jobs of head sets that were there before with other heads."""
    names = [name for name in after if arm in name and after[name] != before.get(name, after[name])]
    return [f"generations {name}" for name in names]


def run(study: TinyStudy) -> list[str]:
    """The jobs of one invocation; a second one must find nothing to do."""
    ran = jobs_run(study.checkout.snakemake())
    assert "Nothing to be done" in study.checkout.snakemake("--dry-run")
    return ran


def set_config(path: str, value: Any) -> Change:
    def change(study: TinyStudy) -> None:
        def put(config: dict[str, Any]) -> None:
            *parents, last = path.split(".")
            for parent in parents:
                config = config.setdefault(parent, {})
            config[last] = value

        study.configure(put)

    return change


def append_comment(file: str) -> Change:
    def change(study: TinyStudy) -> None:
        with (study.checkout.folder / file).open("a") as code:
            code.write("# changed\n")

    return change


def reformat(study: TinyStudy) -> None:
    study.edit_ranking("inc_year", list, indent=4)


def rescore(study: TinyStudy) -> None:
    content = json.loads(study.ranking("inc_year").read_text())
    for entry in content["head_rankings"]:
        entry["score"] /= 2
    study.ranking("inc_year").write_text(json.dumps(content))


def swap(first: int, second: int) -> Change:
    """Heads at two ranks change places."""

    def exchange(entries: list[dict[str, Any]]) -> None:
        entries[first - 1], entries[second - 1] = entries[second - 1], entries[first - 1]

    return lambda study: study.edit_ranking("inc_year", exchange)


def replace_ranks_31_to_40(study: TinyStudy) -> None:
    def exchange(entries: list[dict[str, Any]]) -> None:
        entries[30:40], entries[60:70] = entries[60:70], entries[30:40]

    study.edit_ranking("inc_year", exchange)


def learn_a_year(study: TinyStudy) -> None:
    """The filing whose year was not known gets one: one more sample of one question."""
    truth = study.path("truth.csv")
    truth.write_text(truth.read_text().replace("\n6_1993.txt,6,Nevada,\n", "\n6_1993.txt,6,Nevada,1906\n"))


def add_a_column(study: TinyStudy) -> None:
    """A column that no question reads."""
    truth = study.path("truth.csv")
    header, *rows = truth.read_text().splitlines()
    truth.write_text("\n".join([f"{header},note", *(f"{row},seen" for row in rows)]) + "\n")


def retrain(study: TinyStudy) -> None:
    """The model's weights change in place."""
    from tiny_llama import save_tiny_llama
    from tiny_study import HEADS, LAYERS

    save_tiny_llama(study.path("model"), seed=1, layers=LAYERS, heads=HEADS)


LEVELS = [10, 20, 30, 40]
SWEEP = ["baseline *", *levels(*LEVELS)]
ENDING = ["draw", "tables"]
RESCORED = [*of_each_question("score *"), *ENDING]
ACCEPTED = of("inc_year", "given_ranking *", "heads *")
CODE: dict[str, Row] = {
    "a label of the figures": (set_config("questions.inc_year.label", "Founded"), ["draw", "write_config"]),
    "figure code": (append_comment("head_ablation/figures/panels.py"), ["draw"]),
    "table code": (append_comment("head_ablation/results/curves.py"), ENDING),
    "a caption": (append_comment("report/figure8.rst"), []),
    "the scoring rule": (set_config("scoring.rule", "published"), [*RESCORED, "write_config"]),
}
# change -> what it does, and the jobs it brings; where heads change, the random sets that changed come on top.
GIVEN: dict[str, Row] = {
    "ranking reformatted": (reformat, ACCEPTED),
    "scores changed": (rescore, ACCEPTED),
    "order changed inside a level's set": (swap(32, 37), ACCEPTED),
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


DETECTED_SWEEP = ["baseline *", *levels(30, 40)]
DETECTED: dict[str, Row] = {
    "ranking reformatted": (reformat, ["heads inc_year"]),
    "scores changed": (rescore, ["heads inc_year"]),
    "order changed inside a level's set": (swap(32, 37), ["heads inc_year"]),
    "ranks 31-40 replaced": (
        replace_ranks_31_to_40,
        [*of("inc_year", "heads *", "generations * top-40", "score *"), *ENDING],
    ),
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
        [*of_each_question(*DETECTED_SWEEP), *RESCORED, "write_config"],
    ),
    "a sample added": (
        learn_a_year,
        [*of_each_question("samples *"), *of("inc_year", "prompts * test", *DETECTED_SWEEP, "score *"), *ENDING],
    ),
    "a column that nobody asks about": (add_a_column, of_each_question("samples *")),
}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> TinyStudy:
    """The study with given rankings, finished."""
    study = write_tiny_study(copy_project(tmp_path_factory.mktemp("given"), share_models=False))
    run(study)
    return study


@pytest.fixture(scope="module")
def detected(tmp_path_factory: pytest.TempPathFactory) -> TinyStudy:
    """The study that detects its rankings, finished."""
    study = write_detected_study(copy_project(tmp_path_factory.mktemp("detected")))
    run(study)
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


@pytest.mark.parametrize("name", DETECTED)
def test_only_what_changed_runs_where_rankings_are_detected(
    detected: TinyStudy, recomputation: RecomputationTable, name: str
) -> None:
    change, expected = DETECTED[name]
    before = head_sets(detected)
    change(detected)
    ran = run(detected)
    recomputation.same("detected", name, ran, [*expected, *changed(before, head_sets(detected), "random")])


def test_matcher_code_detects_again(detected: TinyStudy, recomputation: RecomputationTable) -> None:
    """The ranking that was edited by hand is detected again; levels whose prompts and heads are the same need not run.

    By then Snakemake has seen that the prompts have not changed, as the head sets are a checkpoint; the baselines wait
    for no heads and were chosen before.
    """
    before = head_sets(detected)
    append_comment("head_ablation/prompts/matchers/year.py")(detected)
    ran = run(detected)
    levels_run = changed(before, head_sets(detected))
    assert "generations inc_year top-40" in levels_run
    detection = of_each_question("samples *", "prompts * train", "prompts * test", "detected_ranking *", "heads *")
    expected = [*detection, *of_each_question("baseline *"), *levels_run, *RESCORED]
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
    detection = of_each_question("detected_ranking *", "heads *")
    expected = [*detection, *levels_run, *scores, *ENDING, "write_config"]
    recomputation.same("detected", "detected on fewer prompts", ran, expected)


def test_a_question_worded_otherwise_is_detected_and_asked_again(
    detected: TinyStudy, recomputation: RecomputationTable
) -> None:
    set_config("questions.inc_year.text", "In which year was the Company incorporated?")(detected)
    again = of("inc_year", "prompts * train", "prompts * test", "detected_ranking *", "heads *", *DETECTED_SWEEP)
    expected = [*again, "score inc_year", *ENDING, "write_config"]
    recomputation.same("detected", "a question's wording", run(detected), expected)
