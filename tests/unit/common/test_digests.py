"""A remembered digest is that of the file as it is now, whatever its time stamp says."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from head_ablation.common import digests as module
from head_ablation.common.digests import LARGE, Digests
from head_ablation.common.files import sha256_file


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is remembered at once."""
    monkeypatch.setattr(module, "SETTLED_NS", -(10**12))
    path = tmp_path / "large"
    path.write_bytes(b"a" * LARGE)
    return path


def memories(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))


def test_a_large_file_is_read_once(large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Digests(tmp_path / "memory").of(large)
    assert first == sha256_file(large)
    monkeypatch.setattr(module, "sha256_file", lambda _: pytest.fail("it was read again"))
    assert Digests(tmp_path / "memory").of(large) == first


def test_a_small_file_is_not_written_down(tmp_path: Path) -> None:
    (tmp_path / "small").write_text("a")
    assert Digests(tmp_path / "memory").of(tmp_path / "small") == sha256_file(tmp_path / "small")
    assert not memories(tmp_path / "memory")


def in_place(path: Path) -> None:
    path.write_bytes(b"b" * LARGE)


def moved_over(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"b" * LARGE)
    other.replace(path)


@pytest.mark.parametrize("change", [in_place, moved_over])
@pytest.mark.parametrize("process", ["same", "next"])
def test_a_change_is_seen_under_an_old_time_stamp(large: Path, tmp_path: Path, change, process: str) -> None:  # type: ignore[no-untyped-def]
    digests = Digests(tmp_path / "memory")
    first, stamp = digests.of(large), large.stat()
    change(large)
    os.utime(large, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    now = digests if process == "same" else Digests(tmp_path / "memory")
    assert now.of(large) == sha256_file(large) != first


def test_a_young_file_is_not_remembered(tmp_path: Path) -> None:
    (tmp_path / "young").write_bytes(b"a" * LARGE)
    Digests(tmp_path / "memory").of(tmp_path / "young")
    assert not memories(tmp_path / "memory")


@pytest.mark.parametrize("content", ["{", "[]", '{"stamp": 1}', json.dumps({"sha256": "0" * 64, "stamp": [1, 2, 3]})])
def test_a_damaged_memory_is_no_guide(large: Path, tmp_path: Path, content: str) -> None:
    Digests(tmp_path / "memory").of(large)
    (memory,) = memories(tmp_path / "memory")
    memory.write_text(content)
    assert Digests(tmp_path / "memory").of(large) == sha256_file(large)


def test_a_memory_that_cannot_be_written_changes_nothing(large: Path, tmp_path: Path) -> None:
    (tmp_path / "memory").write_text("a file")
    assert Digests(tmp_path / "memory").of(large) == sha256_file(large)
