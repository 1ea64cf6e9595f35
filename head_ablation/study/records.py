"""Refusing results of which nobody knows any more what made them."""

from __future__ import annotations

from pathlib import Path

from head_ablation.common.problems import StudyError
from head_ablation.study.loading import read_resolved
from head_ablation.study.study import Study


def refuse_unrecorded_change(study: Study, records: Path) -> None:
    """Raises StudyError if results were made by another config and nothing records which of them that concerns.

    Args:
        study: as it is now; its resolved config stands beside its results as it was.
        records: the folder of Snakemake's records of what made each file.
    """
    written = Path(study.folder) / "config.yaml"
    if not written.is_file() or (records.is_dir() and any(records.iterdir())):
        return
    if read_resolved(written).config != study.config:
        raise StudyError(
            f"the results in {written.parent} were made by another config, and {records}, which records what made them,"
            f" is gone. Remove {written.parent} and run again; what the store holds is not computed again"
        )
