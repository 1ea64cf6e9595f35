"""Paths with braces: Snakemake takes what stands in them for a wildcard, in whatever way it is given the path."""

from __future__ import annotations

import re
from collections.abc import Iterator

from head_ablation.common.files import is_folder
from head_ablation.common.problems import Problem
from head_ablation.study.given_files import ranking_file, result_file
from head_ablation.study.settings import GENERATED, filings_files, model_source
from head_ablation.study.study import Study

BRACES = re.compile(r"[{}]")


def brace_problems(study: Study) -> Iterator[Problem]:
    """Every input of a study whose path, as Snakemake is given it, has a brace; one file for each path template."""
    for field, path in _paths(study):
        if path and BRACES.search(path):
            wanted = "a path without { and }, in which Snakemake sees a wildcard"
            yield Problem(study.file, field, f"'{path}'", wanted, "Rename the file, or the folder that it is in.")


def _paths(study: Study) -> Iterator[tuple[str, str | None]]:
    yield "claims", study.claims
    for model in study.config["models"]:
        source = model_source(study, model).source
        yield f"models.{model}.source", source if is_folder(source) else None
    for method in study.ranked_methods:
        for one in study.experiments():
            yield f"rankings.{method}", ranking_file(study, method, one)
    if study.has_results:
        yield from (("results_from", result_file(study, m, e)) for m in study.methods for e in study.experiments())
    else:
        yield from _of_prompts(study)


def _of_prompts(study: Study) -> Iterator[tuple[str, str | None]]:
    files = filings_files(study)
    yield "prompt.filler", study.filler
    yield "filings.ground_truth", files.ground_truth
    yield "filings.evidence", files.evidence
    yield "filings.section_1", files.texts if study.config["filings"]["section_1"] != GENERATED else None
