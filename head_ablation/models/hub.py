"""Models of the hub: snapshots, single files, and what its errors mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from head_ablation.common.files import is_folder
from head_ablation.common.problems import DISK_ERRORS, StudyError
from head_ablation.models.folder import CODE, INDEX, SINGLE, SMALL_PATTERNS, indexed_files, local_folder


def folder_here(source: str, revision: str | None) -> Path | None:
    """The folder of a model that is here already: its own, or in the hub cache."""
    if is_folder(source):
        return Path(source).expanduser()
    from huggingface_hub import errors, try_to_load_from_cache

    try:
        cached = try_to_load_from_cache(source, "config.json", revision=revision)
    except errors.HFValidationError as error:
        raise StudyError(f"'{source}' is neither a folder nor a hub name ({error})") from None
    return Path(cached).parent if isinstance(cached, str) else None


def hub_snapshot(name: str, revision: str | None) -> Path:
    """The local snapshot of a hub revision, downloaded if it is not cached: only the weights that are loaded."""
    from huggingface_hub import snapshot_download

    with _hub_errors_explained(name, revision):
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=[*SMALL_PATTERNS, CODE, INDEX]))
        weights = indexed_files(folder / INDEX) if (folder / INDEX).is_file() else [SINGLE]
        snapshot_download(name, revision=folder.name, allow_patterns=weights)
    return local_folder(str(folder))


def hub_config(name: str, revision: str | None) -> Path:
    """A hub model's config.json alone, downloaded."""
    from huggingface_hub import hf_hub_download

    with _hub_errors_explained(name, revision):
        return Path(hf_hub_download(name, "config.json", revision=revision))


@contextmanager
def _hub_errors_explained(name: str, revision: str | None) -> Iterator[None]:
    from huggingface_hub import errors

    asked = f"model '{name}' (revision {revision or 'main'})"
    try:
        yield
    except errors.GatedRepoError:
        raise StudyError(f"{asked} is gated: accept its licence on the hub and set HF_TOKEN") from None
    except errors.RevisionNotFoundError:
        raise StudyError(f"{asked}: the hub has no such revision") from None
    except errors.RepositoryNotFoundError:
        raise StudyError(
            f"{asked}: neither a folder here nor a repository on the hub (a private one needs HF_TOKEN)"
        ) from None
    except errors.HFValidationError as error:
        raise StudyError(f"{asked}: neither a folder nor a hub name ({error})") from None
    except (
        errors.LocalEntryNotFoundError,
        errors.OfflineModeIsEnabled,
        errors.HfHubHTTPError,
        OSError,
    ) as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise
        raise StudyError(
            f"{asked} is not in the hub cache and the hub cannot be reached ({type(error).__name__}); fetch it on"
            " a machine with a network, or give a local folder as `source`"
        ) from None
