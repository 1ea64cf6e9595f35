"""Rankings are refused for each way in which they can be wrong, all at once, and otherwise kept as they are."""

import json
import math

import pytest
from published_study import RANKINGS, experiment_of, load, needs_published_study

from head_ablation.common.problems import StudyError
from head_ablation.heads.head import Head, ModelShape
from head_ablation.heads.rankings import Expectation, ranked_heads, ranking_problems, read_ranking

LLAMA = ModelShape(layers=32, heads=32, positions=8192)
EXPECTED = Expectation(("instruct", "llama3_instruct"), "org/instruct", "inc_year", 2048, heads_needed=3, shape=LLAMA)


def entries(*names, start=0.9):
    return [{"head": name, "score": start - place / 10, "rank": place + 1} for place, name in enumerate(names)]


def ranking(*names, **other):
    content = {"model_key": "instruct", "question": "inc_year", "total_tokens": 2048}
    return content | {"head_rankings": entries(*(names or ("L15H30", "L0H0", "L31H31")))} | other


def found(content, expected=EXPECTED):
    return [str(problem) for problem in ranking_problems("wu24.json", content, expected)]


def with_entry(index, **changes):
    content = ranking()
    content["head_rankings"][index] |= changes
    return content


def without(index, key):
    content = ranking()
    del content["head_rankings"][index][key]
    return content


def test_a_good_ranking_has_no_problem():
    assert found(ranking()) == []
    assert ranked_heads(ranking()) == [Head(15, 30), Head(0, 0), Head(31, 31)]


def test_optional_keys_may_be_absent():
    bare = {"head_rankings": [{"head": e["head"], "score": e["score"]} for e in entries("L0H0", "L0H1", "L0H2")]}
    assert found(bare) == []


def test_equal_scores_and_negative_scores_are_in_order():
    content = ranking()
    for entry, score in zip(content["head_rankings"], (0, 0.0, -3), strict=True):
        entry["score"] = score
    assert found(content) == []


@pytest.mark.parametrize(
    ("content", "field", "found_text", "expected_text"),
    [
        (with_entry(1, head="15-30"), "head_rankings[1].head", "'15-30'", "like L15H30"),
        (with_entry(1, head=[15, 30]), "head_rankings[1].head", "[15, 30]", "like L15H30"),
        (without(1, "head"), "head_rankings[1].head", "None", "like L15H30"),
        (with_entry(2, head="L32H5"), "head_rankings[2].head", "L32H5", "32 layers x 32 heads"),
        (with_entry(2, head="L5H32"), "head_rankings[2].head", "L5H32", "32 layers x 32 heads"),
        (with_entry(2, head="L15H30"), "head_rankings[2].head", "L15H30, already at [0]", "each head once"),
        (with_entry(2, score=0.85), "head_rankings[2].score", "0.85 after 0.8", "descending order"),
        (with_entry(0, score=math.nan), "head_rankings[0].score", "nan", "a finite number"),
        (with_entry(0, score=math.inf), "head_rankings[0].score", "inf", "a finite number"),
        (with_entry(0, score="0.9"), "head_rankings[0].score", "'0.9'", "a finite number"),
        (with_entry(0, score=True), "head_rankings[0].score", "True", "a finite number"),
        (without(0, "score"), "head_rankings[0].score", "None", "a finite number"),
        (with_entry(1, rank=1), "head_rankings[1].rank", "found 1", "2, its place in the list"),
        (ranking("L0H0", "L0H1"), "head_rankings", "2 heads", "at least 3, the highest level"),
        (ranking(question="inc_state"), "question", "'inc_state'", "'inc_year', as its path says"),
        (ranking(total_tokens=4096), "total_tokens", "4096", "2048, as its path says"),
        (ranking(total_tokens="2048"), "total_tokens", "'2048'", "2048, as its path says"),
        (ranking(model_key="base"), "model_key", "'base'", "'instruct' or 'llama3_instruct'"),
        (ranking(head_rankings=None), "head_rankings", "nothing", "a list"),
        (ranking(head_rankings={"L0H0": 1}), "head_rankings", "no list", "a list"),
        (ranking(head_rankings=["L0H0", "L0H1", "L0H2"]), "head_rankings", "no list of objects", "a list"),
        ({"model_key": "instruct"}, "head_rankings", "nothing", "a list"),
        ([], "head_rankings", "nothing", "a list"),
        ("L0H0", "head_rankings", "nothing", "a list"),
        (None, "head_rankings", "nothing", "a list"),
    ],
)
def test_each_fault_is_one_problem_that_names_file_field_found_and_expected(content, field, found_text, expected_text):
    (message,) = found(content)
    assert message.startswith(f"wu24.json: {field}: found ")
    assert found_text in message
    assert expected_text in message.split("; expected ")[1]


