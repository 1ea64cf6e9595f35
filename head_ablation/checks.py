"""Checks of a study that need the contents of its files: all of them, before any job is planned or model loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from head_ablation.config import Study, load_study
from head_ablation.files import read_json
from head_ablation.heads import ModelShape
from head_ablation.model_sources import EMBEDDED, FOLDER_PARTS, is_folder, known_shape, missing_from_folder
from head_ablation.problems import Problem, StudyError, refuse
from head_ablation.rankings import Expectation, ranking_problems
from head_ablation.samples import (
    GENERATED,
    Sample,
    ground_truth_problems,
    load_split_filings,
    read_ground_truth,
    split_samples,
)


def checked_study(config: Mapping[str, Any], file: str) -> Study:
    """The study of a config, checked together with the files that it names.

    Raises:
        StudyError: with all problems of the first stage that has any: form, references, contents.
    """
    study = load_study(config, file)
    shapes, problems = _shapes(study)
    refuse(
        [
            *problems,
            *(p for model, shape in shapes.items() if shape for p in shape_problems(study, model, shape)),
            *_filler_problems(study),
            *_filing_problems(study),
            *_ranking_problems(study, shapes),
        ]
    )
    return study


def _shapes(study: Study) -> tuple[dict[str, ModelShape | None], list[Problem]]:
    """The models' shapes, where they can be told already, and everything wrong with their sources."""
    shapes: dict[str, ModelShape | None] = {}
    problems: list[Problem] = []
    for key, model in study.config["models"].items():
        found, shapes[key] = list(_source_problems(study, key)), None
        if not found:
            try:
                shapes[key] = known_shape(model["source"], model["revision"])
            except StudyError as error:
                wanted = "a model's folder or hub name"
                found = error.problems or [Problem(study.file, f"models.{key}.source", error, wanted)]
        problems += found
    return shapes, problems


def _source_problems(study: Study, model: str) -> Iterator[Problem]:
    field, source = f"models.{model}.source", study.model(model)["source"]
    wanted = f"a model folder with {', '.join(FOLDER_PARTS)}"
    if is_folder(source):
        folder = Path(source).expanduser()
        missing = missing_from_folder(folder)
        if not folder.is_dir():
            yield Problem(study.file, field, f"'{source}', which does not exist", wanted)
        elif missing:
            yield Problem(study.file, field, f"'{source}' without {', '.join(missing)}", wanted)
    elif source != EMBEDDED and source.count("/") != 1:
        wanted = "'embedded', an existing folder, or a hub name like org/name"
        yield Problem(study.file, field, f"'{source}'", wanted)


def _filler_problems(study: Study) -> Iterator[Problem]:
    path = study.config["prompt"]["filler"]
    if not Path(path).read_bytes().strip():
        yield Problem(path, "file", "no text", "prose to put around the passages")


def shape_problems(study: Study, model: str, shape: ModelShape) -> Iterator[Problem]:
    """Levels and token lengths that this model cannot hold."""
    grid = f"{shape.layers} layers x {shape.heads} heads"
    total = shape.layers * shape.heads
    arm = study.random_arm()
    for index, level in enumerate(study.config["levels"]):
        if level > total:
            wanted = f"at most {total} heads (model {model}: {grid})"
            yield Problem(study.file, f"levels[{index}]", level, wanted)
        elif level + arm.exclude_top > total:
            wanted = f"at most {max(0, total - arm.exclude_top)}, so that {level} random heads remain beside the"
            wanted += f" {arm.exclude_top} excluded (model {model}: {grid})"
            yield Problem(study.file, f"levels[{index}]", level, wanted, "Or set random.exclude_top.")
    room = shape.positions - study.config["generation"]["max_new_tokens"]
    for index, tokens in enumerate(study.config["tokens"]):
        if tokens > room:
            wanted = f"at most {room} (model {model} holds {shape.positions} positions, answers included)"
            yield Problem(study.file, f"tokens[{index}]", tokens, wanted)


def _filing_problems(study: Study) -> list[Problem]:
    try:
        rows = read_ground_truth(
            study.config["filings"]["ground_truth"],
            [question["column"] for question in study.questions.values()],
        )
    except StudyError as error:
        return error.problems
    path = study.config["filings"]["ground_truth"]
    problems = [
        problem
        for question in study.questions.values()
        for problem in ground_truth_problems(path, rows, question["column"], question["matcher"])
    ]
    return problems or _sample_problems(study)


def _sample_problems(study: Study) -> list[Problem]:
    try:
        filings, clusters = load_split_filings(study.filings_settings())
    except StudyError as error:
        return error.problems
    needed = ["test", *(["train"] if "detect" in study.config["rankings"].values() else [])]
    return [
        problem
        for key, question in study.questions.items()
        for problem in _question_problems(
            study, key, split_samples(filings, clusters, question["column"], question["matcher"]), needed
        )
    ]


def _question_problems(
    study: Study, key: str, samples: Mapping[str, list[Sample]], needed: list[str]
) -> Iterator[Problem]:
    for split in needed:
        if not samples[split]:
            wanted = f"at least 1 {split} filing with a value in {study.questions[key]['column']}"
            yield Problem(
                study.file,
                f"questions.{key}",
                f"no {split} sample",
                wanted,
                "Use more filings or another test_fraction.",
            )
    yield from _length_problems(study, key, min(len(s.passage.split()) for part in samples.values() for s in part))


def _length_problems(study: Study, question: str, passage_words: int) -> Iterator[Problem]:
    """Lengths that cannot hold even the shortest passage, by a lower bound: a word takes a token or more."""
    whole = study.config["filings"]["section_1"] == GENERATED  # real filings may be cut
    for model in study.config["models"]:
        settings = study.prompt_settings(model, question)
        asked = len(re.findall(r"\w+", settings["question"] + " " + settings["stem"]))
        least = asked + settings["min_filler_tokens"] + (passage_words if whole else 1)
        for index, tokens in enumerate(study.config["tokens"]):
            if tokens < least:
                wanted = f"at least {least} to hold one passage of {question} (model {model})"
                yield Problem(study.file, f"tokens[{index}]", tokens, wanted)


def _ranking_problems(study: Study, shapes: Mapping[str, ModelShape | None]) -> Iterator[Problem]:
    for method in study.methods:
        for experiment in study.experiments():
            path = study.ranking_file(method, experiment)
            if path is None:
                continue
            expected = Expectation(
                models=tuple(study.model_keys(experiment.model)),
                question=experiment.question,
                tokens=experiment.tokens,
                heads_needed=max(study.levels),
                shape=shapes[experiment.model],
            )
            try:
                yield from ranking_problems(path, read_json(path), expected)
            except StudyError as error:
                yield from error.problems
