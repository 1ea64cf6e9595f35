"""The texts of a config that could not be written, drawn or asked: found before any model is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from head_ablation.common.problems import Problem, did_you_mean
from head_ablation.figures.labels import DRAWABLE, label_problem
from head_ablation.prompts.layout import SLOTS
from head_ablation.study.study import Study

FIELD = re.compile(r"(?<![\w\\])\{[^\W\d]\w*\}")
"""A name in braces, as of a slot; not what LaTeX writes behind a command (`\\boxed{answer}`)."""


def text_problems(study: Study) -> Iterator[Problem]:
    """Every text of a config, and of its questions in the bank, that no file or command line can hold, every label that
    cannot be drawn, and every field of templates, stems and questions that nothing fills."""
    yield from _unwritable(study.file, "", study.config)
    for key, question in study.questions.items():
        yield from _unwritable(study.config["question_bank"], key, question)
        yield from _label_problems(study, f"questions.{key}.label", question.get("label"))
    yield from _figure_label_problems(study)
    for field, text, slots in _asked(study):
        for name in FIELD.findall(text):
            if name not in slots:
                wanted = f"the slots {' '.join(slots)} alone" if slots else "no field: nothing fills it in here"
                yield Problem(study.file, field, name, wanted, did_you_mean(name, slots) if slots else "")


def _label_problems(study: Study, field: str, label: str | None) -> Iterator[Problem]:
    if label is not None and (found := label_problem(label)):
        yield Problem(study.file, field, f"{label!r}, which {found}", DRAWABLE)


def _figure_label_problems(study: Study) -> Iterator[Problem]:
    """Labels that cannot be drawn, and labels of what the study does not have."""
    config = study.config
    known = {
        "methods": config["rankings"],
        "models": config["models"],
        "questions": config["questions"],
        "arms": study.arms.arms,
    }
    for kind, labels in config["figures"]["labels"].items():
        for key, label in labels.items():
            field = f"figures.labels.{kind}.{key}"
            yield from _label_problems(study, field, label)
            if key not in known[kind]:
                found, wanted = f"a label of '{key}'", f"one of the study's {kind}"
                yield Problem(study.file, field, found, wanted, did_you_mean(key, known[kind]))


def _unwritable(file: str, place: str, value: Any) -> Iterator[Problem]:
    """Texts with a NUL, or with half of a character that takes two."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _unwritable(file, f"{place}.{key}".lstrip("."), part)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _unwritable(file, f"{place}[{number}]", part)
    elif isinstance(value, str) and (found := re.search("[\0\ud800-\udfff]", value)):
        yield Problem(file, place, f"the character {found[0]!r}", "text that files and command lines can hold")


def _asked(study: Study) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Field, text and the slots that it may have, of all that becomes part of a prompt."""
    slots = tuple(dict.fromkeys(SLOTS))
    yield "prompt.template", study.config["prompt"]["template"], slots
    for key, question in study.questions.items():
        yield f"questions.{key}.stem", question.get("stem", ""), ()
        yield f"questions.{key}.text", question.get("text", ""), ()
    for model, own in study.config["models"].items():
        prompt = own["prompt"]
        yield f"models.{model}.prompt.template", prompt.get("template", ""), slots
        for part in ("stems", "texts"):
            for question, text in prompt[part].items():
                yield f"models.{model}.prompt.{part}.{question}", text, ()
