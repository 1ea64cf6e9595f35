"""Files are whole or absent, equal content has equal bytes, and broken files are refused by name and place."""

import hashlib
import json
import math
import os

import pytest

from head_ablation.common.files import (
    canonical_json,
    numbered_jsonl,
    read_json,
    read_jsonl,
    sha256_file,
    sha256_text,
    whole_file,
    write_json,
    write_jsonl,
    write_text,
)
from head_ablation.common.problems import StudyError


class InterruptionError(Exception):
    """Stands for whatever stops a job in the middle of writing."""


def write_half(path, error=InterruptionError):
    with whole_file(path) as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise error


def test_a_whole_file_appears_with_its_folders_and_nothing_beside_it(tmp_path):
    target = tmp_path / "new" / "folders" / "result.json"
    write_text(target, "content")
    assert target.read_text(encoding="utf-8") == "content"
    assert [path.name for path in target.parent.iterdir()] == ["result.json"]
    assert target.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [InterruptionError, KeyboardInterrupt, OSError])
def test_an_interrupted_file_leaves_nothing(tmp_path, error):
    with pytest.raises(error):
        write_half(tmp_path / "result.json", error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_file_has_the_permissions_that_the_umask_leaves(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        write_text(tmp_path / "a.txt", "a")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == mode


def test_an_interrupted_file_leaves_the_old_one_as_it_was(tmp_path):
    target = tmp_path / "result.json"
    write_text(target, "old")
    with pytest.raises(InterruptionError):
        write_half(target)
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]
    assert target.read_text(encoding="utf-8") == "old"


def test_the_old_file_is_readable_until_the_new_one_is_whole(tmp_path):
    target = tmp_path / "result.json"
    write_text(target, "old")
    with whole_file(target) as temporary:
        temporary.write_text("new", encoding="utf-8")
        assert target.read_text(encoding="utf-8") == "old"
    assert target.read_text(encoding="utf-8") == "new"


def test_content_that_cannot_be_json_leaves_the_old_file(tmp_path):
    target = tmp_path / "result.json"
    write_json(target, {"old": 1})
    for content in ({"score": math.nan}, {"head": object()}):
        with pytest.raises((ValueError, TypeError)):
            write_json(target, content)
    assert read_json(target) == {"old": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_equal_content_has_equal_bytes_whatever_its_order(tmp_path):
    one, other = {"b": [1, 2.5], "a": {"y": None, "x": "é"}}, {"a": {"x": "é", "y": None}, "b": [1, 2.5]}
    write_json(tmp_path / "one.json", one)
    write_json(tmp_path / "other.json", other)
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "other.json").read_bytes()
    assert canonical_json(one) == canonical_json(other) == '{"a":{"x":"é","y":null},"b":[1,2.5]}'
    assert canonical_json(one) != canonical_json({**one, "b": [2.5, 1]})


def test_json_lines_come_back_as_they_were(tmp_path):
    rows = [{"text": "two\nlines"}, {"text": "U+2028 \u2028, U+2029 \u2029, U+0085 \x85, form feed \x0c, \r"}, {}]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    assert read_jsonl(tmp_path / "rows.jsonl") == rows
    assert (tmp_path / "rows.jsonl").read_bytes().count(b"\n") == 3
    write_jsonl(tmp_path / "none.jsonl", [])
    assert read_jsonl(tmp_path / "none.jsonl") == []


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_line_endings_do_not_matter(tmp_path, ending):
    (tmp_path / "rows.jsonl").write_bytes(f'{{"a":1}}{ending or chr(10)}{{"a":2}}{ending}'.encode())
    assert read_jsonl(tmp_path / "rows.jsonl") == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("content", [b"", b'{"a": [1, 2', b'[{"a": 1, "a": 2}]', b"not json", b"\xff\xfe{}"])
def test_broken_json_is_refused_by_name(tmp_path, content):
    file = tmp_path / "broken.json"
    file.write_bytes(content)
    with pytest.raises(StudyError, match=r"(broken JSON|an empty file|no UTF-8).*; expected (whole|a) JSON") as refusal:
        read_json(file)
    assert str(file) in str(refusal.value)


@pytest.mark.parametrize("read", [read_json, read_jsonl])
def test_a_missing_file_is_refused_by_name(tmp_path, read):
    with pytest.raises(StudyError, match="file: found nothing; expected a JSON") as refusal:
        read(tmp_path / "missing")
    assert str(tmp_path / "missing") in str(refusal.value)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('{"a": ', "broken JSON"),
        ('{"a": {"b": 1, "b": 2}}', "broken JSON"),
        ("\n  \n{", "broken JSON"),
        ("[1]", r"\[1\]"),
        ("3", "3"),
    ],
)
def test_a_broken_line_is_refused_by_its_number(tmp_path, line, found):
    file = tmp_path / "rows.jsonl"
    file.write_text(f'{{"a": 1}}\n{line}\n{{"a": 3}}\n', encoding="utf-8")
    number = 2 + line.count("\n")  # blank lines are numbered too
    with pytest.raises(StudyError, match=rf"rows\.jsonl: line {number}: found {found}.*; expected a JSON object"):
        read_jsonl(file)


def test_blank_lines_and_a_byte_order_mark_do_not_matter(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"a":1}\n\n \t\r\n{"a":2}\n\n')
    assert read_jsonl(file) == [{"a": 1}, {"a": 2}]
    assert [number for number, _ in numbered_jsonl(file)] == [1, 4]
    file.write_bytes(b'\xef\xbb\xbf{"a":1}')
    assert read_json(file) == {"a": 1}


@pytest.mark.parametrize("half", [r"\ud83d", r"\uDE00", r"\ude00\ud83d"])
def test_half_a_character_is_refused_by_line_and_field(tmp_path, half):
    file = tmp_path / "rows.jsonl"
    file.write_text(f'{{"a": "\\ud83d\\ude00"}}\n\n{{"a": 1, "b": ["x{half}"]}}\n', encoding="utf-8")
    with pytest.raises(StudyError, match=r"rows\.jsonl: line 3, b: found half a character \(\\ud[0-9a-f]+ alone\)"):
        read_jsonl(file)
    file.write_text(f'{{"a": "{half}"}}', encoding="utf-8")
    with pytest.raises(StudyError, match=r"rows\.jsonl: file: found half a character"):
        read_json(file)
    file.write_text('{"a": "\\ud83d\\ude00"}', encoding="utf-8")  # negative control: both halves
    assert read_jsonl(file) == [read_json(file)] == [{"a": "\U0001f600"}]


def test_json_lines_in_another_encoding_are_refused(tmp_path):
    (tmp_path / "rows.jsonl").write_bytes('{"a": "café"}\n'.encode("latin-1"))
    with pytest.raises(StudyError, match="no UTF-8"):
        read_jsonl(tmp_path / "rows.jsonl")


def test_digests_are_sha_256(tmp_path):
    write_text(tmp_path / "text", "é")
    assert sha256_text("é") == sha256_file(tmp_path / "text") == hashlib.sha256("é".encode()).hexdigest()
    assert sha256_text(json.dumps("é")) != sha256_text("é")
