"""The audit, as its page has it."""

from __future__ import annotations

from head_ablation.report.section import Content, Section
from head_ablation.report.sources import Sources


def _content(sources: Sources) -> Content:
    return Content({"page": markdown_html(sources.audit) if sources.audit else None})


def markdown_html(text: str) -> str:
    """A page of ours in Markdown as HTML: tags in it are text, and it fetches no picture."""
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "link", "autolink"])
    return str(reader.render(text.split("\n", 1)[1] if text.startswith("# ") else text))


AUDIT = Section(
    name="audit",
    description="results held against claims, rankings and each other",
    title="Audit",
    content=_content,
)
