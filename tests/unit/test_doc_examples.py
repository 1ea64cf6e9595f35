"""The examples of the docs work as they stand: code runs, configs are accepted, tables are what code prints."""

from __future__ import annotations

import contextlib
import io
import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from byte_tokenizer import save_byte_tokenizer
from good_inputs import write_inputs
from project import PROJECT

from head_ablation.common.files import read_json
from head_ablation.heads.head import ModelShape
from head_ablation.heads.rankings import Expectation, ranking_problems
from head_ablation.models.folder import local_folder
from head_ablation.models.shape import read_shape
from head_ablation.study.checks import checked_study
from head_ablation.study.planned_samples import sample_facts

RANKING = Expectation(("mine",), "mine", "keeper", 128, 32, ModelShape(4, 8))


def page(name: str) -> str:
    return (PROJECT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def run_example(name: str, folder: Path) -> str:
    """What the Python of a page prints, run in a folder that has a `results/`."""
    (code,) = re.findall(r"```python\n(.*?)```", page(name), re.DOTALL)
    (folder / "results").mkdir(exist_ok=True)
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        exec(compile(code, f"{name}.md", "exec"), {})
    return printed.getvalue()


def indented(name: str, first: str) -> str:
    """The block of a page that begins with some text."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", page(name), re.MULTILINE)
    (block,) = (text for text in map(textwrap.dedent, blocks) if text.lstrip("\n").startswith(first))
    return block.strip("\n")


def test_the_table_of_effects_is_what_its_code_prints(tmp_path: Path) -> None:
    printed = run_example("statistics", tmp_path).splitlines()
    assert len(printed) == 7
    rows = [line for line in page("statistics").splitlines() if re.match(r"\| \d+ \|", line)]
    assert rows == printed


def test_the_example_of_a_ranking_writes_one(tmp_path: Path) -> None:
    run_example("own_rankings", tmp_path)
    file = tmp_path / "results" / "ranking.json"
    assert ranking_problems(file, read_json(file), RANKING) == []


def test_the_ranking_that_is_shown_is_one() -> None:
    shown = json.loads(indented("own_rankings", '{"head_rankings"'))
    wanted = Expectation(("mine",), "mine", "keeper", 128, 2, ModelShape(32, 32))
    assert ranking_problems("shown.json", shown, wanted) == []


@pytest.mark.slow
def test_the_example_of_a_model_writes_a_folder_that_is_taken(tmp_path: Path) -> None:
    save_byte_tokenizer(tmp_path / "results" / "models" / "smollm2")
    run_example("own_model", tmp_path)
    folder = local_folder(str(tmp_path / "results" / "tiny_model"))
    shape = read_shape(folder / "config.json")
    assert (shape.layers, shape.heads) == (4, 8)


def own_texts(folder: Path) -> dict[str, Any]:
    """A study of the texts and the config that the page shows, with more texts like them."""
    shown = indented("own_texts", '{"id": "a17"').splitlines()
    more = [json.dumps(json.loads(shown[0]) | {"id": f"b{n}", "book": f"Book {n + 4}"}) for n in range(30)]
    (folder / "stories.jsonl").write_text("\n".join([*shown, *more]), encoding="utf-8")
    config = write_inputs(folder)
    shown_config = yaml.safe_load(indented("own_texts", "questions:"))
    files = {name: str(folder / shown_config["filings"][name]) for name in ("ground_truth", "section_1")}
    shown_config["filings"] |= files
    return config | shown_config | {"rankings": {"found": {"detector": "copy_score"}}}


def test_the_texts_and_the_config_that_are_shown_make_a_study(tmp_path: Path) -> None:
    facts = sample_facts(checked_study(own_texts(tmp_path), "mine.yaml"))
    assert sum(split.count for split in facts["keeper"].values()) == 31  # one of the two has no answer


def test_the_template_of_a_study_has_the_shown_fields() -> None:
    text = (PROJECT / "studies" / "own.yaml").read_text(encoding="utf-8")
    (fields,) = re.findall(r"^#   fields: (.*)$", text, re.MULTILINE)
    assert set(yaml.safe_load(fields)) == {"filename", "company", "text"}
