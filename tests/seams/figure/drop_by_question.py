"""The drop of accuracy against the number of ablated heads, by question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from head_ablation.figures.figure import Design, Figure, Tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


def _draw(tables: Tables, design: Design) -> Drawing:
    from matplotlib.lines import Line2D

    from head_ablation.figures.page import Page, Panel
    from head_ablation.figures.style import look_of, style

    drops = tables.curves.assign(points=100 * (tables.curves["baseline_accuracy"] - tables.curves["accuracy"]))
    name, order = design.labels.name, design.labels.order
    questions, methods = order("question", drops["question"]), order("method", drops["method"])
    panels = [Panel(name("question", question), "mean over models and lengths") for question in questions]
    with style(design):
        page = Page(design, panels, len(panels), "heads ablated", "drop (percentage points)")
        for question, ax in zip(questions, page.axes, strict=True):
            for key, curve in drops[drops["question"] == question].groupby(["method", "arm"]):
                method, arm = map(str, key)
                ax.plot(curve["level"], curve["points"], **look_of(design, methods, method, arm))
        tops = [(method, look_of(design, methods, method, "top")) for method in methods]
        legend = [Line2D([], [], **look, label=name("method", method)) for method, look in tops]
        return page.close(legend, "Solid: top heads. Dashed: controls.")


DROP_BY_QUESTION = Figure(
    name="drop_by_question",
    description="drop of accuracy in percentage points: one panel per question, a colour per method",
    view="drop by question",
    draw=_draw,
)
