"""The page of truth, where a model's heads are known by construction."""

from __future__ import annotations

from head_ablation.report.audit import markdown_html
from head_ablation.report.section import Content, Section
from head_ablation.report.sources import Sources


def _content(sources: Sources) -> Content:
    return Content({"page": markdown_html(sources.truth) if sources.truth else None})


TRUTH = Section(
    name="truth",
    description="rankings and answers of planted models held against what their heads do by construction",
    title="Truth",
    content=_content,
)
