"""Where JSON is expected, a file of another format is called by its name."""

import gzip
import io
import pickle
import re

import numpy as np
import pytest
import yaml

from head_ablation.common.files import read_json, write_json
from head_ablation.common.problems import StudyError


def npy():
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((30, 9)))
    return buffer.getvalue()


def npz():
    buffer = io.BytesIO()
    np.savez(buffer, scores=np.zeros((30, 9)))
    return buffer.getvalue()


CASES = {
    "YAML": yaml.safe_dump({"model": "llama", "heads": ["15-30", "8-1"]}).encode(),
    "a NumPy array (.npy)": npy(),
    "a ZIP archive": npz(),
    "CSV": b"layer,head,score\n15,30,0.9\n8,1,0.5\n",
    "JSON Lines": b'{"head": "L15H30", "score": 0.9}\n{"head": "L8H1", "score": 0.5}\n',
    "an empty file": b" \n",
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    "HTML": b"<!DOCTYPE html><title>404</title>",
    "gzip": gzip.compress(b"{}"),
    "a pickle": pickle.dumps({"L15H30": 0.9}),
    "broken JSON": b'{"head_rankings": [{"head": "L15',
}


@pytest.mark.parametrize("name", CASES)
def test_the_format_that_is_seen_is_named(tmp_path, name):
    file = tmp_path / "ranking.json"
    file.write_bytes(CASES[name])
    with pytest.raises(StudyError) as refused:
        read_json(file)
    assert str(refused.value).startswith(f"- {file}: file: found {name}")
    assert re.search("expected (whole JSON|a JSON file, in UTF-8)", str(refused.value))
    assert ("broken JSON" in str(refused.value)) == (name == "broken JSON")


def test_json_is_read_whatever_it_holds(tmp_path):
    for content in ([], {}, 1, "a,b\nc,d", {"a": ["<", "-"]}):
        write_json(tmp_path / "some.json", content)
        assert read_json(tmp_path / "some.json") == content
