"""GPU jobs of a tiny model in a temporary folder, without Snakemake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from byte_tokenizer import BOS_ID
from project import PROJECT
from tiny_llama import save_tiny_llama
from typed import level_settings

from head_ablation.common.files import write_json, write_jsonl
from head_ablation.common.settings import to_text
from head_ablation.heads.condition import Condition
from head_ablation.heads.head import HeadSet
from head_ablation.heads.head_sets import write_head_sets
from head_ablation.jobs.job import LevelJob, Resources
from head_ablation.jobs.store import Store
from head_ablation.jobs.work import LevelWork
from head_ablation.models.pointer import prepare
from head_ablation.prompts.prompt import Prompt

RESOURCES = Resources(threads=1, gpus=0, minutes=10)
PROMPTS = [Prompt(f"{n}.txt", str(n), "1929", [BOS_ID, 40 + n, 41, 42], (1, 3), (1, 2)) for n in range(3)]


def tiny_job(folder: Path, **settings: Any) -> LevelJob:
    """A job of the tiny model over three prompts; its store is in `folder`."""
    model = folder / "model"
    pointer = prepare(str(model if model.is_dir() else save_tiny_llama(model)), None, folder)
    work = LevelWork.of(pointer, PROMPTS, level_settings(**settings))
    return LevelJob(work, Store(folder / "store"), RESOURCES, PROMPTS)


def with_resources(job: LevelJob, **changes: Any) -> LevelJob:
    """The same job with other resources."""
    return replace(job, resources=replace(job.resources, **changes))


def write_sweep(folder: Path, sets: dict[str, list[str]], method: str = "wu24") -> str:
    """Head sets of one method of the model in `folder`, from a ranking file; the pattern for all indexes."""
    ranking = folder / f"{method}.ranking.json"
    ranking.write_text("{}", encoding="utf-8")
    index = folder / "heads" / method / "tiny" / "inc_year" / "tokens_4" / "index.json"
    chosen = {Condition.parse(name): HeadSet.parse(heads) for name, heads in sets.items()}
    write_head_sets(index, chosen, [ranking])
    return str(folder / "heads" / "*" / "tiny" / "inc_year" / "tokens_4" / "index.json")


def generate_command(folder: Path, job: LevelJob, name: str, heads: list[str], indexes: str = "none") -> list[str]:
    """Arguments behind `python` that make one condition; writes `{name}.json` and its provenance to folder/out."""
    job.work.pointer.write(folder / "model.json")
    write_jsonl(folder / "prompts.jsonl", [prompt.to_json() for prompt in job.prompts])
    write_json(folder / f"{name}.heads.json", {"heads": heads})
    arguments = {
        "model": folder / "model.json",
        "prompts": folder / "prompts.jsonl",
        "count": "answerable",
        "heads": folder / f"{name}.heads.json",
        "indexes": indexes,
        "settings": to_text(job.work.settings),
        "store": job.store.folder,
        "output": folder / "out" / f"{name}.json",
        "provenance": folder / "out" / f"{name}.provenance.json",
    }
    resources = [str(value) for value in (job.resources.threads, job.resources.gpus)]
    named = [part for key, value in arguments.items() for part in (f"--{key}", str(value))]
    return ["scripts/generate.py", *named, "--resources", *resources]


class Process(subprocess.Popen[str]):
    """A process that does not outlive its `with` block, however that ends."""

    def __exit__(self, *error: Any) -> None:
        self.kill()
        super().__exit__(*error)


def start_python(*arguments: str, **environment: str) -> Process:
    """A Python process in the project's folder, with pipes to talk to it."""
    return Process(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


HOLDER = """
import json, sys
from pathlib import Path
from head_ablation.jobs.store import Store
with Store(Path(sys.argv[1])).claim(json.loads(sys.argv[2])) as mine:
    print(mine, flush=True)
    sys.stdin.readline()
"""


@contextmanager
def claimed_elsewhere(store: Store, protocol: Mapping[str, Any]) -> Iterator[tuple[Process, bool]]:
    """Another process that claims a protocol until it reads a line, and whether it got it."""
    with start_python("-c", HOLDER, str(store.folder), json.dumps(protocol)) as process:
        yield process, process.stdout.readline() == "True\n"  # type: ignore[union-attr]
