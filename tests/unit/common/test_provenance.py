"""Provenance names the commit of this project's own checkout, or none."""

import subprocess

from head_ablation.common.provenance import git_commit

COMMIT = ("-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "--quiet", "--allow-empty", "--message=one")


def git(folder, *command):
    return subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def test_a_checkout_names_its_commit_and_whether_it_was_changed(tmp_path):
    git(tmp_path, "init", "--quiet")
    (tmp_path / "code.py").write_text("1")
    git(tmp_path, "add", "code.py")
    git(tmp_path, *COMMIT)
    head = git(tmp_path, "rev-parse", "HEAD")
    assert git_commit(tmp_path) == head
    git_commit.cache_clear()
    (tmp_path / "code.py").write_text("2")
    assert git_commit(tmp_path) == f"{head}-dirty"


def test_a_folder_inside_another_repository_names_no_commit(tmp_path):
    git(tmp_path, "init", "--quiet")
    git(tmp_path, *COMMIT)
    unpacked = tmp_path / "head-ablation"
    unpacked.mkdir()
    assert git_commit(unpacked) is None


def test_a_folder_in_no_repository_names_no_commit(tmp_path):
    assert git_commit(tmp_path) is None
