"""The code that decides answers, rankings, prompts and head sets, and the version at which it was last accepted.

Files of GPU work are found again by versions (`study/code.py`), and a version is raised by hand. So that nobody forgets
it, `resources/deciding_code.json` lists for each version the modules that it stands for and the digests of their syntax
trees. A test fails when a module changed and its version did not. `scripts/accept_code.py` writes the table again.

Which modules count follows from imports: what the scripts of a stage import, directly or not, and modules of the
stage's own package that nobody imports. What is left out decides nothing, or has a version or a digest of its own in
what the stage's files are made by; each group says which.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from head_ablation.common.files import read_json, write_json
from head_ablation.common.problems import Problem, StudyError, refuse
from head_ablation.study.code import LIBRARY, data_beside, reached
from head_ablation.study.syntax import digest, entry_versions, number

HOME = LIBRARY.parent
TABLE = "resources/deciding_code.json"
ACCEPT = "python scripts/accept_code.py"
NEVER = ("__init__.py", "common/", "schemas/")  # versions, files, messages: they decide no answer


@dataclass(frozen=True)
class Group:
    """Code that decides one kind of result.

    Attributes:
        name: the group's.
        scripts: the stages' commands.
        package: modules of it that nobody imports count too.
        left_out: modules and folders of the library that are neither counted nor followed.
        constant: the version, in head_ablation/__init__.py; None where each entry of `package` has its own.
        decides: what another version may change, in words.
    """

    name: str
    scripts: tuple[str, ...]
    package: str
    left_out: tuple[str, ...]
    constant: str | None
    decides: str


INTERVENTIONS, MATCHERS = "engine/interventions/", "prompts/matchers/"
WHEN_AND_WHERE = ("jobs/gpu_locks.py", "jobs/slurm.py", "jobs/store.py")  # a job runs, and its result is kept
GROUPS = (
    Group(
        "answers",
        scripts=("generate.py",),
        package="engine/",
        left_out=(
            *("detectors/", INTERVENTIONS, MATCHERS),  # groups of their own
            *("heads/arms/", "heads/condition.py", "heads/head_sets.py"),  # a protocol states the heads,
            *("prompts/chat.py", "prompts/chat_template.py"),  # the prompts' digest,
            *("models/embedded.py", "models/hub.py", "planted/"),  # and the fingerprint of the model's files
            *WHEN_AND_WHERE,
        ),
        constant="PROTOCOL_VERSION",
        decides="answers",
    ),
    Group("interventions", (), INTERVENTIONS, (), constant=None, decides="answers with heads ablated"),
    Group(
        "detectors",
        scripts=("score_heads.py",),
        package="detectors/",
        left_out=(
            *(INTERVENTIONS, MATCHERS, "heads/", "prompts/", "models/", *WHEN_AND_WHERE),
            "detectors/ranking.py",  # rankings are made again whenever its code changes
        ),
        constant=None,
        decides="head scores",
    ),
    # The published study's rule is no matcher; scores are made again whenever its code changes.
    Group("matchers", (), MATCHERS, ("prompts/matchers/published_rule.py",), constant=None, decides="verdicts"),
    Group(
        "prompts",
        scripts=("fetch_filings.py", "make_samples.py", "build_prompts.py"),
        package="prompts/",
        left_out=(
            *(MATCHERS, "heads/", "models/", "engine/", "detectors/", "jobs/"),
            "prompts/notes.py",  # only says what was found
        ),
        constant="PROMPTS_VERSION",
        decides="samples or prompts",
    ),
    Group(
        "head_sets",
        scripts=("choose_heads.py",),
        package="heads/",
        left_out=("heads/ranking_facts.py",),  # what tables and warnings say of a ranking
        constant="HEAD_SETS_VERSION",
        decides="head sets",
    ),
)


@dataclass(frozen=True)
class Part:
    """The code that one version stands for.

    Attributes:
        version: as the code states it.
        modules: file -> digest.
        place: where the version is stated, in words.
        decides: what another version may change, in words.
    """

    version: int
    modules: Mapping[str, str]
    place: str = ""
    decides: str = ""

    def to_json(self) -> dict[str, Any]:
        """What the table says of it."""
        return {"version": self.version, "modules": dict(self.modules)}


@dataclass(frozen=True)
class Change:
    """Where code is not what was accepted.

    Attributes:
        problem: in words.
        undecided: whether somebody has to say if results change.
        refused: whether no call of accept_code.py takes it.
    """

    problem: Problem
    undecided: bool = False
    refused: bool = False


class Code:
    """A checkout's code.

    Args:
        home: the project's folder.
    """

    def __init__(self, home: Path = HOME):
        self.home, self.packages = home, home / "head_ablation"

    def parts(self) -> dict[str, Part]:
        """The code of each version: `answers`, `detectors/copy_score`, ..."""
        found: dict[str, Part] = {}
        for group in GROUPS:
            found |= self._one_version(group) if group.constant else self._version_of_each_entry(group)
        return found

    def _one_version(self, group: Group) -> dict[str, Part]:
        init = self.packages / "__init__.py"
        version = number(init.read_text(encoding="utf-8"), group.constant or "")
        if version is None:
            raise StudyError([Problem(self._name(init), str(group.constant), "nothing", "a whole number")])
        place = f"{group.constant} in {self._name(init)}"
        return {group.name: Part(version, self._listed(self._modules(group)), place, group.decides)}

    def _version_of_each_entry(self, group: Group) -> dict[str, Part]:
        """A module counts for the entries that import it; for all, if none does."""
        modules = self._modules(group)
        texts = {file: file.read_text(encoding="utf-8") for file in modules if file.suffix == ".py"}
        entries = {file: found for file, text in texts.items() if (found := entry_versions(text))}
        own = {file: reached([file], self.packages) & modules for file in entries}
        shared = modules.difference(*own.values())
        return {
            f"{group.name}/{name}": Part(
                version,
                self._listed(own[file] | shared),
                f"version of {variable} in {self._name(file)}",
                group.decides,
            )
            for file, found in entries.items()
            for variable, (name, version) in found.items()
        }

    def _modules(self, group: Group) -> set[Path]:
        """The modules of a group, and the data files beside those of the library."""
        scripts = [self.home / "scripts" / name for name in group.scripts]
        package = {file for file in (self.packages / group.package).rglob("*.py") if not self._is_out(file, group)}
        alone = package if group.constant is None else package - self._imported_by_any
        found = reached([*scripts, *alone], self.packages, lambda file: self._is_out(file, group))
        found -= self._answers if group.name == "detectors" else set()  # a group of their own
        return found | {file for file in data_beside(found - {*scripts}) if _module_of(file) in {*found, None}}

    @cached_property
    def _answers(self) -> set[Path]:
        return self._modules(GROUPS[0])

    @cached_property
    def _imported_by_any(self) -> set[Path]:
        """What the scripts of all groups import."""
        return reached([self.home / "scripts" / name for group in GROUPS for name in group.scripts], self.packages)

    def _is_out(self, file: Path, group: Group) -> bool:
        if not file.is_relative_to(self.packages):
            return False
        name = file.relative_to(self.packages).as_posix()
        return any(name == out or (out.endswith("/") and name.startswith(out)) for out in (*NEVER, *group.left_out))

    def _listed(self, files: Iterable[Path]) -> dict[str, str]:
        return {self._name(file): digest(file) for file in sorted(files)}

    def _name(self, file: Path) -> str:
        return file.relative_to(self.home).as_posix()


def _module_of(data: Path) -> Path | None:
    """The module that has a data file's name; None if the data are the whole package's."""
    module = data.with_suffix(".py")
    return module if module.is_file() else None


def changes(home: Path = HOME) -> list[Change]:
    """Where the code is not what the table says; empty if it says so of all."""
    return list(_changes(Code(home).parts(), _accepted(home)))


def accept(home: Path = HOME, changes_no_answer: bool = False) -> list[str]:
    """Writes the code's versions and digests into the table.

    Args:
        home: the project's folder.
        changes_no_answer: take code that changed without its version, since results stay what they are.

    Returns:
        What is new in the table, in words.

    Raises:
        StudyError: a version went down, or code changed without its version and `changes_no_answer`.
    """
    parts = Code(home).parts()
    found = list(_changes(parts, _accepted(home)))
    refuse(one.problem for one in found if one.refused or (one.undecided and not changes_no_answer))
    write_json(home / TABLE, {name: part.to_json() for name, part in parts.items()})
    return [f"{one.problem.file}: {one.problem.field}: {one.problem.found}" for one in found]


def _accepted(home: Path) -> dict[str, Part]:
    path = home / TABLE
    try:
        return {name: Part(part["version"], dict(part["modules"])) for name, part in read_json(path).items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        fix = f"Take it from the last commit, then run {ACCEPT}"
        raise StudyError([Problem(path, "file", "another form", "version and modules of each part", fix)]) from None


def _changes(parts: Mapping[str, Part], accepted: Mapping[str, Part]) -> Iterator[Change]:
    for name in accepted.keys() - parts.keys():
        yield Change(Problem(TABLE, name, "gone from the code", f"only what is there: run {ACCEPT}"))
    for name, part in parts.items():
        known = accepted.get(name)
        if known is None:
            yield Change(Problem(part.place, name, "new", f"an accepted version: run {ACCEPT}"))
        elif part.version < known.version:
            wanted = f"{known.version} or more: versions only go up"
            yield Change(Problem(part.place, name, f"version {part.version}", wanted), refused=True)
        elif part.version > known.version:
            found = f"version {part.version}, raised from {known.version}"
            yield Change(Problem(part.place, name, found, f"an accepted version: run {ACCEPT}"))
        else:
            yield from _module_changes(name, part, known)


def _module_changes(name: str, part: Part, known: Part) -> Iterator[Change]:
    """The modules of a part whose version is the accepted one."""
    for module in sorted(part.modules.keys() | known.modules.keys()):
        if module not in known.modules or module not in part.modules:
            found = "new" if module in part.modules else "gone"
            yield Change(Problem(module, name, f"{found} in what decides {part.decides}", f"accepted: run {ACCEPT}"))
        elif part.modules[module] != known.modules[module]:
            found = f"other code than was accepted at version {known.version}"
            yield Change(Problem(module, name, found, _ways(part)), undecided=True)


def _ways(part: Part) -> str:
    return (
        f"a raised version ({part.place}) if the same inputs may now give other {part.decides}, then {ACCEPT}; if they"
        f" cannot, {ACCEPT} --changes-no-answer"
    )
