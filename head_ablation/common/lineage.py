"""Lineage: what a job's files were made from, in a record beside them.

    results/demo/prompts/smollm2/inc_year/.lineage/tokens_384.test.jsonl.json

The record holds the digests of settings, code and inputs, and of what came out. While planning, it is compared with
what the study says now, so that a file which settings, code or inputs no longer give is made again, whatever Snakemake
remembers of it, and so is a file that was cut or edited since. A job compares once more what it reads.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from head_ablation.common.digests import Digests
from head_ablation.common.files import read_json, write_json
from head_ablation.common.problems import Problem, StudyError, refuse, run_script
from head_ablation.common.settings import from_json, from_text
from head_ablation.common.software import software_at_hand

FOLDER = ".lineage"
OPTION = "--lineage"
UNKNOWN = "nothing says what it was made from"


@dataclass(frozen=True)
class Origin:
    """What a job's files are made from, as the study says now.

    Attributes:
        settings, code: digests.
        inputs: what each input file is for -> paths; None: those of the script's option of that name.
        outputs: paths.
        beside: pattern of further outputs, in the folder of the first one.
        software: the policy by which releases of what runs models are told apart; empty where none does.
        memory: the folder where digests are remembered.
    """

    settings: str
    code: str
    inputs: Mapping[str, tuple[str, ...] | None]
    outputs: tuple[str, ...]
    beside: str
    software: str
    memory: str

    def by_folder(self) -> dict[Path, list[Path]]:
        """Folder -> the outputs in it, those beside the first one at the end."""
        found: dict[Path, list[Path]] = {}
        for path in map(Path, self.outputs):
            found.setdefault(path.parent, []).append(path)
        first = Path(self.outputs[0]).parent
        others = sorted(first.glob(self.beside)) if self.beside else []
        found[first] += [path for path in others if path not in found[first]]
        return found


@dataclass(frozen=True)
class Record:
    """What the files of one job in one folder were made from.

    Attributes:
        settings, code: digests.
        inputs: what each input file is for -> digests.
        outputs: file name -> digest.
        software: package -> release that the job ran with, as the study's policy states it.
    """

    settings: str
    code: str
    inputs: Mapping[str, tuple[str, ...]]
    outputs: Mapping[str, str]
    software: Mapping[str, str]


def record_file(output: Path) -> Path:
    """Where the record of a job's files in one folder stands, by the first of them."""
    return output.parent / FOLDER / f"{output.name}.json"


def departures(origin: Origin, digests: Digests) -> list[str]:
    """Why the job's files, as far as they are there, are not what the study says now; empty if they are."""
    found = [_departures_in(files, origin, digests) for files in origin.by_folder().values() if files[0].is_file()]
    return list(dict.fromkeys(reason for reasons in found for reason in reasons))


def _departures_in(files: Sequence[Path], origin: Origin, digests: Digests) -> Iterator[str]:
    record = _read(record_file(files[0]))
    if record is None:
        yield UNKNOWN
        return
    if record.settings != origin.settings:
        yield "it was made by other settings"
    if record.code != origin.code:
        yield "it was made by other code"
    here = software_at_hand(origin.software) if origin.software else {}
    if here and record.software != here:
        yield "it was made by other releases of torch or transformers"
    for role in sorted(record.inputs.keys() | origin.inputs.keys()):
        now = _digests_of(origin.inputs.get(role) or (), digests)
        if None not in now and now != list(record.inputs.get(role, ())):  # a missing one is made first
            yield f"it was made from another {role.replace('_', ' ')}"
    for name, sha256 in record.outputs.items():
        if _digests_of([str(files[0].with_name(name))], digests) != [sha256]:
            yield f"{name} was changed, cut or removed since it was made"
    if any(path.is_file() and path.name not in record.outputs for path in files if str(path) in origin.outputs):
        yield UNKNOWN


def _digests_of(paths: Iterable[str], digests: Digests) -> list[str | None]:
    return [digests.of(path) if Path(path).is_file() else None for path in paths]


def _read(file: Path) -> Record | None:
    """A record; None if there is none that is whole."""
    try:
        record = from_json(Record, read_json(file)) if file.is_file() else None
    except StudyError:
        return None
    return record if record and all(name == Path(name).name for name in record.outputs) else None


def damage(path: str | Path, digests: Digests, first: Path | None = None) -> Iterator[Problem]:
    """A result that is not what its job wrote. A file without a record, such as the user's own, is none.

    Args:
        path: the result.
        digests: of files, as they are.
        first: the first output of the job that made it, if that is known: whose record is meant.
    """
    path = Path(path)
    written = _recorded_digests(path, first or path)
    if written and path.is_file() and digests.of(path) not in written:
        wanted = f"what {path.parent / FOLDER} has the digest of"
        yield Problem(path, "file", "another content than was written", wanted, "Run again: it is made again.")


def _recorded_digests(path: Path, first: Path) -> set[str]:
    """What records say of a file: its job's, else those of its folder, some of which may be left over."""
    own = record_file(first)
    records = filter(None, map(_read, [own] if own.is_file() else own.parent.glob("*.json")))
    return {record.outputs[path.name] for record in records if path.name in record.outputs}


def run_stage(main: Callable[[], None]) -> None:
    """As `run_script`, for a rule's script: with the option --lineage (an Origin as JSON), it refuses damaged inputs
    before it begins, and records what it made from what when it is through."""
    run_script(partial(_run_recorded, main))


def _run_recorded(main: Callable[[], None]) -> None:
    if OPTION not in sys.argv:
        main()
        return
    place = sys.argv.index(OPTION)
    origin = from_text(Origin, sys.argv[place + 1])
    del sys.argv[place : place + 2]
    digests = Digests(Path(origin.memory))
    inputs = {
        role: list(_option_values(sys.argv, role) if paths is None else paths) for role, paths in origin.inputs.items()
    }
    every = dict.fromkeys(path for paths in inputs.values() for path in paths)
    refuse(problem for path in every for problem in damage(path, digests))
    read = {role: tuple(digests.of(path) for path in paths) for role, paths in inputs.items()}
    main()
    software = software_at_hand(origin.software) if origin.software else {}
    for files in origin.by_folder().values():
        outputs = {path.name: digests.of(path) for path in files if path.is_file()}
        write_json(record_file(files[0]), asdict(Record(origin.settings, origin.code, read, outputs, software)))
        for path in files[1:]:  # which may have been the first one of its folder
            record_file(path).unlink(missing_ok=True)


def _option_values(arguments: Sequence[str], role: str) -> Iterator[str]:
    """The values of a script's option, written as `--option value value` or `--option=value`."""
    option, is_on = f"--{role.replace('_', '-')}", False
    for argument in arguments:
        if argument.startswith("--"):
            name, given, value = argument.partition("=")
            is_on = name == option
            if is_on and given:
                yield value
        elif is_on:
            yield argument