def test_all_faults_are_reported_at_once():
    content = ranking("L0H0", "nonsense", "L0H0", "L40H0", question="hq_state", total_tokens=1, model_key="base")
    content["head_rankings"][1]["score"] = math.nan
    content["head_rankings"][2]["score"] = 2.0
    content["head_rankings"][3]["rank"] = 9
    fields = [problem.field for problem in ranking_problems("wu24.json", content, EXPECTED)]
    entry_fields = ["[1].head", "[2].head", "[3].head", "[1].score", "[2].score", "[3].rank"]
    of_entries = {f"head_rankings{field}" for field in entry_fields}
    assert set(fields) == {"model_key", "question", "total_tokens", *of_entries}
    assert len(fields) == 9


def test_heads_are_not_held_against_an_unknown_shape():
    unknown = Expectation(EXPECTED.models, "any", "inc_year", 2048, 3, shape=None)
    assert found(with_entry(2, head="L99H99"), unknown) == []


def test_unknown_keys_are_kept(tmp_path):
    content = ranking(timestamp="2026-02-04", top_50_heads=[["L15H30", 0.9]], note={"by": "hand"})
    content["head_rankings"][0]["num_samples"] = 121
    file = tmp_path / "ranking.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    assert read_ranking(file, EXPECTED) == content


def test_reading_a_wrong_ranking_raises_with_every_problem(tmp_path):
    file = tmp_path / "ranking.json"
    file.write_text(json.dumps(ranking("L32H5", "L0H0", question="hq_state")), encoding="utf-8")
    with pytest.raises(StudyError) as refusal:
        read_ranking(file, EXPECTED)
    assert len(refusal.value.problems) == 3
    assert str(refusal.value).count(str(file)) == 3


@pytest.mark.parametrize("cut", [1, 40, -2])
def test_a_truncated_file_is_refused_with_its_name(tmp_path, cut):
    file = tmp_path / "ranking.json"
    file.write_text(json.dumps(ranking())[:cut], encoding="utf-8")
    with pytest.raises(StudyError, match="broken JSON") as refusal:
        read_ranking(file, EXPECTED)
    assert str(file) in str(refusal.value)


def test_a_missing_file_is_refused_with_its_name(tmp_path):
    with pytest.raises(StudyError, match=r"none\.json: file: found nothing; expected a JSON file"):
        read_ranking(tmp_path / "none.json", EXPECTED)


@needs_published_study
def test_the_16_published_rankings_are_accepted():
    assert len(RANKINGS) == 16
    for file in RANKINGS:
        question, tokens = experiment_of(file)
        expected = Expectation(("instruct",), "org/instruct", question, tokens, heads_needed=50, shape=LLAMA)
        assert read_ranking(file, expected) == load(file)


@needs_published_study
def test_published_rankings_are_refused_for_another_experiment():
    for file in RANKINGS:
        question, tokens = experiment_of(file)
        wrong = Expectation(("base",), "org/base", f"not_{question}", tokens + 1, 1024, ModelShape(2, 32, 8192))
        fields = {problem.field.split("[")[0] for problem in ranking_problems(file, load(file), wrong)}
        assert fields == {"model_key", "question", "total_tokens", "head_rankings"}
