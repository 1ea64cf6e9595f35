"""The schemas accept what the study makes and what the published study made, and refuse what is broken."""

import copy
import json

import pytest
import yaml
from jsonschema import Draft202012Validator
from project import PROJECT
from published_study import RANKINGS, RESULTS, load, needs_published_study
from scored_result import IDENTITY, scored
from tiny_jobs import tiny_job
from typed import arms

from head_ablation.common.experiment import Experiment
from head_ablation.common.files import read_json
from head_ablation.detectors.copy_score import COPY_SCORE
from head_ablation.detectors.ranking import rank_heads
from head_ablation.detectors.scores import UnitScores
from head_ablation.heads.condition import Condition
from head_ablation.heads.head import Head, HeadSet, ModelShape
from head_ablation.heads.head_sets import choose_head_sets, head_set_text
from head_ablation.jobs.sweep import make_level
from head_ablation.study.given_files import result_identity
from head_ablation.study.loading import load_study

NAMES = ("config", "ranking", "head_set", "generation", "ablation_result")


def schema(name):
    return yaml.safe_load((PROJECT / "head_ablation" / "schemas" / f"{name}.schema.yaml").read_text(encoding="utf-8"))


def faults(name, content):
    return [error.message for error in Draft202012Validator(schema(name)).iter_errors(content)]


def detected_ranking():
    scores = UnitScores("1.txt", [0, 0, 1 / 2, 0], "1929")
    identity = {"method": "wu24", "model_key": "tiny", "question": "inc_year", "total_tokens": 96}
    return identity | {"head_rankings": rank_heads(COPY_SCORE, ModelShape(2, 2, 8).all_heads(), [scores])}


def head_sets():
    conditions = [Condition("top", 2), Condition("random", 2, 0)]
    arm = arms(draws=1, seed=0, sampler="permutation", exclude_top=2)
    sets = choose_head_sets(conditions, [Head(1, 0), Head(0, 1)], ModelShape(2, 3, 8), arm, "any")
    return [json.loads(head_set_text(*item)) for item in sets.items()]


@pytest.fixture(scope="module")
def made_generation(tmp_path_factory):
    """A generation file's content, made by the tiny model."""
    folder = tmp_path_factory.mktemp("generation")
    output = folder / "top-2.json"
    make_level(tiny_job(folder), HeadSet.parse(["L1H3", "L0H2"]), output, folder / "top-2.provenance.json", "none")
    return read_json(output)


def full_result():
    study = load_study(yaml.safe_load((PROJECT / "config.yaml").read_text(encoding="utf-8")), "config.yaml")
    identity = result_identity(study, "wu24", Experiment("smollm2", "inc_year", 384))
    return scored() | vars(identity)


@pytest.mark.parametrize("name", NAMES)
def test_each_schema_is_a_schema(name):
    Draft202012Validator.check_schema(schema(name))


def test_a_detected_ranking_is_valid():
    assert faults("ranking", detected_ranking()) == []


@pytest.mark.parametrize(
    ("name", "empty"),
    [
        ("ranking", {"head_rankings": []}),
        ("ablation_result", {"ablation_levels": [], "top_heads_ablations": [], "random_heads_ablations": []}),
    ],
)
def test_only_what_says_why_it_has_no_heads_may_have_none(name, empty):
    whole = {"ranking": detected_ranking, "ablation_result": full_result}[name]()
    assert faults(name, whole) == []
    assert faults(name, whole | empty) != []
    assert faults(name, whole | empty | {"unranked": "no prompt was answered correctly"}) == []


def test_head_set_files_are_valid():
    assert [faults("head_set", content) for content in head_sets()] == [[], []]


def test_a_made_generation_is_valid(made_generation):
    assert made_generation["heads"] == ["L0H2", "L1H3"]
    assert faults("generation", made_generation) == []


def test_a_scored_result_is_valid():
    assert faults("ablation_result", full_result()) == []


@needs_published_study
def test_the_published_files_are_valid():
    assert [faults("ranking", load(file)) for file in RANKINGS] == [[]] * 16
    assert [faults("ablation_result", load(file)) for file in RESULTS] == [[]] * 16


@needs_published_study
def test_a_full_result_has_every_published_key_but_the_time():
    ours = full_result()
    for file in RESULTS:
        assert set(load(file)) - set(ours) == {"timestamp"}  # times would make equal results differ in bytes


def put(path, value):
    """A change that sets the value at a path such as ("heads", 0)."""

    def change(content):
        *parents, last = path
        for parent in parents:
            content = content[parent]
        content[last] = value

    return change


def drop(*path):
    def change(content):
        *parents, last = path
        for parent in parents:
            content = content[parent]
        del content[last]

    return change


BROKEN = {
    "ranking": [
        drop("head_rankings"),
        put(["head_rankings"], []),
        put(["head_rankings", 0, "head"], "15-30"),
        put(["head_rankings", 0, "score"], "high"),
        drop("head_rankings", 0, "score"),
        put(["total_tokens"], "96"),
    ],
    "head_set": [
        drop("heads"),
        put(["heads"], []),
        put(["heads", 0], "L01H0"),
        put(["heads"], ["L0H0", "L0H0"]),
        put(["draw"], 0),
        put(["arm"], "random"),
        put(["score"], 1),
    ],
    "generation": [
        drop("prompts_sha256"),
        put(["prompts_sha256"], "abc"),
        put(["generations"], []),
        drop("generations", 0, "text"),
        put(["generations", 0, "token_ids"], ["1"]),
        drop("settings", "positions"),
        put(["seconds"], 3),
        put(["heads", 0], [0, 2]),
    ],
    "ablation_result": [
        drop("baseline"),
        drop("baseline", "total"),
        drop("question_prompt"),
        put(["method"], ""),
        put(["baseline", "accuracy"], 1.2),
        put(["top_heads_ablations", 0, "heads"], ["L3H1", "L0H7"]),
        drop("top_heads_ablations", 0, "accuracy_drop"),
        drop("top_heads_ablations", 0, "total"),
        drop("random_heads_ablations", 0, "draws", 0, "draw"),
        put(["baseline", "samples", 0, "correct"], "yes"),
        put(["random_heads_ablations"], "none"),
    ],
}


@pytest.mark.parametrize(("name", "place"), [(name, place) for name in BROKEN for place in range(len(BROKEN[name]))])
def test_broken_files_are_not_valid(made_generation, name, place):
    made = {
        "ranking": detected_ranking(),
        "head_set": head_sets()[0],
        "generation": made_generation,
        "ablation_result": full_result(),
    }
    content = copy.deepcopy(made[name])
    assert faults(name, content) == []
    BROKEN[name][place](content)
    assert faults(name, content)


def test_published_keys_that_we_take_from_the_config_are_there():
    assert set(IDENTITY) < set(full_result())
    assert full_result()["heads_source"] == "copy_score"
