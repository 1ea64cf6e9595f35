"""A rule's files judged while Snakemake plans: what they were made from, against what the study says now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from head_ablation.common.digests import Digests
from head_ablation.common.files import canonical_json, sha256_text
from head_ablation.common.lineage import Origin, departures
from head_ablation.common.problems import SHOWN
from head_ablation.common.settings import to_text
from head_ablation.study.snakemake_state import SnakemakeState

Wildcards = Any  # Snakemake's
CODE = ("code", "versions")  # parameters of rules that say by which code a job works
# Parameters that decide no file: places.
NO_RESULT = ("lineage", "folder", "store", "sweep", "cache", "train", "test", "samples")
# Inputs that no option of a script names.
LISTED = ("files", "rankings", "given", "config", "tables", "texts", "head_indexes")


@dataclass(frozen=True)
class Judgement:
    """Who is told of files that are made again, and how: Snakemake by force, the user by a line.

    Attributes:
        state: the running workflow.
        digests: of files, remembered.
        say: takes a line for the user.
    """

    state: SnakemakeState
    digests: Digests
    say: Callable[[str], None]
    _said: set[str] = field(default_factory=set)
    _kinds: Counter[str] = field(default_factory=Counter)

    def of(self, origin: Origin, reasons: Iterable[str]) -> None:
        """Has Snakemake make the outputs again, or not, and says why; there may be more `reasons` than the record's."""
        reasons = [*departures(origin, self.digests), *reasons]
        self.state.force(origin.outputs, bool(reasons))
        for reason in reasons:
            self._say_once(origin.outputs[0], reason)

    def _say_once(self, file: str, reason: str) -> None:
        line = f"{file} is made again: {reason}"
        if line in self._said:
            return
        self._said.add(line)
        self._kinds[reason] += 1
        if self._kinds[reason] <= SHOWN:
            self.say(line)
        elif self._kinds[reason] == SHOWN + 1:
            self.say(f"and others: {reason}")


@dataclass(frozen=True)
class Stage:
    """A rule, and what decides its files: its parameters and its named inputs.

    Attributes:
        rule: Snakemake's, with patterns and functions of wildcards.
        judgement: of files that are there.
        apart: names of inputs that decide nothing, or are compared elsewhere.
        beside: pattern of further outputs, in the folder of the first one.
        more: of a job: further reasons to run it.
    """

    rule: Any
    judgement: Judgement
    apart: tuple[str, ...] = ()
    beside: str = ""
    more: Callable[[Wildcards], Iterable[str]] = lambda _: ()

    def judge(self, wildcards: Wildcards) -> None:
        """Has Snakemake run the job if its files depart from what they would be made from."""
        # With environments of their own, jobs have other releases than this process.
        policy = "" if self.judgement.state.has_environments else self._policy
        self.judgement.of(self._origin(wildcards, self._inputs(wildcards), policy), self.more(wildcards))

    def lineage(self, wildcards: Wildcards) -> str:
        """What the job's script records (an Origin), as one line of text."""
        listed = {name: paths if name in LISTED else None for name, paths in self._inputs(wildcards).items()}
        return to_text(self._origin(wildcards, listed, self._policy))

    @property
    def _policy(self) -> str:
        """By which releases are told apart; empty if the rule runs no model."""
        return str(dict(self.rule.params.items()).get("software", ""))

    def _origin(self, wildcards: Wildcards, inputs: Mapping[str, tuple[str, ...] | None], software: str) -> Origin:
        return Origin(
            settings=self._parameters(wildcards, about_code=False),
            code=self._parameters(wildcards, about_code=True),
            inputs=inputs,
            outputs=tuple(str(path).format(**wildcards) for path in self.rule.output),
            beside=self.beside.format(**wildcards),
            software=software,
            memory=str(self.judgement.digests.folder),
        )

    def _parameters(self, wildcards: Wildcards, about_code: bool) -> str:
        """The digest of the rule's parameters that say by which code it works, or of the others."""
        named = {name: value for name, value in self.rule.params.items() if name not in NO_RESULT}
        unnamed = [value for value in self.rule.params if value not in dict(self.rule.params.items()).values()]
        found = {name: _of_job(value, wildcards) for name, value in named.items() if (name in CODE) == about_code}
        rest = [] if about_code else [_of_job(value, wildcards) for value in unnamed]
        return sha256_text(canonical_json([found, rest]))

    def _inputs(self, wildcards: Wildcards) -> dict[str, tuple[str, ...]]:
        named = {name: files for name, files in self.rule.input.items() if name not in self.apart}
        return {name: tuple(_paths(files, wildcards)) for name, files in named.items()}


def _of_job(value: Any, wildcards: Wildcards) -> Any:
    return value(wildcards) if callable(value) else value


def _paths(value: Any, wildcards: Wildcards) -> Iterator[str]:
    """The paths of an input: of a pattern, of a list of patterns, or of a function of wildcards."""
    if callable(value):
        found: Any = value(wildcards)
        yield from [found] if isinstance(found, str) else map(str, found)
    else:
        patterns: Iterable[Any] = [value] if isinstance(value, str) else value
        yield from (str(pattern).format(**wildcards) for pattern in patterns)
