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
