"""How fast whole processes are: a sweep against a process per condition, the workflow against a plain loop."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from head_ablation.bench.table import Row
from head_ablation.common.files import read_json
from head_ablation.common.problems import StudyError
from head_ablation.common.software import ANY
from head_ablation.engine.settings import AblationSettings, RunSettings
from head_ablation.heads.head import HeadSet, ModelShape
from head_ablation.models.pointer import Pointer
from head_ablation.prompts.builders import PromptBuilder
from head_ablation.prompts.ground_truth import read_ground_truth
from head_ablation.prompts.layout import Layout
from head_ablation.prompts.prompt import counted_prompts, read_prompts
from head_ablation.prompts.samples import Sample
from head_ablation.prompts.tokenizer import PromptTokenizer

NEW_TOKENS = 10
LEVELS = (5, 10, 20, 30, 40, 50)
TEMPLATE = "{filler}\n\n{passage}\n\n{filler}\n\nQuestion: {question}\n"
RUN_FIELDS = ("dtype", "attention", "trust_remote_code", "batch_size", "max_new_tokens")
STEM = "Answer: Incorporated in the year"
EXPERIMENT = "smollm2/inc_year/tokens_384"
INDEX, RESULT = f"results/bench/heads/wu24/{EXPERIMENT}/index.json", f"results/bench/ablation/wu24/{EXPERIMENT}.json"
PROMPTS = f"results/bench/prompts/{EXPERIMENT}.test.jsonl"


def short_needles(folder: str, tokens: int, count: int) -> list[list[int]]:
    """Prompts whose passage is one sentence, from the shipped companies and filler."""
    layout = Layout(TEMPLATE, STEM, chat=False, depth=0.5, min_filler_tokens=16)
    filler = Path("resources/filler.txt").read_text(encoding="utf-8")
    question = "In which year was the company incorporated?"
    builder = PromptBuilder(PromptTokenizer(folder), layout, question, filler, tokens)
    rows = read_ground_truth("resources/companies.csv", ["original_Inc_year_truth"])[:count]
    return [builder.build(_sentence(row)).token_ids for row in rows]


def _sentence(row: dict[str, str]) -> Sample:
    name, state, year = (row[f"{key}_truth"] for key in ("registrant_name", "original_Inc_state", "original_Inc_year"))
    passage = f"{name} was incorporated in the State of {state} in {year}."
    return Sample(row["filename"], row["cik"], passage, year, answer_span=None)


def measure_processes(pointer: Pointer, tokens: int, count: int, threads: int, found: dict[str, Any]) -> Iterator[Row]:
    """Sweep and workflow against what they replace, as rows of the table.

    Args:
        pointer: of the embedded model.
        tokens: of a prompt.
        count: of prompts.
        threads: CPU threads of a process, and Snakemake's cores.
        found: everything that is measured is added to it.
    """
    prompts = short_needles(pointer.folder, tokens, count)
    assert pointer.size is not None
    estimate = pointer.size.needed_bytes("float32", "sdpa", tokens + NEW_TOKENS, count) / 1e6
    found["sweep"] = sweep = sweep_against_processes(
        pointer.folder, prompts, thirteen_conditions(pointer.shape), threads
    )
    yield f"13 processes / one sweep, {count} prompts", sweep["processes_over_one_sweep"], ">= 3"
    yield "peak memory, ours / usual", sweep["our_peak_mb"] / sweep["usual_peak_mb"], ""
    yield "peak memory, ours / estimate", sweep["our_peak_mb"] / estimate, "<= 1"
    found["workflow"] = workflow = workflow_against_plain_loop(threads)
    yield "sweep through Snakemake / plain loop", workflow["workflow_over_plain_loop"], "<= 1.25"


def thirteen_conditions(shape: ModelShape) -> list[list[str]]:
    """The heads of a baseline and of two arms of six levels, all drawn."""
    arms = [random.Random(arm).sample(shape.all_heads(), max(LEVELS)) for arm in ("one", "other")]
    return [[], *(HeadSet(tuple(heads[:level])).names() for heads in arms for level in LEVELS)]


def sweep_against_processes(
    folder: str, prompts: list[list[int]], conditions: Sequence[list[str]], threads: int
) -> dict[str, Any]:
    """All conditions in one process, ours, against a process each, the usual way; answers must be equal.

    Args:
        folder: the model's.
        prompts: token ids.
        conditions: the heads of each.
        threads: CPU threads of each process.

    Raises:
        StudyError: they answer differently.
    """
    asked = {"folder": folder, "prompts": prompts, "max_new_tokens": NEW_TOKENS, "threads": threads}
    start = time.perf_counter()
    ours = _process("ours", {**asked, "conditions": conditions})
    middle = time.perf_counter()
    usual = [_process("usual", {**asked, "conditions": [heads]}) for heads in conditions]
    end = time.perf_counter()
    said = [process["answers"][0] for process in usual]
    if said != ours["answers"]:
        raise StudyError("a sweep in one process gives other answers than a process for each of its conditions")
    return {
        "processes_over_one_sweep": (end - middle) / (middle - start),
        "conditions": len(conditions),
        "sweep_seconds": middle - start,
        "our_peak_mb": ours["peak_mb"],
        "usual_peak_mb": max(process["peak_mb"] for process in usual),
    }


def _process(way: str, asked: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, "scripts/bench_process.py", way]
    done = subprocess.run(command, check=True, input=json.dumps(asked), stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def answer_in_process(way: str, asked: dict[str, Any]) -> dict[str, Any]:
    """What one of those processes does: answers to all prompts under each condition, and its memory at most."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    from head_ablation.bench.cases import Case
    from head_ablation.bench.usual_way import usual_answers

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    torch.set_num_threads(asked["threads"])
    model: Any = AutoModelForCausalLM.from_pretrained(asked["folder"], dtype=torch.float32, local_files_only=True)
    what, length = asked["prompts"], asked["max_new_tokens"]
    cases = [Case(model, what, HeadSet.parse(heads), length) for heads in asked["conditions"]]
    answers = [case.answers() if way == "ours" else usual_answers(case) for case in cases]
    return {"answers": answers, "peak_mb": peak_mb()}


