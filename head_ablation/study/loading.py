"""From a config as it was read to a study: old spellings, defaults, and all problems of form and reference at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from head_ablation.common.files import is_file
from head_ablation.common.problems import Problem, did_you_mean, refuse
from head_ablation.common.schema import departures
from head_ablation.common.yaml_files import read_yaml
from head_ablation.detectors import DETECTORS
from head_ablation.heads.arms import ARMS
from head_ablation.prompts.ground_truth import Fields
from head_ablation.prompts.layout import pieces
from head_ablation.study.config_schema import (
    DETECT,
    method_schema,
    question_problems,
    schema_problems,
    with_defaults,
)
from head_ablation.study.old_spellings import respelled
from head_ablation.study.path_values import path_problems, template_problems
from head_ablation.study.paths import Paths
from head_ablation.study.settings import GENERATED
from head_ablation.study.study import EDGAR, Study
from head_ablation.study.texts import text_problems

QUESTION_FIELDS = ("text", "stem", "column", "matcher", "label")
MOST_CONDITIONS = 100_000  # of all experiments: each is a job, and Snakemake plans some thousands a minute
HERE = Paths()


def load_study(config: Mapping[str, Any], file: str, paths: Paths = HERE) -> Study:
    """The study of a config as Snakemake read it; refuses it, with all problems at once, if it does not hold.

    Raises:
        StudyError: unknown keys, wrong types or values, missing files. What needs the contents of those files
            is checked by `head_ablation.study.checks`.
    """
    resolved, notes = resolve(config)
    refuse(_in_words_of_the_config(schema_problems(resolved, file), notes))
    refuse(path_problems(resolved, file))
    study = Study(resolved, file, paths, tuple(notes))
    refuse(_file_problems(study))
    refuse(_bank_problems(study))
    refuse(_in_words_of_the_config(_reference_problems(study), notes))
    return replace(study, notes=(*study.notes, *_undrawn(study)))


def _undrawn(study: Study) -> Iterator[str]:
    """A sentence for figures that are left out, if any is."""
    left_out = [name for name in study.config["figures"]["views"] if name not in study.figures]
    if left_out:
        yield f"not drawn, since no method has a ranking: {', '.join(left_out)}"


def _in_words_of_the_config(problems: list[Problem], notes: list[str]) -> list[Problem]:
    """The problems; where a field stands in the config under an old spelling, that is said."""
    return [
        replace(problem, fix=" ".join([problem.fix, *_notes_about(problem, notes)]).strip()) for problem in problems
    ]


def _notes_about(problem: Problem, notes: list[str]) -> list[str]:
    return [f"({note})" for note in notes if _is_about(note, problem)]


def _is_about(note: str, problem: Problem) -> bool:
    now = note.split("'")[3].partition(":")[0]
    return problem.field == now or problem.field.startswith(f"{now}.")


def resolve(config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A config in today's words with all defaults, and a sentence for each old spelling."""
    new, notes = respelled(config)
    return with_defaults(new), notes


def read_resolved(path: str | Path, paths: Paths = HERE) -> Study:
    """The study of a resolved config, as it stands beside its results."""
    return Study(resolve(read_yaml(path))[0], str(path), paths)


def _file_problems(study: Study) -> list[Problem]:
    filings = study.config.get("filings") or dict.fromkeys(("ground_truth", "section_1", "evidence"))
    needed = {
        "question_bank": study.config["question_bank"],
        "filings.ground_truth": filings["ground_truth"],
        "filings.section_1": filings["section_1"] if filings["section_1"] not in (GENERATED, EDGAR) else None,
        "filings.evidence": filings["evidence"],
        "prompt.filler": study.config["prompt"]["filler"],
        "claims": study.config["claims"],
    }
    return [
        Problem(study.file, field, f"'{path}', which {_lack(study.paths.find(path))}", "an existing file")
        for field, path in needed.items()
        if path is not None and not is_file(study.paths.find(path))
    ]


def _lack(path: str) -> str:
    return "is a folder" if os.path.isdir(path) else "does not exist"


def _bank_problems(study: Study) -> list[Problem]:
    """Everything in which the bank's entries for the study's questions depart from a question's schema."""
    asked = {key: study.bank[key] for key in study.config["questions"] if key in study.bank}
    return question_problems(asked, study.config["question_bank"])


