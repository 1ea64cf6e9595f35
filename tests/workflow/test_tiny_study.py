"""The tiny study (studies/ci.yaml) end to end: real model, real Snakemake, real files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from checkouts import Checkout
from jsonschema import Draft202012Validator
from transformers import AutoModelForCausalLM

from head_ablation.bench.cases import Case
from head_ablation.bench.usual_way import usual_answers
from head_ablation.heads.head import HeadSet
from head_ablation.prompts.prompt import read_prompts

pytestmark = pytest.mark.workflow

EXPERIMENT = "smollm2/inc_year/tokens_384"
CONDITIONS = ("top-5", "top-10", "random-5-0", "random-10-0")


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def jobs(output: str) -> dict[str, int]:
    """rule -> number of jobs, from Snakemake's own table."""
    table = output.split("Job stats:")[1].split("\n\n")[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)$", table, re.MULTILINE)}


def test_a_dry_run_plans_one_job_per_level_and_one_baseline(checkout: Checkout) -> None:
    planned = jobs(checkout.snakemake("--dry-run", "--forceall"))
    assert planned["generations"] == len(CONDITIONS)
    assert planned["baseline"] == 1
    assert planned["score"] == 1


def test_the_cluster_profile_plans_the_same_jobs(checkout: Checkout) -> None:
    planned = jobs(checkout.snakemake("--dry-run", "--forceall", "--profile", "profiles/slurm"))
    assert planned["generations"] == len(CONDITIONS)


def test_every_stage_leaves_its_files(finished: Checkout) -> None:
    expected = [
        "config.yaml",
        "samples/inc_year.train.jsonl",
        f"prompts/{EXPERIMENT}.test.jsonl",
        f"scores/{EXPERIMENT}.parquet",
        f"scores/{EXPERIMENT}.index.json",
        f"rankings/wu24/{EXPERIMENT}.json",
        f"generations/baseline/{EXPERIMENT}.json",
        f"ablation/wu24/{EXPERIMENT}.json",
        *(f"heads/wu24/{EXPERIMENT}/{condition}.json" for condition in CONDITIONS),
        *(f"generations/wu24/{EXPERIMENT}/{condition}.json" for condition in CONDITIONS),
        *(f"tables/{name}" for name in ("samples.parquet", "levels.csv", "curves.csv", "key_results.md")),
        *(f"figures/figure8_by_question.{suffix}" for suffix in ("svg", "png", "pdf")),
    ]
    missing = [name for name in expected if not finished.results(name).stat().st_size]
    assert missing == []


def test_every_prompt_is_exactly_as_long_as_its_path_says(finished: Checkout) -> None:
    lines = finished.results(f"prompts/{EXPERIMENT}.test.jsonl").read_text().splitlines()
    prompts = [json.loads(line) for line in lines]
    assert {len(prompt["token_ids"]) for prompt in prompts} == {384}
    assert all(prompt["answerable"] for prompt in prompts)


def test_the_detected_ranking_lists_every_head_once(finished: Checkout) -> None:
    entries = read(finished.results(f"rankings/wu24/{EXPERIMENT}.json"))["head_rankings"]
    assert len({entry["head"] for entry in entries}) == len(entries) == 30 * 9
    scores = [entry["score"] for entry in entries]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0


def test_head_sets_are_nested_prefixes_and_controls_avoid_them(finished: Checkout) -> None:
    ranking = read(finished.results(f"rankings/wu24/{EXPERIMENT}.json"))["head_rankings"]
    ranked = [entry["head"] for entry in ranking]
    sets = {c: set(read(finished.results(f"heads/wu24/{EXPERIMENT}/{c}.json"))["heads"]) for c in CONDITIONS}
    assert sets["top-5"] == set(ranked[:5])
    assert sets["top-10"] == set(ranked[:10])
    assert sets["random-5-0"] < sets["random-10-0"]
    assert not sets["random-10-0"] & set(ranked[:10])


def test_files_keep_their_schemas(finished: Checkout) -> None:
    products = {
        "ranking": f"rankings/wu24/{EXPERIMENT}.json",
        "head_set": f"heads/wu24/{EXPERIMENT}/top-5.json",
        "generation": f"generations/wu24/{EXPERIMENT}/top-5.json",
        "ablation_result": f"ablation/wu24/{EXPERIMENT}.json",
    }
    for name, product in products.items():
        schema = yaml.safe_load((finished.folder / "head_ablation" / "schemas" / f"{name}.schema.yaml").read_text())
        Draft202012Validator(schema).validate(read(finished.results(product)))


def test_the_tables_recount_the_samples(finished: Checkout) -> None:
    samples = pd.read_parquet(finished.results("tables/samples.parquet"))
    levels = pd.read_csv(finished.results("tables/levels.csv"))
    counted = samples[samples["answerable"]].groupby(["arm", "level"])["correct"].agg(["sum", "size"])
    table = levels.set_index(["arm", "level"])[["correct", "total"]].sort_index()
    assert counted.sort_index().to_numpy().tolist() == table.to_numpy().tolist()


