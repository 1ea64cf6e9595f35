"""How many heads two sides ablate in common: of each experiment and level, and by question."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from head_ablation.common.experiment import Experiment
from head_ablation.heads.head import HeadSet
from head_ablation.results.rows import EXPERIMENT

HeadSets = Mapping[Experiment, Mapping[int, HeadSet]]
"""The heads of one arm: of each experiment, by level."""


def overlap_table(a: HeadSets, b: HeadSets) -> pd.DataFrame:
    """A row for each experiment and level that both have: `common`, the heads in both, and `jaccard`, common / all."""
    rows = [
        (*experiment, level, *_overlap(a[experiment][level], b[experiment][level]))
        for experiment in sorted(a.keys() & b.keys())
        for level in sorted(a[experiment].keys() & b[experiment].keys())
    ]
    return pd.DataFrame(rows, columns=[*EXPERIMENT, "level", "common", "jaccard"])


def overlap_by_question(overlaps: pd.DataFrame) -> pd.DataFrame:
    """An `overlap_table` in short: per question and level mean and range over experiments of both numbers."""
    by = overlaps.groupby(["question", "level"], as_index=False)
    names = {f"{name}_{how}": (name, how) for name in ("common", "jaccard") for how in ("mean", "min", "max")}
    return by.agg(experiments=("common", "size"), **names)


def _overlap(one: HeadSet, other: HeadSet) -> tuple[int, float]:
    common, either = {*one} & {*other}, {*one} | {*other}
    return len(common), len(common) / len(either)
