"""Fixtures of the oracle tests: the embedded model, its prompts, and the table printed at the end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from oracle_report import CHECK, CONTROL, OracleTable, markdown
from project import PROJECT
from recorded import recorded

PROMPT_TOKENS = 64

OPENING = (
    "A river that crosses flat country is never in a hurry, and anybody who walks beside it soon"
    " learns to slow down as well. The water slides between low banks where willows lean out so far"
    " that their longest branches trail in the current."
)
COMPANIES = [
    ("Alder Instruments", "Delaware", 1987),
    ("Bright Harbor Foods", "Nevada", 1993),
    ("Corvid Logistics", "New York", 1978),
    ("Dunmore Paper", "Ohio", 1964),
    ("Eastgate Software", "Texas", 2001),
]


@pytest.fixture
def oracle_table(record_property: Callable[[str, object], None]) -> OracleTable:
    """Judges comparisons; all are printed after the tests."""
    return OracleTable(record_property)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Prints the oracle table, if any comparison was made."""
    checks = recorded(terminalreporter, CHECK)
    if checks:
        terminalreporter.section("oracle table")
        terminalreporter.write_line(markdown(checks, recorded(terminalreporter, CONTROL)))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """One thread: on a busy machine with few cores, two that wait for each other are three times slower."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def embedded_folder() -> Path:
    """The folder of the embedded model (SmolLM2-135M-Instruct, converted)."""
    prepared = PROJECT / "results" / "models" / "smollm2"
    ready = (prepared / "model.safetensors").is_file()
    folder = prepared if ready else os.environ.get("HEAD_ABLATION_TEST_MODEL")
    if folder is None:
        pytest.skip(f"no embedded model: neither {prepared} nor HEAD_ABLATION_TEST_MODEL")
    return Path(folder)


@pytest.fixture(scope="session")
def embedded_model(embedded_folder: Path) -> Any:
    """The embedded model, float32, sdpa attention."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(
        embedded_folder, dtype=torch.float32, attn_implementation="sdpa", local_files_only=True
    ).eval()


@pytest.fixture(scope="session")
def prompts(embedded_folder: Path) -> list[list[int]]:
    """A sentence to complete per company, exactly PROMPT_TOKENS long; they share their first words."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(embedded_folder, local_files_only=True)
    opening = tokenizer.encode(OPENING)
    prompts = []
    for company, state, year in COMPANIES:
        ending = tokenizer.encode(
            f"\n{company} of {state}, founded in {year}, is well known among its neighbours because"
        )
        prompts.append(opening[: PROMPT_TOKENS - len(ending)] + ending)
    assert {len(prompt) for prompt in prompts} == {PROMPT_TOKENS}
    return prompts
