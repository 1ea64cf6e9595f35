"""A path that no file can have, and a template that means nothing, are refused as they stand in the config."""

import pytest

from head_ablation.study.path_values import impossible, template_problems


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "an empty text"),
        (" ", "an empty text"),
        ("a\0b", "with characters"),
        ("a\nb", "with characters"),
        ("\ud800", "with characters"),
        ("x" * 256, "too long"),
        ("é" * 128, "too long"),
        ("x/" * 2001, "too long"),
        ("~nosuchuser/x", "of a user that this machine does not have"),
    ],
)
def test_what_no_file_can_be_called_is_said(text, found):
    assert found in impossible(text)


@pytest.mark.parametrize(
    "text", ["a", "/", ".", "~", "~/x", "own/my texts (2).jsonl", "x" * 255, "Größe.csv", "org/name"]
)
def test_what_a_file_can_be_called_passes(text):
    assert impossible(text) is None


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("{tokens:.0}", "{tokens:.0}"),
        ("{tokens:x}", "{tokens:x}"),
        ("{tokens:99}", "{tokens:99}"),
        ("{question:>999999999}", "{question:>999999999}"),
        ("{question!r}", "{question!r}"),
        ("{tokens:{model}}", "{tokens:{model}}"),
        ("{modle}", "{modle}"),
        ("{model.x}", "{model.x}"),
        ("{}", "{}"),
        ("{0}", "{0}"),
        ("a{", "'a{'"),
    ],
)
def test_templates_without_a_meaning_are_refused(template, found):
    (problem, *_) = template_problems("config.yaml", "rankings.wu24", template)
    assert (problem.field, problem.found) == ("rankings.wu24", found)


@pytest.mark.parametrize(
    "template", ["a.json", "{model}/{question}/tokens_{tokens}.json", "{tokens:05}", "{tokens:06d}"]
)
def test_templates_of_known_fields_pass(template):
    assert list(template_problems("config.yaml", "rankings.wu24", template)) == []
    template.format(model="m", question="q", tokens=384)
