"""A tokenizer_config.json of another form is refused by field."""

import pytest

from head_ablation.common.problems import StudyError
from head_ablation.prompts.tokenizer_config import NAME, read_tokenizer_config, tokenizer_config_problems


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ("[]", "file"),
        ("5", "file"),
        ('{"bos_token": ["<s>"]}', "bos_token"),
        ('{"eos_token": {"content": 5}}', "eos_token"),
        ('{"unk_token": {}}', "unk_token"),
        ('{"chat_template": 5}', "chat_template"),
        ('{"chat_template": [{"name": ["a"], "template": "x"}]}', "chat_template"),
        ('{"bos_token": ' + "9" * 5000 + "}", "file"),
        ('{"bos_token": ' + "[" * 99_999, "file"),
        ('{"bos_token"', "file"),
    ],
)
def test_another_form_is_refused(tmp_path, content, field):
    (tmp_path / NAME).write_text(content)
    (problem,) = tokenizer_config_problems(tmp_path)
    assert (problem.file, problem.field) == (tmp_path / NAME, field)
    with pytest.raises(StudyError, match=field):
        read_tokenizer_config(tmp_path)


@pytest.mark.parametrize(
    "content",
    ['{"bos_token": "<s>"}', '{"bos_token": {"content": "<s>"}, "eos_token": null}', '{"chat_template": null}', "{}"],
)
def test_the_forms_that_transformers_writes_pass(tmp_path, content):
    (tmp_path / NAME).write_text(content)
    assert tokenizer_config_problems(tmp_path) == []


def test_no_file_is_no_token(tmp_path):
    assert read_tokenizer_config(tmp_path) == {}
