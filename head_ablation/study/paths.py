"""Where the paths of a config lead: beside the config that names them, or to what ships with the workflow."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """The folders in which a config's relative paths are looked for, in this order.

    Attributes:
        folders: those of the config files, the last one first, then the workflow's own.
        results: where results go, from the working folder.
        absolute: write found files as absolute paths, for a Snakemake module with a prefix, which would take a
            relative path for one of its results.
    """

    folders: tuple[Path, ...] = (Path(),)
    results: str = "results"
    absolute: bool = False

    def find(self, given: str) -> str:
        """A path as jobs in the working folder find it; beside the first folder if it is in none."""
        plain = Path(given).expanduser()
        candidates = [folder / plain for folder in self.folders] or [plain]
        found = next((path for path in candidates if os.path.exists(path)), candidates[0])
        return self.from_here(found)

    def source(self, given: str) -> str:
        """A model's or corpus' source: a name as it is, or a folder.

        A folder that the working folder has under the same path stays as written, so that it keeps its name when it is
        gone.
        """
        plain = Path(given).expanduser()
        is_path = given.startswith((".", "/", "~")) or any(os.path.isdir(folder / plain) for folder in self.folders)
        found = self.find(given) if is_path else given
        as_written = not self.absolute and os.path.abspath(found) == os.path.abspath(plain)
        return given if as_written else os.path.join(".", found)

    def from_here(self, path: Path) -> str:
        """A path as jobs in the working folder write it."""
        whole = Path(os.path.abspath(path))
        if not self.absolute and whole.is_relative_to(Path.cwd()):
            relative = str(whole.relative_to(Path.cwd()))
            return str(whole) if relative.startswith("-") else relative  # which a script would take for an option
        return str(whole)
