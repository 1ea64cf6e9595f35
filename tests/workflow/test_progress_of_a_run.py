"""A run says how many prompts of all it has asked: on a terminal now and then, and at the end."""

from __future__ import annotations

import os
import pty
import re
from pathlib import Path

import pytest
from checkouts import copy_project
from tiny_study import QUESTIONS, TinyStudy, write_tiny_study

pytestmark = pytest.mark.workflow

CONDITIONS = 2 * 4 + 1
LAST = re.compile(r"prompts: ([\d,]+) of ([\d,]+) asked in ")


def run_on_a_terminal(study: TinyStudy) -> str:
    """What a run prints whose output is a terminal."""
    ours, theirs = pty.openpty()
    process = study.checkout.start(stdout=theirs)
    os.close(theirs)
    said = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux, once nobody writes any more
            part = b""
        if not part:
            break
        said += part
    os.close(ours)
    assert process.wait() == 0, said[-4000:].decode()
    return said.decode()


def prompts(study: TinyStudy) -> int:
    """The prompts that a run of all conditions asks."""
    files = [study.checkout.results("prompts", "tiny_model", q, f"tokens_{study.tokens}.test.jsonl") for q in QUESTIONS]
    return CONDITIONS * sum(file.read_text().count('"answerable":true') for file in files)


def test_every_prompt_is_counted_once_and_the_stores_not_at_all(tmp_path: Path) -> None:
    """Two jobs at once, each of which reads ahead for others; then a run that takes all from the store."""
    study = write_tiny_study(copy_project(tmp_path))
    said = run_on_a_terminal(study)
    assert LAST.findall(said) == [(f"{prompts(study):,}", f"{prompts(study):,}")]
    again = study.checkout.snakemake("--forceall")
    assert (
        "from the store"
        in study.checkout.results(
            "logs", "generations", "baseline", "tiny_model", "inc_year", f"tokens_{study.tokens}.log"
        ).read_text()
    )
    assert "prompts: " not in again
