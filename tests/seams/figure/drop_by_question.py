"""The drop of accuracy against the number of ablated heads, by question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from head_ablation.figures.figure import Figure, Labels, Tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


def _draw(tables: Tables, labels: Labels) -> Drawing:
    from head_ablation.figures.style import canvas, label_of, look_of, order_of, style

    drops = tables.curves.assign(points=100 * (tables.curves["baseline_accuracy"] - tables.curves["accuracy"]))
    questions, methods = (order_of(drops[key], labels) for key in ("question", "method"))
    with style({}):
        fig, axes = canvas(1, len(questions), (1 + 3.3 * len(questions), 3.2))
        for question, ax in zip(questions, axes.flat, strict=True):
            for key, curve in drops[drops["question"] == question].groupby(["method", "arm"]):
                method, arm = map(str, key)
                name = f"{label_of(labels, method)}, {arm} heads"
                ax.plot(curve["level"], curve["points"], label=name, **look_of(methods, method, arm, size=4))
            ax.set_title(label_of(labels, question), loc="left")
        axes[0, 0].set_ylabel("drop of accuracy (percentage points)")
        axes[0, 0].legend(frameon=False)
    return fig


DROP_BY_QUESTION = Figure(
    name="drop_by_question",
    description="drop of accuracy in percentage points: one panel per question, a colour per method",
    view="drop by question",
    draw=_draw,
)