def test_ablating_the_top_heads_changes_what_the_model_says(finished: Checkout) -> None:
    base = read(finished.results(f"generations/baseline/{EXPERIMENT}.json"))["generations"]
    ablated = read(finished.results(f"generations/wu24/{EXPERIMENT}/top-10.json"))["generations"]
    assert [g["filename"] for g in base] == [g["filename"] for g in ablated]
    assert [g["token_ids"] for g in base] != [g["token_ids"] for g in ablated]


def test_a_second_run_has_nothing_to_do(finished: Checkout) -> None:
    assert "Nothing to be done" in finished.snakemake("--dry-run")


def test_a_changed_label_draws_figures_again_and_nothing_else(finished: Checkout) -> None:
    override = '{"inc_year": {"label": "Founding year"}}'
    planned = jobs(finished.snakemake("--dry-run", "--config", f"questions={override}"))
    assert set(planned) - {"total", "all"} == {"draw", "draw_rankings", "report_page", "write_config"}


def test_one_result_can_be_asked_for_alone(finished: Checkout) -> None:
    target = finished.results(f"ablation/wu24/{EXPERIMENT}.json")
    before = target.read_bytes()
    target.unlink()
    output = finished.snakemake(str(target.relative_to(finished.folder)))
    assert jobs(output) == {"score": 1, "total": 1}
    assert target.read_bytes() == before


def test_generations_are_equal_bytes_when_made_again(finished: Checkout) -> None:
    target = finished.results(f"generations/wu24/{EXPERIMENT}/top-5.json")
    before = target.read_bytes()
    target.unlink()
    finished.snakemake(str(target.relative_to(finished.folder)))
    assert target.read_bytes() == before


def test_the_workflow_passes_snakemakes_own_lint(checkout: Checkout) -> None:
    assert "your workflow is in a good condition" in checkout.snakemake("--lint")


def test_the_report_is_one_page_with_figures_and_tables(finished: Checkout) -> None:
    page = finished.results("snakemake.html")
    finished.snakemake("--report", str(page))
    assert "figure8_by_question.svg" in page.read_text()


def test_a_given_ranking_takes_the_same_way_as_a_detected_one(finished: Checkout) -> None:
    template = '{"mine": "results/ci/rankings/wu24/{model}/{question}/tokens_{tokens}.json"}'
    index = f"results/given/heads/mine/{EXPERIMENT}/index.json"
    finished.snakemake(index, "--config", "study=given", f"rankings={template}")
    ours = read(finished.folder / index)
    assert ours["conditions"] == read(finished.results(f"heads/wu24/{EXPERIMENT}/index.json"))["conditions"]


def test_filings_from_files_whose_prompts_are_too_short_end_with_one_message(checkout: Checkout) -> None:
    names = [f"{number}_1993.txt" for number in range(20)]
    text = "The Company was incorporated in the year 1929."
    filings = [{"filename": name, "cik": name[:-9], "year": "1993", "section_1": text} for name in names]
    (checkout.folder / "filings.jsonl").write_text("".join(json.dumps(filing) + "\n" for filing in filings))
    rows = "".join(f"{name},{name[:-9]},1929\n" for name in names)
    (checkout.folder / "truth.csv").write_text(f"filename,cik,original_Inc_year_truth\n{rows}")
    target = "results/short/prompts/smollm2/inc_year/tokens_30.test.jsonl"
    own = "{ground_truth: truth.csv, section_1: filings.jsonl}"
    output = checkout.snakemake(target, "--config", "study=short", "tokens=[30]", f"filings={own}", check=False)
    assert "30 tokens cannot hold a passage" in output
    assert "Traceback" not in output
    assert not list((checkout.folder / "results" / "short").glob("prompts/**/*.jsonl"))


def test_every_answer_is_what_one_generate_per_prompt_says(finished: Checkout) -> None:
    """Batched, behind shared prefixes, through store and sweep: the same tokens as the slow way, in every condition."""
    folder = finished.folder / "results" / "models" / "smollm2"
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()
    asked = [prompt.token_ids for prompt in read_prompts(finished.results(f"prompts/{EXPERIMENT}.test.jsonl"))]
    compared = 0
    for name in (f"baseline/{EXPERIMENT}", *(f"wu24/{EXPERIMENT}/{condition}" for condition in CONDITIONS)):
        made = read(finished.results(f"generations/{name}.json"))
        heads = HeadSet.parse(made["heads"])
        for prompt, answer in zip(asked, made["generations"], strict=True):
            said = answer["token_ids"]
            assert usual_answers(Case(model, [prompt], heads, max_new_tokens=len(said))) == [said], (name, answer)
            compared += 1
    assert compared == 5 * len(asked)
