"""The code that a stage's output depends on, as a digest: a stage runs again when that code changes.

The policy, for every rule: cheap stages (all but the three below) state the digest of their script and of every module
of the library that it imports, directly or not. Nobody keeps a list. Where GPU hours or downloads hang on a rule, it
states the versions of what decides its output instead: `generations` and `detected_ranking` those of the protocol, the
intervention, the detector and the matcher (they run again when one is raised), `model` the model's own files. A file's
record of lineage has the digest of what its rule states, so that it counts whatever Snakemake remembers.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from head_ablation.common.files import canonical_json, sha256_file, sha256_text

LIBRARY = Path(__file__).parents[1]
IMPORT = re.compile(r"^\s*(?:from|import) (head_ablation(?:\.\w+)*)", re.MULTILINE)


@cache
def code_digest(script: Path) -> str:
    """The digest of a script and of all that it imports from the library, data files beside the modules included."""
    files = {script}
    waiting = [script]
    while waiting:
        found = _imported(waiting.pop()) - files
        files |= found
        waiting += found
    data = {path for folder in {file.parent for file in files - {script}} for path in folder.glob("*.yaml")}
    return sha256_text(canonical_json(sorted([path.name, sha256_file(path)] for path in files | data)))


@cache
def _imported(file: Path) -> set[Path]:
    return {path for name in IMPORT.findall(file.read_text(encoding="utf-8")) if (path := _file_of(name))}


def _file_of(module: str) -> Path | None:
    """A module's file; a package's __init__.py."""
    place = LIBRARY.parent / module.replace(".", "/")
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)
