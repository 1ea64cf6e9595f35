"""A config survives being written as lines, and one edit changes the lines of its values alone."""

import copy

import pytest
import yaml
from project import PROJECT

from head_ablation.study.config_lines import config_lines, config_of
from head_ablation.study.config_schema import with_defaults

DEMO = with_defaults(yaml.safe_load((PROJECT / "config.yaml").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "config",
    [
        DEMO,
        {"a.b": {"c: d": 1, 'e"f': {}}, "g": []},
        {"text": "several\nlines: of # text", "none": None},
        {"ä-ö": {"1": 1}},
    ],
)
def test_a_config_is_what_its_lines_say(config):
    assert config_of(config_lines(config)) == config
    assert list(config_of(config_lines(config))) == list(config)  # in its order


def test_one_edit_is_one_line():
    edited = copy.deepcopy(DEMO)
    edited["levels"] = [5]
    edited["models"]["smollm2"]["dtype"] = "bfloat16"
    assert sorted({*config_lines(edited)} - {*config_lines(DEMO)}) == [
        "levels: [5]",
        'models.smollm2.dtype: "bfloat16"',
    ]


def test_what_is_no_line_is_refused():
    with pytest.raises(ValueError, match="no line of a config"):
        config_of(["levels"])
