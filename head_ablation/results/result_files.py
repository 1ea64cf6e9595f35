"""Ablation results of a study, read for its tables and its audit: of the right form and in the right place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from head_ablation.common.files import read_json
from head_ablation.common.problems import Problem, refuse
from head_ablation.results.published_format import Result, form_problems, remade, result_place

FIELDS = ("method", "model_key", "question", "total_tokens")


def read_results(paths: Sequence[str | Path]) -> list[Result]:
    """The results in files such as `results/{study}/ablation/{method}/{model}/{question}/tokens_{tokens}.json`.

    Raises:
        StudyError: naming every file and field that is not a result's, or that contradicts the file's path.
    """
    results = {path: read_json(path) for path in paths}
    refuse(problem for path, content in results.items() for problem in _problems(Path(path), content))
    return list(results.values())


def _problems(path: Path, content: Any) -> Iterator[Problem]:
    fix = remade(content) if isinstance(content, Mapping) else ""
    found = form_problems(path, content) or list(_place_problems(path, content))
    yield from (Problem(path, problem.field, problem.found, problem.expected, fix) for problem in found)


def _place_problems(path: Path, result: Result) -> Iterator[Problem]:
    """Where a result says that it is of another method or experiment than its path."""
    folder, *stated = result_place(result).split("/")
    parts = path.parts[-len(stated) :]
    if path.parts[-len(stated) - 1 : -len(stated)] == (folder,):
        for field, said, named in zip(FIELDS, stated, parts, strict=True):
            if said != named:
                shown = [text.removeprefix("tokens_").removesuffix(".json") for text in (said, named)]
                yield Problem(path, field, shown[0], f"{shown[1]}, as its path says")
