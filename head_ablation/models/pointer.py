"""Prepared models: the embedded or a planted one, a hub revision, a local folder, each described by a pointer file.

That is `results/models/{model}/model.json`: the folder that holds weights and tokenizer, the shape, the fingerprint.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from head_ablation.common.digests import Digests
from head_ablation.common.files import is_folder, read_json, write_json
from head_ablation.common.problems import Problem, StudyError, refuse
from head_ablation.common.settings import to_text
from head_ablation.heads.head import ModelShape
from head_ablation.models.architectures import text_part
from head_ablation.models.embedded import EMBEDDED, SMOLLM2, convert_embedded
from head_ablation.models.fingerprint import fingerprint, project_of, remembered_digests
from head_ablation.models.folder import count_parameters, local_folder, read_config
from head_ablation.models.hub import hub_snapshot
from head_ablation.models.shape import Grid, grid_problems, read_shape
from head_ablation.models.size import ModelSize
from head_ablation.planted.model_folder import write_planted
from head_ablation.planted.options import PlantedOptions

POINTER = "model.json"
MAKE_AGAIN = "Remove it and run again: it is made again at no cost."


@dataclass(frozen=True)
class ModelSource:
    """Where a study's model comes from.

    Attributes:
        name: the source as the config writes it.
        source: `embedded`, `planted`, a local folder as the working folder finds it, or a hub name.
        revision: commit, tag or branch on the hub.
        shape: layers and heads as the study declares them, or None.
        planted: the options of a planted model; None for any other.
    """

    name: str
    source: str
    revision: str | None
    shape: Mapping[str, int] | None
    planted: PlantedOptions | None = None


@dataclass(frozen=True)
class Pointer:
    """A prepared model.

    Attributes:
        name: hub name or folder, for people.
        revision: the hub commit, or None.
        folder: where weights and tokenizer are.
        fingerprint: digest of config, weights and tokenizer; equal fingerprints, equal models.
        shape: its grid of heads and longest prompt.
        size: what its memory follows from, where its config says so.
        made_from: source, revision and shape as the study asked for them; None in files of earlier versions.
        file: the pointer file, where there is one.
    """

    name: str
    revision: str | None
    folder: str
    fingerprint: str
    shape: ModelShape
    size: ModelSize | None = None
    made_from: Mapping[str, Any] | None = None
    file: Path | None = field(default=None, compare=False)

    @classmethod
    def read(cls, path: str | Path) -> Pointer:
        """From a pointer file; a relative folder is meant from where the file is.

        Raises:
            StudyError: it is none.
        """
        path, content = Path(path), read_json(path)
        try:
            folder = (path.parent / content["folder"]).resolve()
            shape, size = ModelShape(**content["shape"]), content.get("size")
            parts = {"folder": str(folder), "shape": shape, "size": ModelSize(**size) if size else None, "file": path}
            return cls(**{**content, **parts})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            found = f"something else ({type(error).__name__}: {error})"
            raise StudyError([Problem(path, "file", found, "a description of a model", MAKE_AGAIN)]) from None

    def to_json(self) -> dict[str, Any]:
        """The pointer file's content, with the folder as it is."""
        return {key: value for key, value in asdict(self).items() if key != "file"}

    def write(self, path: Path) -> None:
        """Writes the pointer file. A model that lies in the project has its folder relative to the file, so that a copy
        of the project runs the copy's model."""
        home, folder = path.parent.resolve(), Path(self.folder)
        near = any(folder.is_relative_to(place) for place in (home, project_of(path.parent)) if place)
        write_json(path, {**self.to_json(), "folder": os.path.relpath(folder, home) if near else self.folder})

    @cached_property
    def digests(self) -> Digests:
        """The digests of its files, remembered beside the results."""
        return remembered_digests(self.file) if self.file else Digests()

    def refuse_changed(self) -> None:
        """Raises StudyError if the model's folder is gone, or is not what the fingerprint was taken of."""
        folder = Path(self.folder)
        if not folder.is_dir():
            raise StudyError(f"model folder {folder} is gone; remove the pointer file to fetch it again")
        found = fingerprint(folder, self.digests)
        if found != self.fingerprint:
            said = f"{self.fingerprint[:12]}, as {self.file or 'its pointer'} says"
            raise StudyError([Problem(folder, "fingerprint", found[:12], said, self._changed_fix())])

    def _changed_fix(self) -> str:
        if not self.file:
            return "Describe the model anew, or put its former files back."
        return (
            f"If this is the model that you mean now, remove {self.file} alone and run again: it is made again at no"
            " cost, and what the former model said stays in the store. Else put the model's former files back."
        )


def source_problems(pointer: Pointer, asked: ModelSource) -> Iterator[Problem]:
    """Every field in which a pointer was made from something else than a study asks for; none if it does not say.

    Args:
        pointer: as read from its file.
        asked: what the study asks for.
    """
    made_from, file = pointer.made_from, pointer.file or pointer.name
    for name, wanted in _made_from(asked).items():
        if made_from and made_from.get(name) != wanted:
            said = f"{wanted}, as the study says now"
            yield Problem(file, f"made_from.{name}", made_from.get(name), said, MAKE_AGAIN)


def _is_changed(pointer_file: Path) -> bool:
    """Whether a pointer file is there whose folder holds another model by now."""
    try:
        if pointer_file.is_file():
            Pointer.read(pointer_file).refuse_changed()
    except StudyError:
        return True
    return False


def _made_from(asked: ModelSource) -> dict[str, Any]:
    common = {"source": asked.source, "revision": asked.revision, "shape": dict(asked.shape) if asked.shape else None}
    return common | ({"planted": json.loads(to_text(asked.planted))} if asked.planted else {})


def model_name(source: str) -> str:
    """The name that people know a model by."""
    return SMOLLM2.name if source == EMBEDDED else source


def prepare(
    source: str,
    revision: str | None,
    home: Path,
    grid: Grid = None,
    name: str | None = None,
    planted: PlantedOptions | None = None,
) -> Pointer:
    """Fetches, converts or writes a model if need be, and describes it.

    Args:
        source: `embedded`, `planted`, a local folder or a hub name.
        revision: commit, tag or branch on the hub.
        home: `results/models/{model}`; the embedded model is converted into it, a planted one written.
        grid: layers and heads as the study declares them, or None.
        name: what people call a local folder's model; the folder itself without one.
        planted: the options of a planted model.

    Raises:
        StudyError: the model is missing, gated or incomplete, or the network is, or it has another grid than
            declared; says what to do.
    """
    found_revision = None
    if source == EMBEDDED:
        convert_embedded(home, anew=_is_changed(home / POINTER))
        name, folder = model_name(source), home.resolve()
    elif planted:
        write_planted(home, planted)
        name, folder = model_name(source), home.resolve()
    elif is_folder(source):
        name, folder = name or source, local_folder(source)
    else:
        name, folder = source, hub_snapshot(source, revision)
        found_revision = folder.name
    config, file = folder / "config.json", home / POINTER
    shape, size = read_shape(config), ModelSize.of(text_part(read_config(config)), count_parameters(folder))
    refuse(grid_problems(f"model '{source}'", "shape", grid, shape))
    digest, asked = fingerprint(folder, remembered_digests(file)), ModelSource(name, source, revision, grid, planted)
    return Pointer(name, found_revision, str(folder), digest, shape, size, _made_from(asked), file)
