"""Checks of a study that need the contents of its files: all of them, before any job is planned or model loaded."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from head_ablation.common.experiment import Experiment
from head_ablation.common.files import is_file, is_folder, read_json, read_text
from head_ablation.common.problems import Problem, StudyError, refuse
from head_ablation.heads.head import ModelShape
from head_ablation.heads.rankings import ranking_problems
from head_ablation.models.architectures import architecture_problems, text_part
from head_ablation.models.embedded import EMBEDDED
from head_ablation.models.folder import FOLDER_PARTS, WEIGHTS, adapter_problems, missing_from_folder
from head_ablation.models.rotary import RotaryLengths
from head_ablation.models.shape import grid_problems, known_config
from head_ablation.planted.options import option_problems
from head_ablation.prompts.ground_truth import ground_truth_problems, read_ground_truth
from head_ablation.prompts.tokenizer_config import (
    chat_template_of,
    read_tokenizer_config,
    tokenizer_config_problems,
)
from head_ablation.results.claims import claims_problems
from head_ablation.results.published_format import result_problems
from head_ablation.study.braces import brace_problems
from head_ablation.study.future_files import future_problems
from head_ablation.study.given_files import ranking_expectation, ranking_file, result_expectation, result_file
from head_ablation.study.loading import HERE, load_study
from head_ablation.study.paths import Paths
from head_ablation.study.planned_samples import SampleFacts, sample_facts
from head_ablation.study.settings import (
    GENERATED,
    filings_at_hand,
    filings_settings,
    model_source,
    planted_options,
    prompt_settings,
    shape_at_hand,
)
from head_ablation.study.study import Study

MOST_HEADS = 1_000_000  # of a model; the largest of today have some ten thousand
FEW = 3  # files that are said to be missing one by one
WHOLE_FOLDER = f"a model folder with {', '.join(FOLDER_PARTS)}"


def checked_study(config: Mapping[str, Any], file: str, paths: Paths = HERE) -> Study:
    """The study of a config, checked together with the files that it names.

    Raises:
        StudyError: with all problems of the first stage that has any: form, references, contents.
    """
    study = load_study(config, file, paths)
    shapes, problems = _shapes(study)
    refuse(
        [
            *_folder_problems(study),
            *problems,
            *(p for model, shape in shapes.items() if shape for p in shape_problems(study, model, shape)),
            *([] if study.has_results else _run_problems(study, shapes)),
            *brace_problems(study),
            *_filler_problems(study),
            *([] if study.has_results else _filing_problems(study)),
            *_ranking_problems(study, shapes),
            *(_result_problems(study) if study.has_results else []),
            *(claims_problems(study.claims) if study.claims else []),
            *future_problems(study),
        ]
    )
    return study


def _shapes(study: Study) -> tuple[dict[str, ModelShape | None], list[Problem]]:
    """The models' shapes, where they can be told already, and everything wrong with their sources."""
    shapes: dict[str, ModelShape | None] = {}
    problems: list[Problem] = []
    for key in study.config["models"]:
        found, shapes[key] = list(_source_problems(study, key)), None
        if not found:
            try:
                shapes[key] = shape_at_hand(study, key)
                found = list(grid_problems(study.file, f"models.{key}.shape", study.model(key)["shape"], shapes[key]))
            except StudyError as error:
                wanted = "a model's folder or hub name"
                found = error.problems or [Problem(study.file, f"models.{key}.source", error, wanted)]
        problems += found
    return shapes, problems


def _source_problems(study: Study, model: str) -> Iterator[Problem]:
    """What is wrong with a model's source; a folder without weights will do for head sets (see `weights_problems`)."""
    field, source = f"models.{model}.source", study.model(model)["source"]
    found, planted = model_source(study, model).source, planted_options(study, model)
    if study.model(model)["planted"] and not planted:
        yield Problem(study.file, f"models.{model}.planted", f"options, with source: '{source}'", "source: planted")
    if planted:
        yield from option_problems(study.file, f"models.{model}.planted", planted)
        if revision := study.model(model)["revision"]:
            yield Problem(study.file, f"models.{model}.revision", f"'{revision}'", "null: a planted model has none")
    elif is_folder(found):
        folder = Path(found)
        missing = missing_from_folder(folder)
        if not folder.is_dir():
            yield Problem(study.file, field, f"'{source}', which does not exist", WHOLE_FOLDER)
        elif "config.json" in missing or (missing and WEIGHTS not in missing):
            yield Problem(study.file, field, f"'{source}' without {', '.join(missing)}", WHOLE_FOLDER)
        yield from adapter_problems(folder)
        yield from tokenizer_config_problems(folder)
    elif source == EMBEDDED:
        yield from _converted_problems(study, model)
    elif source.count("/") != 1:
        wanted = "'embedded', 'planted', an existing folder, or a hub name like org/name"
        yield Problem(study.file, field, f"'{source}'", wanted)


