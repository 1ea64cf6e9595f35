"""The docs say what is there: links lead somewhere, examples are the files that work, tables are the registries'."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from project import PROJECT

PAGES = sorted(path for path in [*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md"), *PROJECT.glob("resources/*.md")])
EXAMPLES = sorted(PROJECT.glob("tests/seams/*/*.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_pages_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def swallowed_targets(text: str) -> list[str]:
    """Words behind --configfile that are no config: Snakemake takes all words up to the next option for configs."""
    commands = re.findall(r"snakemake [^\n`|]*--configfile((?: (?!-|#)[^\s`]+)+)", text)
    return [
        word for words in commands for word in words.split() if not re.fullmatch(r"(\S+\.yaml|\$\(CONFIG\))\W?", word)
    ]


def test_no_command_of_the_docs_has_a_target_right_behind_configfile() -> None:
    pages = [*PAGES, PROJECT / "config.yaml", PROJECT / "Makefile", *PROJECT.glob("studies/*.yaml")]
    assert {page.name: found for page in pages if (found := swallowed_targets(page.read_text(encoding="utf-8")))} == {}
    assert sum(page.read_text(encoding="utf-8").count("--configfile") for page in pages) > 10


def test_a_swallowed_target_is_found() -> None:
    assert swallowed_targets("`snakemake --configfile studies/published.yaml head_sets`") == ["head_sets"]
    assert swallowed_targets("snakemake --configfile a.yaml b.yaml -- head_sets") == []


def test_contributing_quotes_every_example_word_for_word() -> None:
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    quoted = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert sorted(quoted) == sorted(path.read_text(encoding="utf-8") for path in EXAMPLES)


def test_the_tables_of_what_is_registered_are_current(tmp_path: Path) -> None:
    written = tmp_path / "seams.md"
    subprocess.run([sys.executable, "scripts/write_seam_docs.py", "--output", str(written)], cwd=PROJECT, check=True)
    assert written.read_bytes() == (PROJECT / "docs" / "seams.md").read_bytes()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_import_neither_torch_nor_matplotlib(example: Path) -> None:
    code = f"import runpy, sys; runpy.run_path({str(example)!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "matplotlib"} & set(done.stdout.split())
