"""The embedded model is converted once, and again when a file of it is gone."""

import pytest

from head_ablation.models import embedded
from head_ablation.models.folder import FOLDER_PARTS, SINGLE, WEIGHTS, missing_from_folder

FILES = [SINGLE if part == WEIGHTS else part for part in FOLDER_PARTS]


@pytest.fixture
def conversions(monkeypatch):
    """The folders that were converted into; the package is not downloaded, and files with a word in them are made."""
    made = []

    def convert(_gguf, folder):
        folder.mkdir()
        for name in FILES:
            (folder / name).write_text("converted")
        made.append(folder)

    monkeypatch.setattr(embedded, "_download_embedded", lambda scratch: scratch)
    monkeypatch.setattr(embedded, "_convert_gguf", convert)
    return made


def test_a_model_that_is_whole_is_not_converted_again(tmp_path, conversions):
    embedded.convert_embedded(tmp_path)
    embedded.convert_embedded(tmp_path)
    assert len(conversions) == 1


@pytest.mark.parametrize("lost", FILES)
def test_a_model_that_lost_a_file_is_repaired(tmp_path, conversions, lost):
    embedded.convert_embedded(tmp_path)
    (tmp_path / lost).unlink()
    embedded.convert_embedded(tmp_path)
    assert missing_from_folder(tmp_path) == []
    assert len(conversions) == 2


def test_a_model_that_was_changed_is_converted_anew(tmp_path, conversions):
    embedded.convert_embedded(tmp_path)
    (tmp_path / SINGLE).write_text("edited")
    embedded.convert_embedded(tmp_path, anew=True)
    assert (tmp_path / SINGLE).read_text() == "converted"
    assert len(conversions) == 2
