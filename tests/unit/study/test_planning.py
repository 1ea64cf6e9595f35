"""What a study decides before any job runs is what its jobs write: head sets of given rankings, samples."""

import copy
import csv
import subprocess
import sys
from dataclasses import asdict

import pytest
import yaml
from project import PROJECT

from head_ablation.common.experiment import Experiment
from head_ablation.common.files import write_json, write_jsonl
from head_ablation.common.settings import to_text
from head_ablation.models.embedded import SMOLLM2
from head_ablation.study.given_files import ranking_file
from head_ablation.study.loading import load_study
from head_ablation.study.planning import Plan
from head_ablation.study.settings import filings_files, head_set_settings, sample_settings

EXPERIMENT = Experiment("smollm2", "inc_year", 384)
COLUMNS = {"inc_year": "original_Inc_year_truth", "inc_state": "original_Inc_state_truth"}
LEVELS = [5, 10]
ARMS = [("top", ""), ("random", "-0"), ("random", "-1")]  # of two draws


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch):
    """Where a study's relative paths are meant from."""
    monkeypatch.chdir(PROJECT)


def some_rankings(folder, exchanged=None):
    """A ranking of 60 heads for each question; with the heads at two ranks (from 1) exchanged, if so asked."""
    heads = [f"L{n % 30}H{n // 30}" for n in range(60)]
    if exchanged:
        one, other = (rank - 1 for rank in exchanged)
        heads[one], heads[other] = heads[other], heads[one]
    for question in COLUMNS:
        rows = [{"head": head, "score": 1 - n / 100} for n, head in enumerate(heads)]
        write_json(folder / "rankings" / f"{question}.json", {"head_rankings": rows})


def some_filings(folder, more=()):
    """A table of 30 companies, more if so asked, and a text for each of them."""
    with (PROJECT / "resources" / "companies.csv").open(encoding="utf-8", newline="") as file:
        rows = [*list(csv.DictReader(file))[:30], *more]
    with (folder / "truth.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    texts = [
        {**{key: row[key] for key in ("filename", "cik", "year")}, "section_1": " in ".join(row.values())}
        for row in rows
    ]
    write_jsonl(folder / "texts.jsonl", texts)


@pytest.fixture
def config(tmp_path):
    """The demo study with given rankings beside a detected one."""
    some_rankings(tmp_path)
    some_filings(tmp_path)
    content = yaml.safe_load((PROJECT / "config.yaml").read_text(encoding="utf-8"))
    content["rankings"] = {"given": f"{tmp_path}/rankings/{{question}}.json", "found": {"detector": "copy_score"}}
    content["levels"] = LEVELS
    content["arms"]["random"]["draws"] = 2
    content["filings"]["ground_truth"] = str(tmp_path / "truth.csv")
    return content


def plan(config):
    return Plan(load_study(copy.deepcopy(config), "config.yaml"))


def head_set_texts(config, method="given", experiment=EXPERIMENT):
    made = plan(config)
    return {str(c): made.head_set(method, experiment, str(c)) for c in made.study.conditions()}


def sample_texts(config):
    made = plan(config)
    return {(question, split): made.samples(question, split) for question in COLUMNS for split in ("train", "test")}


def run(script, *arguments):
    command = [sys.executable, f"scripts/{script}", *map(str, arguments)]
    environment = {"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"}
    subprocess.run(command, check=True, env=environment, capture_output=True, timeout=60)


def write_head_sets_of(study, folder):
    """Runs the job that writes the head sets; returns the folder that they are in."""
    write_json(folder / "shape.json", asdict(SMOLLM2.shape))
    output = folder / "heads" / "index.json"
    run(
        "choose_heads.py",
        *("--ranking", ranking_file(study, "given", EXPERIMENT)),
        *("--shape", folder / "shape.json", "--detected-on"),
        *("--settings", to_text(head_set_settings(study, EXPERIMENT)), "--output", output),
    )
    return output.parent


def test_planned_head_sets_are_those_that_the_job_writes(config, tmp_path):
    planned = head_set_texts(config)
    written = write_head_sets_of(plan(config).study, tmp_path)
    assert len(planned) == len(LEVELS) * len(ARMS)
    for condition, text in planned.items():
        assert (written / f"{condition}.json").read_text(encoding="utf-8") == text
    some_rankings(tmp_path, exchanged=(5, 60))  # negative control: of another ranking they are not
    assert head_set_texts(config)["top-5"] != (written / "top-5.json").read_text(encoding="utf-8")


def test_a_ranking_still_to_be_detected_plans_no_head_sets(config):
    assert set(head_set_texts(config, method="found").values()) == {None}
    assert None not in head_set_texts(config, method="given").values()


