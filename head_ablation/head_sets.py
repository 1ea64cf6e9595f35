"""The head-set files of an experiment: canonical, without scores, rewritten only when their heads change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from head_ablation.files import read_json, write_json
from head_ablation.heads import Condition, Head, ModelShape, RandomArm, choose_heads
from head_ablation.problems import StudyError


def write_head_sets(
    folder: Path,
    conditions: Iterable[Condition],
    ranked: Sequence[Head],
    shape: ModelShape,
    random_arm: RandomArm,
    experiment: str,
) -> dict[str, list[str]]:
    """Writes `{condition}.json` for every condition whose file is missing or says otherwise.

    Returns:
        The index: condition -> names of its heads.

    Raises:
        StudyError: a level above the number of heads; nothing is written then.
    """
    try:
        sets = {c: choose_heads(c, ranked, shape, random_arm, experiment) for c in conditions}
    except ValueError as error:
        raise StudyError(f"{experiment}: {error}; lower the levels") from None
    for condition, heads in sets.items():
        _write_if_changed(folder / f"{condition}.json", _content(condition, heads.names()))
    return {str(condition): heads.names() for condition, heads in sets.items()}


def _content(condition: Condition, names: list[str]) -> dict[str, Any]:
    return {"arm": condition.arm, "level": condition.level, "draw": condition.draw, "heads": names}


def _write_if_changed(path: Path, content: dict[str, Any]) -> None:
    if not path.is_file() or read_json(path) != content:
        write_json(path, content)
