"""The answers: every prompt under every condition, with what became of its answer."""

from __future__ import annotations

from functools import partial
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
    data = selected(changed, sources.prompts, sources.task.matchers)
    shown = len(data["prompt"])
    flipped = sum(change in (Change.LOST, Change.GAINED) for change in data["change"])
    counted = counts(changed)
    return Content(
        shown={
            "total": len(changed),
            "shown": shown,
            "flips": counted[Change.LOST] + counted[Change.GAINED],
            "shown_flips": flipped,
            "prompts": bool(data["parts"]),
        },
        data=data | _names(sources),
    )


def _in_order(sources: Sources, changed: pd.DataFrame) -> pd.DataFrame:
    """Rows by question, model and method as the config has them; what is alike keeps its order."""
    kinds = ["question", "model", "method"]
    places = pd.DataFrame({kind: changed[kind].map(partial(sources.place, kind)) for kind in kinds})
    return changed.loc[places.sort_values(kinds, kind="stable").index].reset_index(drop=True)


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
