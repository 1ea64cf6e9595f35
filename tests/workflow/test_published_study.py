"""The published study's way through the workflow: its corpus, prompts, sampler and files, in and out."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from checkouts import copy_project, jobs_run
from tiny_study import COMPANIES, QUESTIONS, TinyStudy, write_tiny_study

from head_ablation.figures import FIGURES

pytestmark = pytest.mark.workflow
LEVELS = [10, 20]
ABSENT = "3_1993.txt"  # of the ground truth, but not of the corpus


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> TinyStudy:
    """The tiny study as the published one was made, run to its end: filings from a corpus, one of them absent."""
    study = write_tiny_study(copy_project(tmp_path_factory.mktemp("strict"), share_models=False))
    write_corpus(study)
    study.configure(as_published)
    study.checkout.snakemake()
    return study


def write_corpus(study: TinyStudy) -> None:
    """A folder laid out as EDGAR-CORPUS is on the hub, with a section that no one asks for."""
    rows = [json.loads(line) for line in study.path("filings.jsonl").read_text().splitlines()]
    rows = [{**row, "section_7": "Discussion."} for row in rows if row["filename"] != ABSENT]
    for split, part in {"train": rows[::2], "validation": rows[1::4], "test": rows[3::4]}.items():
        folder = study.path("corpus", "year_1993", split)
        folder.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(part), folder / "0000.parquet")
    study.path("filings.jsonl").unlink()


def as_published(config: dict[str, Any]) -> None:
    corpus = {"source": "own/corpus", "revision": None}
    config["filings"] |= {"section_1": "edgar-corpus", "corpus": corpus, "absent": "leave_out", "split": "published"}
    config |= {"prompt": "published", "arms": {"random": {"sampler": "published"}}}
    config["scoring"] = {"rule": "published", "count": "all"}
    config |= {"generation": {"stop": []}, "levels": LEVELS, "figures": ["heat_map"]}


def samples_of(study: TinyStudy) -> pd.DataFrame:
    return pd.read_parquet(study.checkout.results("tables", "samples.parquet"))


def test_filings_come_from_the_corpus_and_the_absent_one_is_left_out_by_name(study: TinyStudy) -> None:
    fetched = [json.loads(line) for line in study.checkout.results("filings.jsonl").read_text().splitlines()]
    assert len(fetched) == COMPANIES - 1
    assert set(fetched[0]) == {"filename", "cik", "year", "section_1"}
    for question in QUESTIONS:
        index = json.loads(study.checkout.results("samples", f"{question}.index.json").read_text())
        assert index["left_out"] == [ABSENT]
    assert f"left out: no '{ABSENT}'" in study.checkout.results("logs", "filings.log").read_text()
    assert ABSENT not in set(samples_of(study)["filename"])


def test_a_figure_of_rankings_alone_is_drawn_with_the_grid_of_the_model_that_ran(study: TinyStudy) -> None:
    drawn = {path.name for path in study.checkout.results("figures").iterdir() if path.is_file()}
    assert drawn == {"heat_map.svg", "heat_map.png", "heat_map.pdf"}
    svg = study.checkout.results("figures", "heat_map.svg").read_text()
    said = " ".join(re.findall("<!-- (.*?) -->", svg))
    assert "rank 1 is the best head" in said and "Panels end at the last ranked head" not in said


def test_everything_is_done_and_the_corpus_is_not_read_again(study: TinyStudy) -> None:
    assert jobs_run(study.checkout.snakemake("-n")) == []
    corpus = study.path("corpus")
    corpus.rename(study.path("gone"))
    try:
        before = study.checkout.results("filings.jsonl").read_bytes()
        study.checkout.results("filings.jsonl").unlink()
        said = study.checkout.snakemake("results/tiny/filings.jsonl")
        assert jobs_run(said) == ["filings"]
        assert study.checkout.results("filings.jsonl").read_bytes() == before
    finally:
        study.path("gone").rename(corpus)


def test_the_studys_prompts_are_answered_although_their_lengths_differ(study: TinyStudy) -> None:
    for question in QUESTIONS:
        prompts = study.checkout.results("prompts", "tiny_model", question, "tokens_400.test.jsonl")
        lengths = {len(json.loads(line)["token_ids"]) for line in prompts.read_text().splitlines()}
        assert lengths and lengths <= {400}  # the byte tokenizer merges nothing and adds no BOS
    rows = samples_of(study)
    assert rows["counted"].all() and set(rows["arm"]) == {"baseline", "top", "random"}


@pytest.fixture(scope="module", name="given")
def given_study(study: TinyStudy) -> TinyStudy:
    """A study of those results, as the published files are: counts, no samples, of a model that is not here."""
    own = replace(study.checkout, config="studies/given.yaml", study="given")
    for path in study.checkout.results("ablation").glob("*/*/*/*.json"):
        content = published_form(json.loads(path.read_text()))
        target = study.path("results", "llama", *path.parts[-2:])
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(content))
    config = {
        "study": "given",
        "models": {"small": {"source": "org/nowhere", "model_dir": "llama", "shape": {"layers": 8, "heads": 16}}},
        "questions": {question: {} for question in QUESTIONS},
        "tokens": [400],
        "results_from": "own/results/{model_dir}/{question}/tokens_{tokens}.json",
        "rankings": {"given": study.rankings},
        "levels": LEVELS,
        "arms": {"random": {"sampler": "published"}},
        "claims": "own/claims.yaml",
    }
    claim = {"method": "given", "arm": "top", "level": 10, "mean_drop_points": 99.9, "experiments": 2}
    study.path("claims.yaml").write_text(yaml.safe_dump({"source": "An invention.", "claims": [claim]}))
    study.checkout.folder.joinpath(own.config).write_text(yaml.safe_dump(config))
    return replace(study, checkout=own)


def published_form(result: dict[str, Any]) -> dict[str, Any]:
    """Only what the published files have."""
    entry = ("num_heads", "heads", "heads_str", "accuracy", "accuracy_drop", "correct", "total")
    arms = ("top_heads_ablations", "random_heads_ablations")
    about = ("question", "question_prompt", "total_tokens", "test_samples", "ablation_levels")
    return {
        **{key: result[key] for key in about},
        "method": "given_ablation_incremental",
        "model_key": "small",
        "model_name": "org/nowhere",
        "baseline": {key: result["baseline"][key] for key in ("accuracy", "correct", "total")},
        **{arm: [{key: one[key] for key in entry} for one in result[arm]] for arm in arms},
    }


@pytest.fixture(scope="module")
def no_torch(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which torch and transformers cannot be imported."""
    folder = tmp_path_factory.mktemp("poison")
    for name in ("torch", "transformers"):
        (folder / f"{name}.py").write_text("raise ImportError('this environment has no torch')\n")
    return {"PYTHONPATH": str(folder), "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder)}


def test_given_results_become_tables_figures_and_an_audit_without_torch(
    given: TinyStudy, study: TinyStudy, no_torch: dict[str, str]
) -> None:
    said = given.checkout.snakemake(env=no_torch)
    assert {job.split()[0] for job in jobs_run(said)} == {
        *("given_results", "tables", "audit", "draw", "draw_rankings", "report_page", "write_config")
    }
    ours, theirs = (pd.read_csv(one.checkout.results("tables", "levels.csv")) for one in (study, given))
    columns = ["question", "arm", "level", "correct", "total", "accuracy"]
    pd.testing.assert_frame_equal(ours[columns], theirs[columns])
    for figure in ("figure8_grid", "heat_map"):
        assert given.checkout.results("figures", f"{figure}.png").is_file()
    assert not given.checkout.results("prompts").exists()
    assert jobs_run(given.checkout.snakemake("-n", env=no_torch)) == []


@pytest.mark.parametrize("name", ["torch", "transformers"])
def test_the_environment_without_torch_is_one(no_torch: dict[str, str], name: str) -> None:
    here = [sys.executable, "-c", f"import {name}"]
    refused = subprocess.run(here, env={**os.environ, **no_torch}, capture_output=True, text=True, check=False)
    assert "this environment has no torch" in refused.stderr  # negative control: it is there without the poison
    assert importlib.util.find_spec(name) is not None


def test_the_audit_tells_the_claim_and_the_head_sets(given: TinyStudy) -> None:
    page = given.checkout.results("tables", "audit.md").read_text()
    assert "does not hold" in page and "99.9" in page
    assert "random 4 of 4, top 4 of 4" in page  # 2 questions x 2 levels


def test_head_sets_take_the_shape_alone(given: TinyStudy, study: TinyStudy, no_torch: dict[str, str]) -> None:
    checkout = given.checkout
    checkout.snakemake("head_sets", env=no_torch)
    for path in checkout.results("heads").glob("*/*/*/*/*.json"):
        theirs = study.checkout.results("heads", "given", "tiny_model", *path.parts[-3:])
        if path.name != "index.json":
            assert path.read_bytes() == theirs.read_bytes()
    assert len(list(checkout.results("heads").glob("*/*/*/*/*-*.json"))) == 2 * 2 * len(LEVELS)


def test_a_folder_with_a_config_alone_gives_head_sets_but_runs_no_model(study: TinyStudy) -> None:
    weights = study.path("model", "model.safetensors")
    weights.rename(study.path("weights"))
    try:
        shutil.rmtree(study.checkout.folder / "results" / "models" / "tiny_model")
        study.checkout.snakemake("head_sets")
        said = study.checkout.snakemake("results/models/tiny_model/model.json", check=False)
        assert "models.tiny_model.source: found 'own/model' without weights (*.safetensors)" in said
        assert "most recent call last" not in said
    finally:
        study.path("weights").rename(weights)


def test_a_changed_result_is_taken_in_again(given: TinyStudy, no_torch: dict[str, str]) -> None:
    path = given.path("results", "llama", "inc_year", "tokens_400.json")
    before, stamp = path.read_text(), path.stat()
    content = json.loads(before)
    content["baseline"]["accuracy"] = 0.123
    path.write_text(json.dumps(content))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # not by its time stamp
    planned = jobs_run(given.checkout.snakemake("-n", env=no_torch))
    assert planned == ["audit", "draw", "draw_rankings", "given_results", "report_page", "tables"]
    given.checkout.snakemake("results/given/tables/audit.md", env=no_torch)
    page = given.checkout.results("tables", "audit.md").read_text()
    assert "0.123" in page
    path.write_text(before)


def test_a_changed_ranking_draws_the_figures_of_rankings_again(given: TinyStudy, no_torch: dict[str, str]) -> None:
    given.checkout.snakemake(env=no_torch)
    path = given.ranking("inc_year")
    before = path.read_text()
    content = json.loads(before)
    entries = content["head_rankings"]
    entries[0]["head"], entries[1]["head"] = entries[1]["head"], entries[0]["head"]
    path.write_text(json.dumps(content))
    assert jobs_run(given.checkout.snakemake("-n", env=no_torch)) == ["audit", "draw_rankings", "report_page"]
    path.write_text(before)
    assert jobs_run(given.checkout.snakemake("-n", env=no_torch)) == []  # negative control


def test_results_without_rankings_are_audited_and_drawn_but_for_figures_of_rankings(
    given: TinyStudy, no_torch: dict[str, str]
) -> None:
    given.configure(lambda config: config.update(rankings={"given": None}))
    shutil.rmtree(given.checkout.results("figures"))
    given.checkout.results("tables", "audit.md").unlink()
    said = given.checkout.snakemake(env=no_torch)
    assert "not drawn, since no method has a ranking: heat_map" in said
    assert given.checkout.results("tables", "audit.md").is_file()
    drawn = {path.stem for path in given.checkout.results("figures").glob("*.png")}
    assert drawn == {name for name in FIGURES.names if name != "heat_map"}
