"""Scores of heads: per prompt, detector and head, and their file.

    results/<study>/scores/{model}/{question}/tokens_{tokens}.parquet

has the columns `detector`, `options` (canonical JSON), `unit` (the prompt's filename, or a draw's name), `answer` (what
the model said, where the detector takes it in), `layer`, `head` and `score`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from head_ablation.common.files import canonical_json, whole_file
from head_ablation.common.problems import Problem, refuse
from head_ablation.heads.head import Head

if TYPE_CHECKING:
    from head_ablation.detectors.passes import Scored
    from head_ablation.detectors.settings import DetectorChoice

COLUMNS = {
    "detector": "str",
    "options": "str",
    "unit": "str",
    "answer": "str",
    "layer": "int16",
    "head": "int16",
    "score": "float64",
}


@dataclass(frozen=True)
class UnitScores:
    """A prompt's, or a draw's, scores.

    Attributes:
        unit: the prompt's filename, or the draw's name.
        scores: of all heads, in layer-major order.
        answer: what the model said; None where the detector does not take it in.
    """

    unit: str
    scores: Sequence[float]
    answer: str | None = None

    @classmethod
    def of(cls, scored: Scored) -> UnitScores:
        """From what a pass found."""
        return cls(scored.unit, scored.scores.flatten().tolist(), scored.answer)

    def to_json(self) -> dict[str, Any]:
        """As the store keeps it."""
        return {"unit": self.unit, "answer": self.answer, "scores": list(self.scores)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> UnitScores:
        """From what the store keeps."""
        return cls(content["unit"], content["scores"], content["answer"])


def write_scores(
    path: Path, heads: Sequence[Head], found: Iterable[tuple[DetectorChoice, Sequence[UnitScores]]]
) -> None:
    """Writes the scores of every detector on every unit, in this order.

    Args:
        path: the parquet file.
        heads: all heads, in layer-major order.
        found: each detector's scores.
    """
    import pandas as pd

    rows = [
        (choice.name, canonical_json(choice.options), unit.unit, unit.answer, head.layer, head.head, score)
        for choice, units in found
        for unit in units
        for head, score in zip(heads, unit.scores, strict=True)
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    with whole_file(path) as temporary:
        table.to_parquet(temporary, index=False)


def read_scores(path: Path, choice: DetectorChoice) -> tuple[list[Head], list[UnitScores]]:
    """All heads, and one detector's scores of each unit, in the file's order; neither if it has scored nothing.

    Raises:
        StudyError: the file lacks columns.
    """
    import pandas as pd

    table = pd.read_parquet(path)
    missing = [name for name in COLUMNS if name not in table]
    refuse([Problem(path, name, "no such column", "as head scores are written") for name in missing])
    own = table[(table["detector"] == choice.name) & (table["options"] == canonical_json(choice.options))]
    units = [
        UnitScores(str(unit), part["score"].tolist(), None if part["answer"].isna().any() else part["answer"].iloc[0])
        for unit, part in own.groupby("unit", sort=False)
    ]
    pairs = own[["layer", "head"]].drop_duplicates().to_numpy().tolist()
    return [Head(*pair) for pair in pairs], units