def _converted_problems(study: Study, model: str) -> Iterator[Problem]:
    """A model that was converted and is not whole any more, which no job would find before it loads it."""
    home = Path(study.paths.results, "models", model)
    if is_file(home / "model.json") and (missing := missing_from_folder(home)):
        fix = f"Remove {home / 'model.json'} and run again: the model is converted anew."
        yield Problem(home, "folder", f"no {', no '.join(missing)}", "the converted model", fix)


def _folder_problems(study: Study) -> Iterator[Problem]:
    """What stands where results go and is no folder."""
    results = Path(study.paths.results)
    models = [results / "models", *(results / "models" / model for model in study.config["models"])]
    for folder in (results, results / "store", Path(study.folder), *models):
        if os.path.lexists(folder) and not os.path.isdir(folder):
            yield Problem(folder, "folder", "something that is no folder", "a folder, or nothing", "Move it away.")


def _run_problems(study: Study, shapes: Mapping[str, ModelShape | None]) -> Iterator[Problem]:
    """Models that cannot be run as the study asks for; those whose source is wrong are left out."""
    for key in study.config["models"]:
        own, origin = study.model(key), model_source(study, key)
        if own["gpu"] > 1 and own["device"] not in ("auto", "cuda"):
            found = f"{own['gpu']} with device: {own['device']}"
            yield Problem(study.file, f"models.{key}.gpu", found, "device: auto or cuda, or gpu: 1")
        yield from _chat_problems(study, key, Path(origin.source)) if shapes[key] and is_folder(origin.source) else ()
        known = known_config(origin.source, origin.revision) if shapes[key] else None
        if known:
            yield from _attention_problems(study, key, *known)


def _chat_problems(study: Study, model: str, folder: Path) -> Iterator[Problem]:
    """A chat template that is asked for, and that the model's folder does not have."""
    own, shared = study.model(model)["prompt"], study.config["prompt"]
    if own.get("chat", shared["chat"]) and chat_template_of(folder, read_tokenizer_config(folder)) is None:
        field = f"models.{model}.prompt.chat" if "chat" in own else "prompt.chat"
        found, fix = f"true, but {folder} has no chat template", "Base models have none: set it to false."
        wanted = "a model with chat_template.jinja, or chat_template in its tokenizer_config.json"
        yield Problem(study.file, field, found, wanted, fix)


def _attention_problems(study: Study, model: str, file: Path, config: Mapping[str, Any]) -> Iterator[Problem]:
    attention = study.model(model)["attention"]
    for problem in architecture_problems(file, config, attention):
        yield replace(problem, file=study.file, field=f"models.{model}.attention")
    lengths, answer = RotaryLengths.of(text_part(config)), study.config["generation"]["max_new_tokens"]
    for index, tokens in enumerate(study.config["tokens"]):
        if wanted := lengths.problem(tokens, answer):
            yield Problem(study.file, f"tokens[{index}]", tokens, f"{wanted} (model {model})")


def weights_problems(study: Study) -> Iterator[Problem]:
    """Models whose folder has a config, which is enough to choose heads, but not the weights to run them."""
    for key, model in study.config["models"].items():
        source = model_source(study, key).source
        if planted_options(study, key):
            continue
        if is_folder(source) and (missing := missing_from_folder(Path(source))):
            found = f"'{model['source']}' without {', '.join(missing)}"
            yield Problem(study.file, f"models.{key}.source", found, WHOLE_FOLDER)


def _filler_problems(study: Study) -> Iterator[Problem]:
    path, wanted = study.filler, "prose to put around the passages"
    try:
        if not read_text(path, wanted).strip():
            yield Problem(path, "file", "no text", wanted)
    except StudyError as error:
        yield from error.problems


def shape_problems(study: Study, model: str, shape: ModelShape) -> Iterator[Problem]:
    """Levels and token lengths that this model cannot hold."""
    grid = f"{shape.layers} layers x {shape.heads} heads"
    total = shape.layers * shape.heads
    if total > MOST_HEADS:
        yield Problem(study.file, f"models.{model}.shape", grid, f"at most {MOST_HEADS:,} heads")
        return
    for index, level in enumerate(study.config["levels"]):
        excluded = study.arms_with([level]).excluded  # not those of a higher level, which has its own problem
        if level > total:
            wanted = f"at most {total} heads (model {model}: {grid})"
            yield Problem(study.file, f"levels[{index}]", level, wanted)
        elif level + excluded > total:
            wanted = f"at most {max(0, total - excluded)}, so that {level} random heads remain beside the"
            wanted += f" {excluded} excluded (model {model}: {grid})"
            yield Problem(study.file, f"levels[{index}]", level, wanted, "Or set arms.random.exclude_top.")
    if shape.positions is not None:
        yield from _position_problems(study, model, shape.positions, shape.rotary)


