"""Claims about ablation results: mean changes of accuracy as printed, read with their precision, and what follows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from head_ablation.common.problems import Problem, StudyError, refuse
from head_ablation.common.schema import departures
from head_ablation.common.yaml_files import parse_yaml, read_schema, repeated_keys
from head_ablation.heads.arms import ARMS


class Verdict(Enum):
    """What the given results say about a claim."""

    HOLDS = "holds"
    DOES_NOT_HOLD = "does not hold"
    OPEN = "open"
    UNLIKELY = "unlikely"
    IMPOSSIBLE = "impossible"
    AMBIGUOUS = "ambiguous"
    NO_DATA = "no data"

    @property
    def meaning(self) -> str:
        """The verdict in words, for a reader of the audit."""
        return MEANINGS[self]


MEANINGS = {
    Verdict.HOLDS: "all claimed experiments are given, and their mean rounds to the claim",
    Verdict.DOES_NOT_HOLD: "all claimed experiments are given, and their mean is another",
    Verdict.OPEN: "only some of the claimed experiments are given; the claim lies inside their interval",
    Verdict.UNLIKELY: "only some of the claimed experiments are given; the claim lies outside their interval",
    Verdict.IMPOSSIBLE: "only some are given; for the claim to hold, the others would need a mean beyond 100 points",
    Verdict.AMBIGUOUS: "more experiments are given than the claim is over; it does not say which it means",
    Verdict.NO_DATA: "none of the claimed experiments is given",
}


@dataclass(frozen=True)
class Claim:
    """A mean change of accuracy as printed; fields as in schemas/claims.schema.yaml."""

    method: str
    arm: str
    level: int
    mean_drop_points: Decimal
    experiments: int | None = None
    model: str | None = None
    question: str | None = None
    tokens: int | None = None

    @property
    def half_unit(self) -> float:
        """How far the printed number may lie from the one that was rounded."""
        return 0.5 * 10.0 ** int(self.mean_drop_points.as_tuple().exponent)

    @property
    def contrast(self) -> str:
        """The key results' name of what is claimed."""
        return f"{self.arm}_drop" if self.arm in ARMS else self.arm


@dataclass(frozen=True)
class Claims:
    """Claims and, in words, where they are made."""

    source: str
    claims: tuple[Claim, ...]


class _Printed(Decimal):
    """A number of a YAML file with the decimals it was written with."""

    __repr__ = Decimal.__str__


class _Loader(yaml.SafeLoader):
    """Reads numbers with a decimal point as printed; as text what is no plain one (.nan, 1:30.5)."""


_Loader.add_constructor(
    "tag:yaml.org,2002:float",
    lambda _, node: _Printed(node.value) if re.fullmatch(r"[-+]?\d+\.\d+", node.value) else node.value,
)


def read_claims(path: str | Path) -> Claims:
    """The claims of a file.

    Raises:
        StudyError: with everything wrong with it.
    """
    content = parse_yaml(path, _Loader)
    refuse(repeated_keys(path))
    content = content if isinstance(content, dict) else {}
    refuse(departures(content, _schema(), str(path)))
    claims = [{**claim, "mean_drop_points": Decimal(claim["mean_drop_points"])} for claim in content["claims"]]
    return Claims(content["source"], tuple(Claim(**claim) for claim in claims))


def _schema() -> dict[str, Any]:
    """The schema file, with the arms that are registered, and their gaps."""
    schema = read_schema("claims")
    known = [*ARMS.names, *(arm.gap for arm in ARMS if arm.gap)]
    schema["$defs"]["claim"]["properties"]["arm"]["enum"] = known
    return schema


def claims_problems(path: str | Path) -> list[Problem]:
    """Everything wrong with a file of claims."""
    try:
        read_claims(path)
    except StudyError as error:
        return error.problems
    return []


@dataclass(frozen=True)
class Finding:
    """What the given results have about a claim.

    Attributes:
        claim: the claim.
        experiments: how many of its experiments are given.
        row: its row of the key results; empty if none is given.
    """

    claim: Claim
    experiments: int
    row: Mapping[Any, Any]

    @property
    def points(self) -> tuple[float, float, float]:
        """The mean in percentage points and its 95 % limits."""
        mean, low, high = (self.row[f"{self.claim.contrast}_points{end}"] for end in ("", "_low", "_high"))
        return mean, low, high

    @property
    def needed(self) -> tuple[float, float] | None:
        """Where only some experiments are given: the mean the others must have, and how far rounding lets it vary."""
        claimed = self.claim.experiments or 0
        missing = claimed - self.experiments
        if not 0 < missing < claimed:
            return None
        mean = (float(self.claim.mean_drop_points) * claimed - self.points[0] * self.experiments) / missing
        return mean, self.claim.half_unit * claimed / missing

    @property
    def verdict(self) -> Verdict:
        """What follows for the claim."""
        if not self.experiments:
            return Verdict.NO_DATA
        if self.experiments > (self.claim.experiments or self.experiments):
            return Verdict.AMBIGUOUS
        claimed, (mean, low, high) = float(self.claim.mean_drop_points), self.points
        if self.needed is None:
            rounds = abs(mean - claimed) <= self.claim.half_unit + 1e-9
            return Verdict.HOLDS if rounds else Verdict.DOES_NOT_HOLD
        if abs(self.needed[0]) - self.needed[1] > 100:
            return Verdict.IMPOSSIBLE
        return Verdict.OPEN if low <= claimed <= high else Verdict.UNLIKELY
