"""What many filings come to is remembered by their content, and found out again when any of it changes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from good_inputs import write_inputs

from head_ablation.common.files import read_json, sha256_text, write_json
from head_ablation.study.checks import checked_study
from head_ablation.study.loading import load_study
from head_ablation.study.paths import Paths
from head_ablation.study.planned_samples import MANY_BYTES, sample_facts, sample_text
from head_ablation.study.planning import Plan


@pytest.fixture
def config(tmp_path):
    return write_inputs(tmp_path)


@pytest.fixture
def study(tmp_path, config):
    return load_study(config, "config.yaml", Paths(results=str(tmp_path / "results")))


def lengthen(study):
    """Makes the texts so long that what comes of them is remembered."""
    path = Path(study.paths.find(study.config["filings"]["section_1"]))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    more = " More of it." * (MANY_BYTES // len(rows) // 12 + 1)
    path.write_text("".join(json.dumps(row | {"section_1": row["section_1"] + more}) + "\n" for row in rows))
    return path


def memories(study):
    return sorted(Path(study.paths.results, "store", "planned").glob("*.json"))


def test_facts_are_those_of_the_samples_files(study):
    facts = sample_facts(study)["inc_year"]["test"]
    text = Plan(study).samples("inc_year", "test")
    assert facts.sha256 == sha256_text(text)
    assert facts.count == text.count("\n") == Plan(study).count("inc_year", "test") > 0
    assert facts.shortest_words == min(len(json.loads(line)["passage"].split()) for line in text.splitlines())


def test_few_filings_leave_nothing_behind(study):
    sample_facts(study)
    assert memories(study) == []


def test_many_filings_are_remembered_and_a_change_is_noticed(study):
    path = lengthen(study)
    before = sample_facts(study)
    (memory,) = memories(study)
    content = read_json(memory)
    content["inc_year"]["test"]["count"] = 7
    write_json(memory, content)
    assert sample_facts(study)["inc_year"]["test"].count == 7  # it was not found out again
    path.write_text(path.read_text().replace("Ohio in 1905", "the State of Ohio in 1905"))
    after = sample_facts(study)
    assert after["inc_year"] != before["inc_year"]
    assert after["inc_year"]["test"].count == before["inc_year"]["test"].count
    assert len(memories(study)) == 2


def test_other_settings_are_not_remembered_ones(study):
    lengthen(study)
    before = sample_facts(study)["inc_year"]["test"].sha256
    other = replace(study, config={**study.config, "seed": 43})
    assert sample_facts(other)["inc_year"]["test"].sha256 != before


@pytest.mark.parametrize("damage", ["", "[]", '{"inc_year": 5}', '{"inc_year": {"test": {"sha": 1}}}'])
def test_a_damaged_memory_is_found_out_again(study, damage):
    lengthen(study)
    known = sample_facts(study)
    memories(study)[0].write_text(damage)
    assert sample_facts(study) == known


def test_a_samples_file_is_what_it_should_be_only_if_its_content_is(study):
    facts = sample_facts(study)
    text = sample_text(study, facts, "inc_year", "test")
    file = Path(study.folder, "samples", "inc_year.test.jsonl")
    file.parent.mkdir(parents=True)
    file.write_text(text.replace("Ohio", "Utah"))
    assert sample_text(study, facts, "inc_year", "test") == text
    file.write_text(text)
    assert sample_text(study, facts, "inc_year", "test") == text


def test_filings_without_any_text_are_refused(tmp_path, config):
    path = tmp_path / "filings.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(row | {"section_1": None}) + "\n" for row in rows))
    config["filings"]["absent"] = "leave_out"
    with pytest.raises(Exception, match="no test sample"):
        checked_study(config, "config.yaml")
