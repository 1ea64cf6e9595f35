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


def anchors(page: Path) -> set[str]:
    """What a link to a section may name, as GitHub makes it of the headings."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path, text: str) -> list[str]:
    """Links and images of a page that lead to no file, or to no section of one; addresses of the web do not count."""
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not re.match(r"[a-z]+:", link) and not (target.exists() and (not anchor or anchor in anchors(target))):
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.name}")
def test_links_of_pages_lead_to_files_and_sections(page: Path) -> None:
    assert dead_links(page, page.read_text(encoding="utf-8")) == []


def test_dead_links_are_found() -> None:
    page = PROJECT / "docs" / "README.md"
    text = (
        "[a](none.md) [b](report.md#size) [c](report.md#none) ![d](none.png) [e](#documentation) [f](https://x.org/y)"
    )
    assert dead_links(page, text) == ["none.md", "report.md#none", "none.png"]


def test_every_page_and_image_of_the_docs_is_linked() -> None:
    index = (PROJECT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {path.name for path in PROJECT.glob("docs/*.md")} - {"README.md"}
    assert pages - set(re.findall(r"\]\(([\w.]+\.md)\)", index)) == set()
    shown = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    images = {path.name for path in PROJECT.glob("docs/*") if path.suffix in (".png", ".svg")}
    assert images and {name for name in images if f"/{name})" not in shown and f"({name})" not in shown} == set()


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
