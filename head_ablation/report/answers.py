"""The answers: every prompt under every condition, with what became of its answer."""

from __future__ import annotations

from typing import Any

import pandas as pd

from head_ablation.report.section import Content, Section
from head_ablation.report.selection import selected
from head_ablation.report.sources import Sources
from head_ablation.results.flips import Change, changes, counts


def _content(sources: Sources) -> Content:
    if not (sources.samples["arm"] != "baseline").any():
        return Content({"total": 0, "baseline": len(sources.samples)})
    changed = _in_order(sources, changes(sources.samples))
    data = selected(changed, sources.passages, sources.task.matchers)
    shown = len(data["prompt"])
    flipped = sum(change in (Change.LOST, Change.GAINED) for change in data["change"])
    counted = counts(changed)
    return Content(
        shown={
            "total": len(changed),
            "shown": shown,
            "flips": counted[Change.LOST] + counted[Change.GAINED],
            "shown_flips": flipped,
            "passages": bool(data["passages"]),
        },
        data=data | _names(sources),
    )


def _in_order(sources: Sources, changed: pd.DataFrame) -> pd.DataFrame:
    """Rows by question, model and method as the config has them; what is alike keeps its order."""
    kinds = ["question", "model", "method"]
    places = {kind: [sources.place(kind, key) for key in changed[kind]] for kind in kinds}
    order = pd.DataFrame(places).sort_values([*places], kind="stable").index
    return changed.iloc[order].reset_index(drop=True)


def _names(sources: Sources) -> dict[str, Any]:
    return {
        "labels": sources.labels,
        "changes": [change.words for change in Change],
        "wording": dict(sources.task.wording),
    }


ANSWERS = Section(
    name="answers",
    description="every answer beside the baseline's, with filters; its passage, and the same prompt at other levels",
    title="Answers",
    content=_content,
)