def test_a_model_that_is_not_fetched_yet_plans_no_head_sets(config, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "empty"))
    config["models"]["far"] = {"source": "nobody/not-fetched"}
    far = EXPERIMENT._replace(model="far")
    assert set(head_set_texts(config, experiment=far).values()) == {None}


def test_head_sets_of_experiments_differ_in_their_random_draws_only(config):
    one, other = (head_set_texts(config, experiment=EXPERIMENT._replace(tokens=tokens)) for tokens in (384, 512))
    assert {condition for condition, text in one.items() if text != other[condition]} == {
        condition for condition in one if condition.startswith("random")
    }


@pytest.mark.parametrize(
    ("exchanged", "changed"),
    [((1, 2), set()), ((11, 12), set()), ((6, 20), {"top-10"}), ((5, 60), {"top-5", "top-10"}), ((1, 5), set())],
)
def test_a_change_of_the_ranking_changes_only_the_levels_it_reaches(config, tmp_path, exchanged, changed):
    before = head_set_texts(config)
    some_rankings(tmp_path, exchanged)
    after = head_set_texts(config)
    assert {c for c in before if c.startswith("top") and before[c] != after[c]} == changed


def test_one_more_level_leaves_the_others_as_they_were(config):
    before = head_set_texts(config)
    config["levels"] = [1, *LEVELS, 20]
    after = head_set_texts(config)
    assert set(after) - set(before) == {f"{arm}-{n}{draw}" for n in (1, 20) for arm, draw in ARMS}
    assert {condition: after[condition] for condition in before} == before


@pytest.mark.parametrize("texts", ["generated", "given"])
def test_planned_samples_are_those_that_the_job_writes(config, tmp_path, texts):
    config["filings"]["section_1"] = "generated" if texts == "generated" else str(tmp_path / "texts.jsonl")
    made, written = plan(config), tmp_path / "samples"
    files = filings_files(made.study)
    given = ("--texts", files.texts) if files.texts else ()
    for question in made.study.questions:
        run(
            "make_samples.py",
            *("--settings", to_text(sample_settings(made.study, question))),
            *("--ground-truth", files.ground_truth, *given),
            *(part for split in ("train", "test") for part in (f"--{split}", written / f"{question}.{split}.jsonl")),
            *("--output", written / f"{question}.index.json"),
        )
    planned = sample_texts(config)
    for (question, split), text in planned.items():
        assert text.count("\n") > 1
        assert (written / f"{question}.{split}.jsonl").read_text(encoding="utf-8") == text
    assert len(set(planned.values())) == 4  # negative control: each file is of its own question and split
    config["seed"] = 43
    assert sample_texts(config)["inc_year", "test"] != planned["inc_year", "test"]


def company(**known):
    """One more row of the ground truth, of which only these facts are known."""
    with (PROJECT / "resources" / "companies.csv").open(encoding="utf-8", newline="") as file:
        columns = csv.DictReader(file).fieldnames
    return {**dict.fromkeys(columns, "NULL"), "filename": "7_1993.txt", "cik": "7", "year": "1993", **known}


@pytest.mark.parametrize("texts", ["generated", "given"])
@pytest.mark.parametrize("question", COLUMNS)
def test_a_company_with_one_known_fact_changes_that_questions_samples_only(config, tmp_path, texts, question):
    config["filings"]["section_1"] = "generated" if texts == "generated" else str(tmp_path / "texts.jsonl")
    before = sample_texts(config)
    some_filings(tmp_path, [company(**{COLUMNS[question]: {"inc_year": "1929", "inc_state": "Ohio"}[question]})])
    after = sample_texts(config)
    ((changed, split),) = [place for place in before if before[place] != after[place]]
    assert changed == question
    assert set(after[changed, split].splitlines()) > set(before[changed, split].splitlines())


def test_in_the_published_split_that_company_moves_others(config, tmp_path):
    config["filings"]["split"] = "study"
    before = sample_texts(config)
    some_filings(tmp_path, [company(**{COLUMNS["inc_year"]: "1929"})])
    after = sample_texts(config)
    assert before["inc_state", "test"] != after["inc_state", "test"]  # negative control: it is the split by hash


def test_a_study_read_again_plans_anew(config, tmp_path):
    before = plan(config)
    first = before.head_set("given", EXPERIMENT, "top-5")
    some_rankings(tmp_path, exchanged=(5, 60))
    assert before.head_set("given", EXPERIMENT, "top-5") == first  # one run of Snakemake has one plan
    assert plan(config).head_set("given", EXPERIMENT, "top-5") != first
