"""The fingerprint of a model: one digest of all files in its folder that decide what it says."""

from __future__ import annotations

from pathlib import Path

from head_ablation.common.digests import Digests
from head_ablation.common.files import canonical_json, sha256_text
from head_ablation.models.folder import files_of_model

MODELS = "models"  # results/models/{model}/model.json


def fingerprint(folder: Path, digests: Digests) -> str:
    """The fingerprint of a model's folder as it is now; equal names and contents, equal fingerprints.

    Args:
        folder: the model's.
        digests: remember those of its weights, which are read once per change.
    """
    files = files_of_model(folder)
    return sha256_text(canonical_json([[path.relative_to(folder).as_posix(), digests.of(path)] for path in files]))


def remembered_digests(pointer_file: Path) -> Digests:
    """The digests that the studies of one results folder remember together, in `results/store/digests`.

    Args:
        pointer_file: `results/models/{model}/model.json`; beside one of another place nothing is written.
    """
    home = pointer_file.parent
    return Digests(home.parents[1] / "store" / "digests" if home.parent.name == MODELS else None)


def project_of(home: Path) -> Path | None:
    """The folder that holds `results`, where links really lead; None if that is all of the file system, or unknown.

    Args:
        home: `results/models/{model}`.
    """
    place = home.resolve()
    if place.parent.name != MODELS or len(place.parents) < 4:
        return None
    return place.parents[2]
