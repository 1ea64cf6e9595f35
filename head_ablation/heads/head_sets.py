"""The head-set files of an experiment: canonical, without scores, rewritten only when their heads change."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from head_ablation.common.files import json_text, read_json, sha256_file, write_if_changed, write_json
from head_ablation.common.problems import StudyError, some
from head_ablation.heads.arms import ARMS
from head_ablation.heads.arms.arm import Choice
from head_ablation.heads.condition import ArmSettings, Condition
from head_ablation.heads.head import Head, HeadSet, ModelShape


@dataclass(frozen=True)
class HeadSetSettings:
    """What decides an experiment's head sets, besides ranking and model.

    Attributes:
        experiment: its name; draws of different experiments are independent.
        conditions: their names.
        arms: the study's.
    """

    experiment: str
    conditions: tuple[str, ...]
    arms: ArmSettings

    @property
    def levels(self) -> list[int]:
        """The levels of the top arm."""
        conditions = [Condition.parse(name) for name in self.conditions]
        return [condition.level for condition in conditions if condition.arm == "top"]

    def choose(self, ranked: Sequence[Head], shape: ModelShape) -> dict[Condition, HeadSet]:
        """The heads of every condition; errors as `choose_head_sets`."""
        conditions = [Condition.parse(name) for name in self.conditions]
        return choose_head_sets(conditions, ranked, shape, self.arms, self.experiment)


def choose_heads(
    condition: Condition, ranked: Sequence[Head], shape: ModelShape, arms: ArmSettings, experiment: str
) -> HeadSet:
    """The heads that `condition` ablates.

    Args:
        condition: arm, level, draw.
        ranked: the ranking's heads, best first.
        shape: the model's grid of heads.
        arms: the study's arms and their options.
        experiment: the experiment's name; draws of different experiments are independent.

    Raises:
        ValueError: fewer heads than the level asks for; says both numbers.
    """
    choice = Choice(ranked, shape, experiment, condition.level, condition.draw)
    pool = ARMS[condition.arm].order(arms.options(condition.arm), choice)
    if len(pool) < condition.level:
        raise ValueError(f"{condition} needs {condition.level} heads, there are {len(pool)}")
    return HeadSet(tuple(pool[: condition.level]))


def choose_head_sets(
    conditions: Iterable[Condition],
    ranked: Sequence[Head],
    shape: ModelShape,
    arms: ArmSettings,
    experiment: str,
) -> dict[Condition, HeadSet]:
    """The heads of every condition of one method and experiment; arguments as `choose_heads`.

    Raises:
        StudyError: a level above the number of heads, or a ranked head outside the model.
    """
    foreign = [str(head) for head in ranked if head not in shape]
    if foreign:
        raise StudyError(f"{experiment}: the ranking has {some(foreign)}; expected heads of {shape.grid()}")
    conditions = list(conditions)
    by_draw = sorted(conditions, key=lambda c: (ARMS.names.index(c.arm), c.draw or 0))  # whose levels share an order
    try:
        chosen = {c: choose_heads(c, ranked, shape, arms, experiment) for c in by_draw}
    except ValueError as error:
        raise StudyError(f"{experiment}: {error}; lower the levels") from None
    return {condition: chosen[condition] for condition in conditions}


def write_head_sets(
    index: Path, sets: Mapping[Condition, HeadSet], made_from: Iterable[Path], unranked: str | None = None
) -> None:
    """Writes `{condition}.json` for every condition whose file is missing or says otherwise, then the index.

    Args:
        index: the index file; the head-set files stand beside it.
        sets: condition -> its heads.
        made_from: the files that decided them, the ranking and the model's shape among them.
        unranked: why there are no head sets, if there are none.
    """
    for condition, heads in sets.items():
        write_if_changed(index.with_name(f"{condition}.json"), head_set_text(condition, heads))
    content = {
        "made_from": {str(path): sha256_file(path) for path in made_from},
        "conditions": {str(condition): heads.names() for condition, heads in sets.items()},
        **({"unranked": unranked} if unranked else {}),
    }
    write_json(index, content)


def is_unranked(index: Path) -> bool:
    """Whether an index says that there are no head sets, since no head could be ranked; a damaged one says nothing."""
    try:
        return index.is_file() and "unranked" in read_json(index)
    except (StudyError, TypeError):
        return False


def head_set_text(condition: Condition, heads: HeadSet) -> str:
    """The content of a head-set file."""
    return json_text({"arm": condition.arm, "level": condition.level, "draw": condition.draw, "heads": heads.names()})


def read_head_set(path: str | Path) -> HeadSet:
    """The heads in a head-set file."""
    return HeadSet.parse(read_json(path)["heads"])


def current_head_sets(indexes: str) -> Iterator[tuple[str, HeadSet]]:
    """`{method}/{condition}` and heads of each condition in the index files, except where they are out of date.

    Args:
        indexes: a pattern for index files, `results/{study}/heads/*/{experiment}/index.json`.
    """
    for path in map(Path, sorted(glob.glob(indexes))):
        for condition, names in _current_conditions(path):
            yield f"{path.parts[-5]}/{condition}", HeadSet.parse(names)


def _current_conditions(index: Path) -> Iterable[tuple[str, list[str]]]:
    try:
        content = read_json(index)
        unchanged = all(sha256_file(source) == sha256 for source, sha256 in content["made_from"].items())
        return content["conditions"].items() if unchanged else []
    except (StudyError, OSError, KeyError):  # it is being made again, or damaged: then it is no guide
        return []
