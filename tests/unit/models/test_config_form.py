"""A model's config.json whose fields are of another form is refused by field, with what was found and expected."""

from pathlib import Path

import pytest

from head_ablation.models.config_form import form_problems

FILE = Path("model/config.json")
LLAMA = {
    "model_type": "llama",
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "rope_scaling": {"rope_type": "llama3", "original_max_position_embeddings": 32},
    "rope_parameters": {"full_attention": {"rope_type": "default"}},
    "layer_types": ["full_attention", "full_attention"],
    "text_config": None,
}


def test_a_config_of_the_right_form_passes():
    assert list(form_problems(FILE, LLAMA)) == []
    assert list(form_problems(FILE, {"text_config": LLAMA})) == []
    assert list(form_problems(FILE, {})) == []


@pytest.mark.parametrize("config", [[], [1], 7, "llama", None, True])
def test_what_is_no_object_is_refused(config):
    (problem,) = form_problems(FILE, config)
    assert (problem.field, problem.expected) == ("file", "an object")


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("num_hidden_layers", "2", "a whole number"),
        ("num_attention_heads", [4, 4], "a whole number"),
        ("num_attention_heads", 4.0, "a whole number"),
        ("num_attention_heads", True, "a whole number"),
        ("num_attention_heads", -4, "a whole number"),
        ("num_attention_heads", 10**400, "a whole number"),
        ("max_position_embeddings", {}, "a whole number"),
        ("model_type", ["llama"], "a text"),
        ("layer_types", 5, "a list of texts"),
        ("layer_types", [None], "a list of texts"),
        ("text_config", 1, "an object"),
        ("rope_scaling", "linear", "an object"),
    ],
)
def test_fields_of_another_form_are_refused(field, value, wanted):
    (problem,) = form_problems(FILE, LLAMA | {field: value})
    assert (problem.file, problem.field, problem.expected) == (FILE, field, f"{wanted}, or null")
    (inside,) = form_problems(FILE, {"text_config": LLAMA | {field: value}})
    assert inside.field == f"text_config.{field}"


def test_rotary_factors_of_another_form_are_refused():
    wrong = {"rope_type": 3, "original_max_position_embeddings": "32"}
    fields = [problem.field for problem in form_problems(FILE, {"rope_scaling": wrong})]
    assert fields == ["rope_scaling.rope_type", "rope_scaling.original_max_position_embeddings"]
    (problem, _) = form_problems(FILE, {"rope_parameters": {"full_attention": wrong}})
    assert problem.field == "rope_parameters.full_attention.rope_type"