def peak_mb() -> float:
    """The most memory that this process has held so far; not `ru_maxrss`, which begins with its parent's."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return float(status["VmHWM"].split()[0]) / 1024


def workflow_against_plain_loop(cores: int) -> dict[str, Any]:
    """A sweep of 13 conditions through Snakemake, over one process that computes the same ones in a loop."""
    # A stop string that no run has had before: the store then holds none of these conditions.
    study = ["study=bench", f"levels={list(LEVELS)}", f'generation={{"stop": ["\\n", "{time.time()}"]}}']
    command = ["snakemake", "--cores", str(cores), "--quiet", "all", "--configfile", "config.yaml", "--config", *study]
    _seconds([command[0], INDEX, PROMPTS, *command[1:]])
    snakemake = _seconds([command[0], RESULT, *command[1:]])
    loop = _seconds([sys.executable, "scripts/bench_process.py", "loop", str(cores)])
    jobs = [log.read_text() for log in Path("results/bench/logs/generations").rglob("*.log")]
    loads = sum("from the store" not in log for log in jobs)
    return {"workflow_over_plain_loop": snakemake / loop, "jobs": len(jobs), "model_loads": loads}


def loop_over_conditions(threads: int) -> None:
    """Computes the baseline and all conditions one after the other, and checks them against the workflow's result.

    Raises:
        StudyError: an answer that is not the result's.
    """
    from head_ablation.engine.runner import Runner

    result, conditions = read_json(RESULT), read_json(INDEX)["conditions"]
    pointer = Pointer.read(f"results/models/{result['model_key']}/model.json")
    stated, prompts = result["protocol"]["settings"], counted_prompts(read_prompts(PROMPTS), "answerable")
    run = RunSettings(
        **{name: stated[name] for name in RUN_FIELDS},
        stop=tuple(stated["stop"]),
        device="auto",
        memory_gb=None,
        software=ANY,
    )
    runner, ablation = Runner(pointer, run, threads), AblationSettings(positions=stated["positions"])
    sets = {"baseline": HeadSet(()), **{name: HeadSet.parse(heads) for name, heads in conditions.items()}}
    said = {name: runner.answer(prompts, heads, ablation, name)[0] for name, heads in sets.items()}
    top = {f"top-{entry['num_heads']}": entry for entry in result["top_heads_ablations"]}
    for name, entry in {"baseline": result["baseline"], **top}.items():
        texts = {answer["filename"]: answer["text"] for answer in said[name]}
        if texts != {sample["filename"]: sample["text"] for sample in entry["samples"]}:
            raise StudyError(f"{name}: the plain loop gives other answers than {RESULT}")


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