def _reference_problems(study: Study) -> list[Problem]:
    return [
        *_question_problems(study),
        *_template_problems(study),
        *text_problems(study),
        *_override_problems(study),
        *_ranking_source_problems(study),
        *_sampler_problems(study),
        *_filing_field_problems(study),
        *_size_problems(study),
    ]


def _question_problems(study: Study) -> Iterator[Problem]:
    for key, question in study.questions.items():
        missing = [field for field in QUESTION_FIELDS if field not in question]
        if missing:
            hint = did_you_mean(key, study.bank) if key not in study.bank else ""
            where = f"a question of {study.config['question_bank']}, or {', '.join(missing)} given here"
            yield Problem(study.file, f"questions.{key}", f"no {', '.join(missing)}", where, hint)


def _template_problems(study: Study) -> Iterator[Problem]:
    templates = {"prompt.template": study.config["prompt"]["template"]}
    for key, model in study.config["models"].items():
        if "template" in model["prompt"]:
            templates[f"models.{key}.prompt.template"] = model["prompt"]["template"]
    for field, template in templates.items():
        try:
            pieces(template)
        except ValueError:
            wanted = "the slots {filler} {passage} {filler} {question}, each in this order"
            yield Problem(study.file, field, repr(template), wanted)


def _override_problems(study: Study) -> Iterator[Problem]:
    known = {*study.bank, *study.config["questions"]}
    for key, model in study.config["models"].items():
        for part in ("stems", "texts"):
            for question in sorted(set(model["prompt"][part]) - known):
                field = f"models.{key}.prompt.{part}.{question}"
                hint = did_you_mean(question, known)
                yield Problem(study.file, field, "an unknown question", "a known one", hint)


def _ranking_source_problems(study: Study) -> Iterator[Problem]:
    templates = {"results_from": study.config["results_from"]} if study.has_results else {}
    for method, source in study.config["rankings"].items():
        field = f"rankings.{method}"
        if source == DETECT or isinstance(source, Mapping):
            yield from _detector_problems(study, field, source)
        elif source is None and not study.has_results:
            yield Problem(study.file, field, "null", f"{_detector_choices()}, or a path template")
        elif source is not None:
            templates[field] = source
    for field, template in templates.items():
        yield from template_problems(study.file, field, template)


def _detector_problems(study: Study, field: str, source: str | Mapping[str, Any]) -> Iterator[Problem]:
    if study.has_results:
        wanted = "a path template, or null for no ranking: with results_from no model is run"
        yield Problem(study.file, field, DETECT if source == DETECT else source, wanted)
    elif source == DETECT:
        yield Problem(study.file, field, DETECT, _detector_choices(), "A method names its detector.")
    elif isinstance(source, Mapping):
        yield from departures(source, method_schema(source.get("detector")), study.file, field)


def _detector_choices() -> str:
    return " or ".join(f"{{detector: {name}}}" for name in DETECTORS.names)


def _size_problems(study: Study) -> Iterator[Problem]:
    """Studies of more conditions than can be planned: some are meant for a study of fewer zeros."""
    experiments = len(study.config["models"]) * len(study.config["questions"]) * len(study.config["tokens"])
    conditions = study.arms.count(study.levels) * len(study.methods)
    if conditions * experiments > MOST_CONDITIONS:
        found = f"{conditions:,} conditions (levels, arms, draws, methods) in {experiments:,} experiments"
        wanted = f"at most {MOST_CONDITIONS:,} in all"
        yield Problem(study.file, "arms", found, wanted, "Lower the draws, or make several studies of it.")


def _filing_field_problems(study: Study) -> Iterator[Problem]:
    """Names for the fields of files that are not the user's."""
    filings = study.config.get("filings")
    if filings and filings["section_1"] in (GENERATED, EDGAR):
        for key, name in filings["fields"].items():
            if name != getattr(Fields, key):
                found = f"'{name}' with section_1: {filings['section_1']}"
                wanted = f"'{getattr(Fields, key)}', or a JSONL file as section_1"
                yield Problem(study.file, f"filings.fields.{key}", found, wanted)


def _sampler_problems(study: Study) -> Iterator[Problem]:
    for name in study.arms.arms:
        options = study.arms.options(name)
        draws = ARMS[name].draws
        if draws and getattr(options, "sampler", "") == "published" and draws(options) > 1:
            wanted = "at most 1 draw with sampler 'published', which has one seed and so one draw"
            yield Problem(study.file, f"arms.{name}.draws", draws(options), wanted)
