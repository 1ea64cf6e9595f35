"""GPU jobs of a tiny model in a temporary folder, without Snakemake."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from byte_tokenizer import BOS_ID
from tiny_llama import save_tiny_llama

from head_ablation.head_sets import write_head_sets
from head_ablation.heads import Condition, HeadSet
from head_ablation.jobs import Job, Place
from head_ablation.model_sources import prepare
from head_ablation.prompts import Prompt
from head_ablation.store import Store

SETTINGS = {
    "max_new_tokens": 3,
    "stop": ["\n"],
    "batch_size": 2,
    "dtype": "float32",
    "attention": "sdpa",
    "device": "cpu",
    "trust_remote_code": False,
    "mode": "zero_output",
    "positions": "all",
}
PLACE = Place(threads=1, gpus=0, minutes=10)
PROMPTS = [Prompt(f"{n}.txt", str(n), "1929", [BOS_ID, 40 + n, 41, 42], (1, 3), (1, 2)) for n in range(3)]


def tiny_job(folder: Path, **settings: Any) -> Job:
    """A job of the tiny model over three prompts; its store is in `folder`."""
    model = folder / "model"
    pointer = prepare(str(model if model.is_dir() else save_tiny_llama(model)), None, folder)
    return Job(pointer, PROMPTS, {**SETTINGS, **settings}, Store(folder / "store"), PLACE)


def placed(job: Job, **place: Any) -> Job:
    """The same job with another place."""
    return replace(job, place=replace(job.place, **place))


def write_sweep(folder: Path, sets: dict[str, list[str]], method: str = "wu24") -> str:
    """Head sets of one method, chosen from a ranking file; the pattern for all indexes."""
    ranking = folder / f"{method}.ranking.json"
    ranking.write_text("{}", encoding="utf-8")
    index = folder / "heads" / method / "tiny" / "inc_year" / "tokens_4" / "index.json"
    chosen = {Condition.parse(name): HeadSet.parse(heads) for name, heads in sets.items()}
    write_head_sets(index, chosen, [ranking])
    return str(folder / "heads" / "*" / "tiny" / "inc_year" / "tokens_4" / "index.json")
