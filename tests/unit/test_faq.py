"""The FAQ is true: each message that it quotes is one that a spoilt study gets, or stands so in the code."""

from __future__ import annotations

import ast
import csv
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import snakemake
from good_inputs import POSITIONS, TOKENS, write_inputs, write_lines, write_ranking
from project import PROJECT

from head_ablation.common.problems import StudyError
from head_ablation.study.checks import checked_study

FAQ = PROJECT / "docs" / "faq.md"
CONFIG = "studies/mine.yaml"
ENTRY = re.compile(r"^## (\d+)\. .*\n((?:.*\n)*?)(?=^## |\Z)", re.MULTILINE)
SNAKEMAKE = Path(snakemake.__file__).parent
SAYERS = [
    *sorted((PROJECT / "head_ablation").rglob("*.py")),
    *(SNAKEMAKE / name for name in ("common/configfile.py", "exceptions.py", "persistence/__init__.py")),
]
LEAST = 12  # characters of a message that do not vary, by which it is known

Change = Callable[[dict[str, Any], Path], object]


def quoted() -> dict[int, list[str]]:
    """The lines of each entry that quote messages; commands stand behind a sign, `$`."""
    entries = {int(number): text for number, text in ENTRY.findall(FAQ.read_text(encoding="utf-8"))}
    lines = {number: re.findall(r"^    (.*)$", text, re.MULTILINE) for number, text in entries.items()}
    return {number: [line for line in some if not line.startswith("$ ")] for number, some in lines.items()}


def put(path: str, value: Any) -> Change:
    def change(config: dict[str, Any], _folder: Path) -> None:
        *parents, last = path.split(".")
        for parent in parents:
            config = config.setdefault(parent, {})
        config[last] = value

    return change


def edit_json(name: str, **changes: Any) -> Change:
    def change(_config: dict[str, Any], folder: Path) -> None:
        file = folder / name
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return change


def edit_ranking(**changes: Any) -> Change:
    return edit_json(f"rankings/inc_year/tokens_{TOKENS}.json", **changes)


def own_fields(config: dict[str, Any], folder: Path) -> None:
    write_lines(folder / "texts.jsonl", [{"id": "a17", "text": "Kept by Ada.", "answer": "Ada"}])
    config["filings"] = {name: str(folder / "texts.jsonl") for name in ("ground_truth", "section_1")}


def spoil_year(_config: dict[str, Any], folder: Path) -> None:
    rows = list(csv.reader((folder / "truth.csv").read_text().splitlines()))
    rows[7][4] = "n.d."
    (folder / "truth.csv").write_text("".join(",".join(row) + "\n" for row in rows))


def name_with_brace(config: dict[str, Any], folder: Path) -> None:
    (folder / "{x}.csv").write_bytes((folder / "truth.csv").read_bytes())
    config["filings"]["ground_truth"] = str(folder / "{x}.csv")


FOREIGN_HEAD = [{"head": "L15H30", "score": 1}]
PROVOKED: dict[int, list[Change]] = {
    # entry of the FAQ: what makes the small good study be told its messages
    3: [put("levls", [5])],
    4: [put("filings.ground_truth", "truth.csv"), put("rankings.wu24", "rankings/{model}.json"), name_with_brace],
    5: [put("questions", {"inc_yaer": {}})],
    6: [put("models.mine.source", "modle")],
    8: [edit_json("model/config.json", model_type="mamba")],
    9: [put("models.mine.prompt", {"chat": True})],
    10: [
        edit_ranking(question="inc_state"),
        edit_ranking(model_key="other"),
        edit_ranking(head_rankings=FOREIGN_HEAD),
    ],
    11: [put("levels", [2, 30])],
    14: [own_fields, spoil_year],
    15: [put("tokens", [20]), put("tokens", [POSITIONS + 1])],
    16: [put("filings.test_fraction", 1e-9)],
}


def said_to(folder: Path, change: Change) -> list[str]:
    """What the study is told after a change, with paths as a user would have them."""
    folder.mkdir()
    config = write_inputs(folder)
    config["models"] = {"mine": config["models"].pop("tiny")}
    for question in ("inc_state", "inc_year"):
        write_ranking(folder, question, model_key="mine")
    change(config, folder)
    with pytest.raises(StudyError) as refused:
        checked_study(config, CONFIG)
    text = str(refused.value).replace(str(folder), "mine").replace(f"{PROJECT}/", "")
    return [line.removeprefix("- ") for line in text.splitlines()]


VARYING = "\0"


def _texts(tree: ast.AST) -> Iterator[str]:
    """Each line of each text and f-string of some code."""
    for node in ast.walk(tree):
        parts = node.values if isinstance(node, ast.JoinedStr) else [node]
        if all(isinstance(part, ast.Constant | ast.FormattedValue) for part in parts):
            values = [part.value if isinstance(part, ast.Constant) else VARYING for part in parts]
            yield from "".join(map(str, values)).split("\n")


@cache
def messages() -> list[re.Pattern[str]]:
    """What Snakemake and the library say, a line each, as far as enough of it does not vary."""
    texts = dict.fromkeys(text for file in SAYERS for text in _texts(ast.parse(file.read_text(encoding="utf-8"))))
    known = [text for text in texts if len(text.replace(VARYING, "").strip()) >= LEAST]
    patterns = [".*".join(map(re.escape, text.strip().split(VARYING))) for text in known]
    return [re.compile(rf"(?:failed: |warning: )?(?:\S+: )?{pattern}") for pattern in patterns]


def is_said(line: str) -> bool:
    """Whether some code says just this, but for what varies; of a problem, what it expects and proposes."""
    _, found, expected = line.partition("; expected ")
    sentences = expected.split(". ", maxsplit=1) if found else [line]
    return all(any(message.fullmatch(sentence) for message in messages()) for sentence in sentences)


def test_the_faq_has_twenty_entries_and_each_quotes_a_message() -> None:
    assert list(quoted()) == list(range(1, 21))
    assert all(quoted().values())


@pytest.mark.parametrize("number", PROVOKED)
def test_messages_of_the_faq_are_those_that_a_study_gets(tmp_path: Path, number: int) -> None:
    said = [said_to(tmp_path / str(place), change) for place, change in enumerate(PROVOKED[number])]
    for lines in said:
        assert set(lines) & set(quoted()[number]), lines
    told = {line for line in quoted()[number] if line.startswith(("studies/", "mine/", "rankings/"))}
    assert told <= {line for lines in said for line in lines}


@pytest.mark.parametrize("number", range(1, 21))
def test_other_messages_of_the_faq_stand_in_the_code(number: int) -> None:
    others = [line for line in quoted()[number] if number not in PROVOKED or line.startswith(("failed:", "warning:"))]
    pythons = [line for line in others if line.startswith("FileNotFoundError: ")]
    assert [line for line in others if not is_said(line) and line not in pythons] == []
    for line in pythons:
        with pytest.raises(FileNotFoundError) as missing:
            Path("head_sets").read_text(encoding="utf-8")
        assert line == f"FileNotFoundError: {missing.value}"


def test_a_message_that_nobody_says_is_found_out() -> None:
    assert is_said("failed: the job takes 1 GPUs, none is visible; set the model's `gpu: 0` to use the CPU")
    assert not is_said("failed: the job takes 1 GPUs, none is there; set the model's `gpu: 0` to use the CPU")
    assert not is_said("failed: the job takes 1 GPUs")
    assert is_said("profile: x: found 'gpus'; expected a partition of this cluster. Name it in a file.") is False
    assert is_said("profile: x: found 'gpus'; expected a partition of this cluster") is True
