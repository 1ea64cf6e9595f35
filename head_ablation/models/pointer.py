"""Prepared models: the embedded one, a hub revision, a local folder, each described by a pointer file.

That is `results/models/{model}/model.json`: the folder that holds weights and tokenizer, the shape, the fingerprint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from head_ablation.common.files import canonical_json, is_folder, read_json, sha256_file, sha256_text
from head_ablation.common.problems import refuse
from head_ablation.heads.head import ModelShape
from head_ablation.models.architectures import text_part
from head_ablation.models.embedded import EMBEDDED, SMOLLM2, convert_embedded
from head_ablation.models.folder import count_parameters, files_of_model, local_folder, read_config
from head_ablation.models.hub import hub_snapshot
from head_ablation.models.shape import Grid, grid_problems, read_shape
from head_ablation.models.size import ModelSize


@dataclass(frozen=True)
class ModelSource:
    """Where a study's model comes from.

    Attributes:
        name: the source as the config writes it.
        source: `embedded`, a local folder as the working folder finds it, or a hub name.
        revision: commit, tag or branch on the hub.
        shape: layers and heads as the study declares them, or None.
    """

    name: str
    source: str
    revision: str | None
    shape: Mapping[str, int] | None


@dataclass(frozen=True)
class Pointer:
    """A prepared model.

    Attributes:
        name: hub name or folder, for people.
        revision: the hub commit, or None.
        folder: where weights and tokenizer are; "." for a model converted beside its pointer file.
        fingerprint: digest of config, weights and tokenizer; equal fingerprints, equal models.
        shape: its grid of heads and longest prompt.
        size: what its memory follows from, where its config says so.
    """

    name: str
    revision: str | None
    folder: str
    fingerprint: str
    shape: ModelShape
    size: ModelSize | None = None

    @classmethod
    def read(cls, path: str | Path) -> Pointer:
        """From a pointer file; a relative folder is meant from where the file is."""
        content = read_json(path)
        folder = (Path(path).parent / content["folder"]).resolve()
        shape, size = ModelShape(**content["shape"]), content.get("size")
        return cls(**{**content, "folder": str(folder), "shape": shape, "size": ModelSize(**size) if size else None})

    def to_json(self) -> dict[str, Any]:
        """The pointer file's content."""
        return asdict(self)


def model_name(source: str) -> str:
    """The name that people know a model by."""
    return SMOLLM2.name if source == EMBEDDED else source


def prepare(source: str, revision: str | None, home: Path, grid: Grid = None, name: str | None = None) -> Pointer:
    """Fetches or converts a model if need be, and describes it.

    Args:
        source: `embedded`, a local folder or a hub name.
        revision: commit, tag or branch on the hub.
        home: `results/models/{model}`; the embedded model is converted into it.
        grid: layers and heads as the study declares them, or None.
        name: what people call a local folder's model; the folder itself without one.

    Raises:
        StudyError: the model is missing, gated or incomplete, or the network is, or it has another grid than
            declared; says what to do.
    """
    if source == EMBEDDED:
        convert_embedded(home)
        pointer = replace(_describe(model_name(source), None, home), folder=".")
    elif is_folder(source):
        pointer = _describe(name or source, None, local_folder(source))
    else:
        folder = hub_snapshot(source, revision)
        pointer = _describe(source, folder.name, folder)
    refuse(grid_problems(f"model '{source}'", "shape", grid, pointer.shape))
    return pointer


def _describe(name: str, revision: str | None, folder: Path) -> Pointer:
    config = folder / "config.json"
    size = ModelSize.of(text_part(read_config(config)), count_parameters(folder))
    return Pointer(name, revision, str(folder), _fingerprint(folder), read_shape(config), size)


def _fingerprint(folder: Path) -> str:
    return sha256_text(canonical_json([[path.name, sha256_file(path)] for path in files_of_model(folder)]))
