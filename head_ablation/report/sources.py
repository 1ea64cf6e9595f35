"""What the page is made from: the files of a finished study, read once for all sections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from head_ablation.common.digests import Digests
from head_ablation.common.experiment import Experiment
from head_ablation.common.files import read_json, read_jsonl
from head_ablation.common.lineage import damage
from head_ablation.common.problems import Problem, refuse, some
from head_ablation.figures.figure import Labels
from head_ablation.heads.condition import Condition
from head_ablation.heads.head import ModelShape
from head_ablation.prompts.prompt_text import PromptText
from head_ablation.results.table_files import read_table

Ranked = tuple[str, Experiment]
"""A method and an experiment: what a ranking is of."""
KINDS = ("method", "model", "question", "arm")
"""What has labels; a key of one kind may be a key of another, too."""


@dataclass(frozen=True)
class ReportTask:
    """What the page says of a study besides what its files say.

    Attributes:
        study: its name.
        labels: the names to show, those of the figures.
        conditions: their names.
        methods, models, questions, tokens: of the study, in the config's order.
        levels: numbers of ablated heads.
        matchers: question -> the kind of its answers.
        wording: `{model}/{question}` -> the question as that model is asked it.
        grids: model -> its heads as far as the config tells them.
        rankings: method, model, question, tokens and file of each ranking.
    """

    study: str
    labels: Labels
    conditions: tuple[str, ...]
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
        truth: the Markdown of the page of truth; None without a planted model.
        prompts: the texts of each experiment's test prompts, by filename; empty for given results.
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
    truth: str | None = None
    prompts: Mapping[Experiment, Mapping[str, PromptText]] = field(default_factory=dict)
    rankings: Mapping[Ranked, Mapping[str, Any]] = field(default_factory=dict)
    head_sets: Mapping[Ranked, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    provenance: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    shapes: Mapping[str, ModelShape] = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, dict[str, str]]:
        """Kind -> key -> the name to show, where it has one of its own; what scripts read."""
        return {kind: dict(getattr(self.task.labels, kind)) for kind in KINDS}

    def label(self, kind: str, key: str) -> str:
        """The name to show for a key of one of `KINDS`."""
        return self.task.labels.name(kind, key)

    def place(self, kind: str, key: str) -> int:
        """Where a method, model or question stands in the config; behind all others if it is not there."""
        known: Sequence[str] = getattr(self.task, f"{kind}s")
        return known.index(key) if key in known else len(known)


def read_sources(
    folder: Path, task: ReportTask, audit: Path | None, shapes: Iterable[Path], truth: Path | None = None
) -> Sources:
    """Reads what there is of a study.

    Args:
        folder: `results/{study}/`. Files that no rule counts as its output (provenance, head sets) are found below it.
        task: what the study says. Files of other experiments or conditions, left from an earlier config, are not read.
        audit: the audit, if one is made.
        shapes: the models' `shape.json`.
        truth: the page of truth, if there is one.

    Raises:
        StudyError: head sets that are not those of the rankings, provenance that is not as its job wrote it; names each
            file.
    """
    tables = folder / "tables"
    rankings, head_sets = {key: read_json(file) for key, file in _ranked(task)}, _head_sets(folder / "heads", task)
    refuse(_foreign_head_sets(folder / "heads", rankings, head_sets))
    return Sources(
        task=task,
        samples=pd.read_parquet(tables / "samples.parquet"),
        **{name: read_table(tables / f"{name}.csv") for name in ("levels", "curves", "key_results")},
        config=(folder / "config.yaml").read_text(encoding="utf-8"),
        audit=audit.read_text(encoding="utf-8") if audit else None,
        truth=truth.read_text(encoding="utf-8") if truth else None,
        prompts={e: _texts(folder / f"prompts/{e}.test.text.jsonl") for e in _experiments(task)},
        rankings=rankings,
        head_sets=head_sets,
        provenance=_provenance(folder / "generations", task),
        shapes=_shapes(task, shapes),
    )


def _ranked(task: ReportTask) -> list[tuple[Ranked, str]]:
    """What each ranking is of, and its file."""
    return [((method, Experiment(model, question, t)), file) for method, model, question, t, file in task.rankings]


def _experiments(task: ReportTask) -> list[Experiment]:
    return [Experiment(m, question, t) for m in task.models for question in task.questions for t in task.tokens]


def _texts(path: Path) -> dict[str, PromptText]:
    rows = read_jsonl(path) if path.is_file() else []
    return {row["filename"]: PromptText.from_json(row) for row in rows}


def _head_sets(folder: Path, task: ReportTask) -> dict[Ranked, dict[str, list[str]]]:
    indexes = {key: _index(folder, key) for key, _ in _ranked(task)}
    return {key: read_json(path)["conditions"] for key, path in indexes.items() if path.is_file()}


def _index(folder: Path, key: Ranked) -> Path:
    return folder / key[0] / str(key[1]) / "index.json"


def _foreign_head_sets(
    folder: Path, rankings: Mapping[Ranked, Mapping[str, Any]], sets: Mapping[Ranked, Mapping[str, Sequence[str]]]
) -> Iterator[Problem]:
    """Top sets that are not the first heads of the ranking that the page shows beside them."""
    for key, conditions in sets.items():
        ranked = [entry["head"] for entry in rankings[key]["head_rankings"]]
        for name, heads in conditions.items():
            condition = Condition.parse(name)
            first = set(ranked[: condition.level])
            if condition.arm == "top" and set(heads) != first:
                found, expected = (some(sorted(one)) for one in (set(heads) - first, first - set(heads)))
                fix = "Run again: what is out of date is made again."
                yield Problem(_index(folder, key), f"conditions.{name}", found, f"{expected}, as its ranking says", fix)


def _provenance(folder: Path, task: ReportTask) -> dict[str, Any]:
    """What made each file of answers of the study, as its job wrote it."""
    conditions = [f"{m}/{e}/{c}" for m in task.methods for e in _experiments(task) for c in task.conditions]
    names = [*(f"baseline/{e}" for e in _experiments(task)), *conditions]
    files = {name: folder / f"{name}.provenance.json" for name in names}
    there = {name: file for name, file in files.items() if file.is_file()}
    digests = Digests()
    refuse(problem for name, file in there.items() for problem in damage(file, digests, first=folder / f"{name}.json"))
    return {name: read_json(file) for name, file in there.items()}


def _shapes(task: ReportTask, files: Iterable[Path]) -> dict[str, ModelShape]:
    found = {file.parent.name: ModelShape(**read_json(file)) for file in files}
    return {model: grid for model, grid in task.grids.items() if grid} | found