def _position_problems(study: Study, model: str, positions: int, rotary: bool) -> Iterator[Problem]:
    """Lengths that run out of positions; where those are rotations, an answer may go a few beyond them."""
    answer = 0 if rotary else study.config["generation"]["max_new_tokens"]
    for index, tokens in enumerate(study.config["tokens"]):
        if tokens > positions - answer:
            included = "" if rotary else ", answers included"
            wanted = f"at most {positions - answer} (model {model} holds {positions} positions{included})"
            yield Problem(study.file, f"tokens[{index}]", tokens, wanted)


def _filing_problems(study: Study) -> list[Problem]:
    settings, columns = filings_settings(study), [question["column"] for question in study.questions.values()]
    try:
        rows = read_ground_truth(study.ground_truth, columns, settings.null_values, settings.fields)
    except StudyError as error:
        return error.problems
    path = study.ground_truth
    problems = [
        problem
        for question in study.questions.values()
        for problem in ground_truth_problems(path, rows, question["column"], question["matcher"])
    ]
    return problems or (_sample_problems(study) if filings_at_hand(study) else [])


def _sample_problems(study: Study) -> list[Problem]:
    try:
        facts = sample_facts(study)
    except StudyError as error:
        return error.problems
    except OSError as error:
        return [Problem(error.filename, "file", error.strerror, "a file that can be read")]
    needed = ["test", *(["train"] if study.detected_methods else [])]
    return [problem for key in study.questions for problem in _question_problems(study, key, facts[key], needed)]


def _question_problems(
    study: Study, key: str, samples: Mapping[str, SampleFacts], needed: list[str]
) -> Iterator[Problem]:
    for split in needed:
        if not samples[split].count:
            wanted = f"at least 1 {split} filing with a value in {study.questions[key]['column']}"
            yield Problem(
                study.file,
                f"questions.{key}",
                f"no {split} sample",
                wanted,
                "Use more filings or another test_fraction.",
            )
    lengths = [facts.shortest_words for facts in samples.values() if facts.count]
    yield from _length_problems(study, key, min(lengths)) if lengths else ()


def _length_problems(study: Study, question: str, passage_words: int) -> Iterator[Problem]:
    """Lengths that cannot hold even the shortest passage, by a lower bound: a word takes a token or more."""
    whole = study.config["filings"]["section_1"] == GENERATED  # real filings may be cut
    for model in study.config["models"]:
        settings = prompt_settings(study, model, question)
        asked = len(re.findall(r"\w+", f"{settings.question} {settings.layout.stem}"))
        least = asked + settings.layout.min_filler_tokens + (passage_words if whole else 1)
        for index, tokens in enumerate(study.config["tokens"]):
            if tokens < least:
                wanted = f"at least {least} to hold one passage of {question} (model {model})"
                yield Problem(study.file, f"tokens[{index}]", tokens, wanted)


def _ranking_problems(study: Study, shapes: Mapping[str, ModelShape | None]) -> Iterator[Problem]:
    for method in study.methods:
        paths = {experiment: ranking_file(study, method, experiment) for experiment in study.experiments()}
        given = {experiment: path for experiment, path in paths.items() if path is not None}

        def problems(experiment: Experiment, path: str) -> list[Problem]:
            expected = replace(ranking_expectation(study, experiment), shape=shapes[experiment.model])
            return ranking_problems(path, read_json(path), expected)

        yield from _problems_of_files(study, f"rankings.{method}", given, problems)


def _result_problems(study: Study) -> Iterator[Problem]:
    for method in study.methods:
        paths = {experiment: result_file(study, method, experiment) for experiment in study.experiments()}

        def problems(experiment: Experiment, path: str, method: str = method) -> list[Problem]:
            expected = result_expectation(study, method, experiment)
            return result_problems(path, read_json(path), expected)

        yield from _problems_of_files(study, f"results_from ({method})", paths, problems)


def _problems_of_files(
    study: Study,
    field: str,
    paths: Mapping[Experiment, str],
    problems: Callable[[Experiment, str], list[Problem]],
) -> Iterator[Problem]:
    """What is wrong with the files of a path template; many that are missing are one problem."""
    missing = dict.fromkeys(path for path in paths.values() if not is_file(path))
    if len(missing) > FEW:
        found = f"no file for {len(missing)} of {len(paths)} experiments, such as {next(iter(missing))}"
        fix = "Leave out of the config what there are no files for, or correct the template."
        yield Problem(study.file, field, found, "a file for each", fix)
    for experiment, path in paths.items():
        try:
            yield from problems(experiment, path) if path not in missing or len(missing) <= FEW else []
        except StudyError as error:
            fix = f"The config's {field} names it." if path in missing else ""
            yield from (replace(problem, fix=problem.fix or fix) for problem in error.problems)
