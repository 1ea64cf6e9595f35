"""Refusing what is out of date: the last line of defence, whatever the workflow took for current."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from head_ablation.common.files import read_json, sha256_file
from head_ablation.common.problems import Problem, refuse
from head_ablation.common.software import software_problems
from head_ablation.heads.condition import Condition
from head_ablation.heads.head import HeadSet
from head_ablation.jobs.protocol import Protocol, deciding

FIX = "Remove it and run again; what the store still holds is not computed again."
HEADS_FIX = f"If its head-set file says so too, remove the folder that is in. {FIX}"


def refuse_changed_file(file: Path, sha256: str, made_from: str) -> None:
    """Raises StudyError if a file does not have the digest that it should have by now."""
    found = sha256_file(file) if file.is_file() else "nothing"
    if found != sha256:
        fix = f"Remove {file.name.partition('.')[0]}.index.json beside it and run again."
        refuse([Problem(file, "SHA-256", found[:12], f"{sha256[:12]}, as {made_from} now say", fix)])


def read_current(
    baseline: Path, generations: list[Path], protocol: Protocol, sets: Mapping[Condition, HeadSet], software: str
) -> tuple[dict[str, Any], dict[Condition, dict[str, Any]]]:
    """The generation files of one method and experiment.

    Args:
        baseline: the baseline's file.
        generations: the conditions' files, named by condition.
        protocol: the baseline's, as the study now has it.
        sets: condition -> the heads that the study now ablates.
        software: the study's policy. All files must state the baseline's software, whatever is installed here.

    Returns:
        The baseline's content, and the others' by condition.

    Raises:
        StudyError: naming every file and field that departs from what the study now says.
    """
    base, read = read_json(baseline), {path: read_json(path) for path in generations}
    asked = {key: value for key, value in protocol.items() if key != "software"}
    problems = list(protocol_problems(baseline, base, asked))
    for path, content in read.items():
        heads = sets[Condition.parse(path.stem)].names()
        problems += protocol_problems(path, content, {**asked, "heads": heads})
    for path, content in {baseline: base, **read}.items():
        problems += software_problems(path, content, software, base, FIX)
    refuse(problems)
    return base, {Condition.parse(path.stem): content for path, content in read.items()}


def protocol_problems(file: str | Path, found: Any, expected: Protocol) -> Iterator[Problem]:
    """Every field in which the protocol that a generation file states departs from the expected one."""
    stated = {key: found.get(key) for key in expected} if isinstance(found, Mapping) else {}
    there = dict(_flat(deciding(stated)))
    wanted = dict(_flat(deciding(expected)))
    for field in sorted(there.keys() | wanted.keys()):
        if there.get(field) != wanted.get(field):
            fix = HEADS_FIX if field == "heads" else FIX
            yield Problem(
                file, field, _short(there.get(field)), f"{_short(wanted.get(field))}, as the study says now", fix
            )


def _flat(content: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{place}{key}.")
        else:
            yield place + key, value


def _short(value: Any) -> str:
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 72 else f"{text[:69]}..."
