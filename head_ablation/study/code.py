"""The code that a stage's output depends on, as a digest: a stage runs again when that code changes.

The policy, for every rule: cheap stages (all but the three below) state the digest of their script and of every module
of the library that it imports, directly or not. Nobody keeps a list. Where GPU hours or downloads hang on a rule, it
states the versions of what decides its output instead: `generations` and `head_scores` those of the protocol, the
intervention, the detectors and the matcher (they run again when one is raised), `model` the model's own files. That no
version is forgotten, `deciding_code.py` checks. A file's record of lineage has the digest of what its rule states, so
that it counts whatever Snakemake remembers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from head_ablation.common.files import canonical_json, sha256_file, sha256_text

LIBRARY = Path(__file__).parents[1]
IMPORT = re.compile(
    r"^\s*(?:from|import) (head_ablation(?:\.\w+)*)(?: import (?:\(([^)]*)\)|([\w, ]+)))?", re.MULTILINE
)


@cache
def code_digest(script: Path) -> str:
    """The digest of a script and of all that it imports from the library, data files beside the modules included."""
    files = reached([script])
    data = data_beside(files - {script})
    return sha256_text(canonical_json(sorted([path.name, sha256_file(path)] for path in files | data)))


def reached(
    starts: Iterable[Path], library: Path = LIBRARY, left_out: Callable[[Path], bool] = lambda _: False
) -> set[Path]:
    """Files, and what they import from the library, directly or not.

    Args:
        starts: scripts or modules.
        library: the package's folder.
        left_out: files that are neither counted nor followed.
    """
    files: set[Path] = set()
    waiting = {*starts}
    while waiting:
        found = {file for file in waiting if not left_out(file)}
        files |= found
        waiting = {imported for file in found for imported in _imported(file, library)} - files
    return files


def data_beside(files: Iterable[Path]) -> set[Path]:
    """The data files in the folders of modules, and templates below them."""
    folders = {file.parent for file in files}
    return {path for folder in folders for pattern in ("*.yaml", "templates/*") for path in folder.glob(pattern)}


@cache
def _imported(file: Path, library: Path) -> set[Path]:
    found = IMPORT.findall(file.read_text(encoding="utf-8"))
    names = {module for module, *_ in found}
    names |= {f"{module}.{name}" for module, *parts in found for name in re.findall(r"\w+", " ".join(parts))}
    return {path for name in names if (path := _file_of(name, library))}


def _file_of(module: str, library: Path) -> Path | None:
    """A module's file; a package's __init__.py."""
    place = library.parent / module.replace(".", "/")
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)
