"""What the page is made from: the files of a finished study, read once for all sections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from head_ablation.common.experiment import Experiment
from head_ablation.common.files import read_json, read_jsonl
from head_ablation.heads.head import ModelShape
from head_ablation.prompts.samples import Sample
from head_ablation.results.table_files import read_table

Ranked = tuple[str, Experiment]
"""A method and an experiment: what a ranking is of."""


@dataclass(frozen=True)
class ReportTask:
    """What the page says of a study besides what its files say.

    Attributes:
        study: its name.
        labels: keys and the names to show, in the figures' order.
        methods, models, questions, tokens: of the study, in the config's order.
        levels: numbers of ablated heads.
        matchers: question -> the kind of its answers.
        wording: `{model}/{question}` -> the question as that model is asked it.
        grids: model -> its heads as far as the config tells them.
        rankings: method, model, question, tokens and file of each ranking.
    """

    study: str
    labels: tuple[tuple[str, str], ...]
    methods: tuple[str, ...]
    models: tuple[str, ...]
    questions: tuple[str, ...]
    tokens: tuple[int, ...]
    levels: tuple[int, ...]
    matchers: Mapping[str, str]
    wording: Mapping[str, str]
    grids: Mapping[str, ModelShape | None]
    rankings: tuple[tuple[str, str, str, int, str], ...]


@dataclass(frozen=True)
class Sources:
    """The content of a study's files.

    Attributes:
        task: what the study says.
        samples, levels, curves, key_results: the tables.
        config: the resolved config, as text.
        audit: the audit's Markdown; None if none is made.
        passages: question -> its test samples, by filename; empty for given results.
        rankings: the content of each ranking's file.
        head_sets: condition -> names of its heads, for each ranking.
        provenance: path below `generations/` -> what made that file.
        shapes: model -> its grid of heads, where it is known.
    """

    task: ReportTask
    samples: pd.DataFrame
    levels: pd.DataFrame
    curves: pd.DataFrame
    key_results: pd.DataFrame
    config: str
    audit: str | None = None
    passages: Mapping[str, Mapping[str, Sample]] = field(default_factory=dict)
    rankings: Mapping[Ranked, Mapping[str, Any]] = field(default_factory=dict)
    head_sets: Mapping[Ranked, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    provenance: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    shapes: Mapping[str, ModelShape] = field(default_factory=dict)

    @cached_property
    def labels(self) -> dict[str, str]:
        """Key -> the name to show, where it has one."""
        return dict(self.task.labels)

    def label(self, key: str) -> str:
        """The name to show for a model, question, method or arm."""
        return self.labels.get(key, key)

    def place(self, kind: str, key: str) -> int:
        """Where a method, model or question stands in the config; behind all others if it is not there."""
        known: Sequence[str] = getattr(self.task, f"{kind}s")
        return known.index(key) if key in known else len(known)


def read_sources(folder: Path, task: ReportTask, audit: Path | None, shapes: Iterable[Path]) -> Sources:
    """Reads what there is of a study.

    Args:
        folder: `results/{study}/`. Files that no rule counts as its output (samples, provenance, head sets) are found
            below it.
        task: what the study says.
        audit: the audit, if one is made.
        shapes: the models' `shape.json`.
    """
    tables = folder / "tables"
    return Sources(
        task=task,
        samples=pd.read_parquet(tables / "samples.parquet"),
        **{name: read_table(tables / f"{name}.csv") for name in ("levels", "curves", "key_results")},
        config=(folder / "config.yaml").read_text(encoding="utf-8"),
        audit=audit.read_text(encoding="utf-8") if audit else None,
        passages={question: _samples(folder / "samples" / f"{question}.test.jsonl") for question in task.questions},
        rankings={key: read_json(file) for key, file in _ranked(task)},
        head_sets=_head_sets(folder / "heads", task),
        provenance=_provenance(folder / "generations"),
        shapes=_shapes(task, shapes),
    )


def _ranked(task: ReportTask) -> list[tuple[Ranked, str]]:
    """What each ranking is of, and its file."""
    return [((method, Experiment(model, question, t)), file) for method, model, question, t, file in task.rankings]


def _samples(path: Path) -> dict[str, Sample]:
    rows = read_jsonl(path) if path.is_file() else []
    return {row["filename"]: Sample.from_json(row) for row in rows}


def _head_sets(folder: Path, task: ReportTask) -> dict[Ranked, dict[str, list[str]]]:
    indexes = {key: folder / key[0] / str(key[1]) / "index.json" for key, _ in _ranked(task)}
    return {key: read_json(path)["conditions"] for key, path in indexes.items() if path.is_file()}


def _provenance(folder: Path) -> dict[str, Any]:
    files = sorted(folder.rglob("*.provenance.json"))
    return {file.relative_to(folder).as_posix(): read_json(file) for file in files}


def _shapes(task: ReportTask, files: Iterable[Path]) -> dict[str, ModelShape]:
    found = {file.parent.name: ModelShape(**read_json(file)) for file in files}
    return {model: grid for model, grid in task.grids.items() if grid} | found
