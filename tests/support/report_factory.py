"""The files of a small finished study, for tests of the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from results_factory import random_study

from head_ablation.common.experiment import Experiment
from head_ablation.common.files import write_json, write_jsonl, write_text
from head_ablation.figures.figure import Labels
from head_ablation.heads.condition import ArmSettings
from head_ablation.heads.head import ModelShape
from head_ablation.heads.head_sets import HeadSetSettings, write_head_sets
from head_ablation.heads.ranking_facts import ranking_facts
from head_ablation.heads.rankings import ranked_heads
from head_ablation.prompts.prompt_text import PromptText
from head_ablation.report.sources import ReportTask, Sources, read_sources
from head_ablation.results.curves import curves_table
from head_ablation.results.flips import flips_table
from head_ablation.results.key_results import key_results_table
from head_ablation.results.rows import TablesTask, levels_table, samples_table
from head_ablation.results.table_files import write_table

QUESTIONS = ("inc_year", "inc_state")
LABELS = Labels(question=(("inc_year", "Year of incorporation"),))
LEVELS = (5, 10)
SHAPE = ModelShape(layers=4, heads=8)
PASSAGE = "Incorporated in the year 1929, the Company was sold in 1993. \U0001f4c8 It has 12 plants."
BEFORE = "<s>" + "A river is never in a hurry. " * 40
BEHIND = " It flows on." * 60 + "\nQuestion: in which year?\nAnswer:"
CONFIG = "study: small\nmodels: {instruct: {gpu: 2}, base: {gpu: 0}}\n"
ARMS = ArmSettings({"top": {}, "random": {"draws": 2, "seed": 1, "sampler": "permutation", "exclude_top": 12}})
RANKING: dict[str, Any] = {
    "successful_retrievals": 7,
    "head_rankings": [
        {"head": str(head), "score": score, "rank": rank}  # the second level parts heads of equal score
        for rank, (head, score) in enumerate(
            zip(SHAPE.all_heads()[:14], [0.9, 0.5, *[0.2] * 6, *[0.1] * 6], strict=True), start=1
        )
    ],
}


def small_results(**changes: Any) -> list[dict[str, Any]]:
    """Results of two questions, two prompt lengths, two levels and two draws."""
    chosen: dict[str, Any] = {"questions": QUESTIONS, "lengths": (384, 512), "levels": LEVELS, "draws": 2}
    return random_study(**{**chosen, "companies": 12, **changes})


def write_study(
    folder: Path,
    results: Sequence[dict[str, Any]],
    labels: Labels = LABELS,
    matcher: str = "year",
    passage: str = PASSAGE,
) -> ReportTask:
    """Writes a study's files below `folder` (`results/small/`): tables, prompts' texts, rankings, head sets,
    provenance."""
    keys = [(one["model_key"], one["question"], one["total_tokens"]) for one in results]
    experiments = [Experiment(*key) for key in dict.fromkeys(keys)]
    methods = tuple(dict.fromkeys(one["ranking_method"] for one in results if "ranking_method" in one)) or ("wu24",)
    rankings = [(method, *e, str(folder / f"rankings/{method}/{e}.json")) for method in methods for e in experiments]
    for _, *experiment, path in rankings:
        write_json(path, RANKING)
        _write_head_sets(folder, Path(path), Experiment(*experiment))
    facts = {f"{m}/{Experiment(*e)}": ranking_facts(RANKING, LEVELS) for m, *e, _ in rankings}
    _write_tables(folder / "tables", results, TablesTask(facts))
    _write_prompts(folder, results, passage)
    for e in experiments:
        write_json(folder / f"generations/baseline/{e}.provenance.json", provenance(e.model))
    write_text(folder / "config.yaml", CONFIG)
    questions = tuple(dict.fromkeys(e.question for e in experiments))
    models = tuple(dict.fromkeys(e.model for e in experiments))
    return ReportTask(
        study="small",
        labels=labels,
        conditions=tuple(map(str, ARMS.conditions(LEVELS))),
        methods=methods,
        models=models,
        questions=questions,
        tokens=tuple(sorted({e.tokens for e in experiments})),
        levels=LEVELS,
        matchers=dict.fromkeys(questions, matcher),
        wording={f"{model}/{question}": "In which year?" for model in models for question in questions},
        grids=dict.fromkeys(models, SHAPE),
        rankings=tuple(rankings),
    )


def small_sources(folder: Path, results: Sequence[dict[str, Any]] | None = None, **changes: Any) -> Sources:
    """The sources of a study that is written below `folder`."""
    task = write_study(folder, small_results() if results is None else results, **changes)
    return read_sources(folder, task, audit=None, shapes=[])


def provenance(model: str) -> dict[str, Any]:
    """What made a file of answers: an hour on a GPU, or on the CPU."""
    return {
        "device": "NVIDIA H100" if model == "instruct" else "cpu",
        "finished": "2026-01-01T00:00:00+00:00",
        "packages": {"torch": "2.13.0"},
        "python": "3.11.7",
        "seconds": {"load": 100.0, "run": 3600.0},
    }


def _write_tables(folder: Path, results: Sequence[dict[str, Any]], task: TablesTask) -> None:
    samples, levels = samples_table(results), levels_table(results, task)
    folder.mkdir(parents=True, exist_ok=True)
    samples.to_parquet(folder / "samples.parquet", index=False)
    tables = {"levels": levels, "curves": curves_table(levels), "key_results": key_results_table(levels, samples)}
    for name, table in tables.items():
        write_table(folder / f"{name}.csv", table)
    write_table(folder / "flips.csv", flips_table(samples))


def _write_head_sets(folder: Path, ranking: Path, experiment: Experiment) -> None:
    conditions = tuple(map(str, ARMS.conditions(LEVELS)))
    sets = HeadSetSettings(str(experiment), conditions, ARMS).choose(ranked_heads(RANKING), SHAPE)
    method = ranking.parts[-4]
    write_head_sets(folder / "heads" / method / str(experiment) / "index.json", sets, [ranking])


def _write_prompts(folder: Path, results: Sequence[dict[str, Any]], passage: str) -> None:
    """The text of every prompt that has samples; the answer is the first year of its passage."""
    for result in results:
        texts = [_prompt(one, passage).to_json() for one in result["baseline"].get("samples", [])]
        experiment = Experiment(result["model_key"], result["question"], result["total_tokens"])
        if texts:
            write_jsonl(folder / f"prompts/{experiment}.test.text.jsonl", texts)


def _prompt(answer: dict[str, Any], passage: str) -> PromptText:
    start, year = len(BEFORE), passage.index("1929")
    answer_span = (start + year, start + year + 4)
    text = f"{BEFORE}{passage}{BEHIND}"
    return PromptText(answer["filename"], answer["gold"], text, (start, start + len(passage)), answer_span)


def flips_of(samples: pd.DataFrame) -> pd.DataFrame:
    """Every answer that counts beside its baseline's verdict, worked out row by row: what the page is held against."""
    keys = ["model", "question", "tokens", "filename"]
    counted = samples[samples["counted"]]
    base = {tuple(row[key] for key in keys): bool(row["correct"]) for row in rows_of(counted, "baseline")}
    found = [
        {**row, "was": base[tuple(row[key] for key in keys)], "now": bool(row["correct"])}
        for row in counted[counted["arm"] != "baseline"].to_dict("records")
    ]
    return pd.DataFrame(found)


def rows_of(samples: pd.DataFrame, arm: str) -> list[dict[Any, Any]]:
    """The rows of an arm."""
    return samples[samples["arm"] == arm].to_dict("records")
