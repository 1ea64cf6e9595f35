"""What tests of recomputation change in a tiny study, and the jobs that this brings."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from checkouts import jobs_run
from tiny_llama import save_tiny_llama
from tiny_study import HEADS, LAYERS, QUESTIONS, TinyStudy

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
    save_tiny_llama(study.path("model"), seed=1, layers=LAYERS, heads=HEADS)


ENDING = ["draw", "report_page", "tables"]
RESCORED = [*of_each_question("score *"), *ENDING]
CODE: dict[str, Row] = {
    "a label of the figures": (
        set_config("questions.inc_year.label", "Founded"),
        ["draw", "report_page", "write_config"],
    ),
    "figure code": (append_comment("head_ablation/figures/panels.py"), ["draw"]),
    "table code": (append_comment("head_ablation/results/curves.py"), ENDING),
    "a caption": (append_comment("report/figure8.rst"), []),
    "the scoring rule": (set_config("scoring.rule", "published"), [*RESCORED, "write_config"]),
}
