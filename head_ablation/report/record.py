"""How the results were made: the config, versions, machines and times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import yaml

from head_ablation.report.section import Content, Section
from head_ablation.report.sources import Sources

Made = Mapping[str, Any]
"""The content of a provenance file."""
NO_GPU = ("cpu", "mps", "not known")


def _content(sources: Sources) -> Content:
    made = sources.provenance
    return Content({"config": sources.config, "jobs": _by_device(made, _gpus(sources)), "versions": _versions(made)})


def _gpus(sources: Sources) -> dict[str, int]:
    """Model -> the GPUs of one of its jobs; 1 where none is held."""
    models = yaml.safe_load(sources.config)["models"]
    return {model: max(1, settings.get("gpu") or 0) for model, settings in models.items()}


def _by_device(made: Mapping[str, Made], gpus: Mapping[str, int]) -> list[dict[str, Any]]:
    """A row for each kind of device: how many files of answers it made and in what time.

    Args:
        made: path below `generations/` -> provenance; the path's second part is the model.
        gpus: model -> the GPUs of one of its jobs.
    """
    groups: dict[str, list[tuple[int, Made]]] = {}
    for path, one in made.items():
        held = gpus.get(path.split("/")[1], 1)
        groups.setdefault(str(one.get("device", "not known")), []).append((held, one))
    return [_device(name, jobs) for name, jobs in sorted(groups.items())]


def _device(name: str, jobs: list[tuple[int, Made]]) -> dict[str, Any]:
    seconds = [(held, job.get("seconds", {}).get("run", 0.0)) for held, job in jobs]
    finished = [job["finished"] for _, job in jobs if "finished" in job]
    return {
        "device": name,
        "jobs": len(jobs),
        "hours": sum(run for _, run in seconds) / 3600,
        "gpu_hours": None if name in NO_GPU else sum(held * run for held, run in seconds) / 3600,
        "first": min(finished, default="-"),
        "last": max(finished, default="-"),
    }


def _versions(made: Mapping[str, Made]) -> list[tuple[str, str]]:
    """Each thing with a version, and its versions; with several, how many jobs had which."""
    found: dict[str, Counter[str]] = {}
    for one in made.values():
        stated = {key: one.get(key) for key in ("library_version", "protocol_version", "git_commit", "python", "host")}
        for name, version in {**stated, **one.get("packages", {})}.items():
            if version is not None:
                found.setdefault(name.replace("_", " "), Counter())[str(version)] += 1
    return [(name, _versions_words(versions)) for name, versions in found.items()]


def _versions_words(versions: Counter[str]) -> str:
    if len(versions) == 1:
        return next(iter(versions))
    return ", ".join(f"{version} ({number} jobs)" for version, number in versions.most_common())


RECORD = Section(
    name="record",
    description="the resolved config, versions, devices, times and GPU hours",
    title="Config, versions, times",
    content=_content,
)
