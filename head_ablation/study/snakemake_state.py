"""What the workflow must know of the running Snakemake and can only learn from its private state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from head_ablation.common.problems import StudyError

TESTED = ((9, 27),)
"""Versions of Snakemake, by major and minor number, in which the attributes below were found and tested."""
NEEDED = (
    *("configfiles", "dag", "remote_exec", "dryrun", "modifier.path_modifier", "group_settings", "parent_groupids"),
    *("resource_settings.default_resources", "deployment_settings.deployment_method"),
)
MANY = 1_000_000


def snakemake_state(workflow: Any, version: str) -> SnakemakeState:
    """The state of a running workflow.

    Args:
        workflow: Snakemake's.
        version: Snakemake's.

    Raises:
        StudyError: this version of Snakemake keeps its state elsewhere; names the versions that are tested.
    """
    missing = [name for name in NEEDED if not _has(workflow, name)]
    if missing:
        raise StudyError(
            f"Snakemake {version} has no {', '.join(missing)}; tested with {_tested()}: install that version"
        )
    return SnakemakeState(workflow, getattr(workflow.modifier.path_modifier, "prefix", None) or "")


def _tested() -> str:
    return ", ".join(".".join(map(str, numbers)) for numbers in TESTED)


def _has(thing: Any, name: str) -> bool:
    for part in name.split("."):
        if not hasattr(thing, part):
            return False
        thing = getattr(thing, part)
    return True


@dataclass(frozen=True)
class SnakemakeState:
    """A running workflow.

    Attributes:
        workflow: Snakemake's.
        prefix: of the module that the rules are part of; empty without one.
    """

    workflow: Any
    prefix: str
    _forced: set[str] = field(default_factory=set)

    @property
    def config_files(self) -> list[Path]:
        """The config files that were read, in order."""
        return [Path(file) for file in self.workflow.configfiles]

    @property
    def is_on_a_node(self) -> bool:
        """Whether this process runs a cluster's job."""
        return bool(self.workflow.remote_exec)

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing is run (-n)."""
        return bool(self.workflow.dryrun)

    @property
    def has_environments(self) -> bool:
        """Whether jobs run in environments of their own (--software-deployment-method)."""
        return bool(self.workflow.deployment_settings.deployment_method)

    def group_size(self, group: str) -> int | None:
        """How many sweeps of a group the profile sends together; None where jobs are not submitted."""
        size = self.workflow.group_settings.group_components.get(group)
        return None if self.is_on_a_node else size

    def default_resource(self, name: str) -> str | None:
        """What the profile gives every job of a resource, as it is written there; None if it gives nothing."""
        given = self.workflow.resource_settings.default_resources
        found = given.get(name) if given else None
        return None if found is None else str(found.raw).strip("\"'")

    def force(self, files: Iterable[str], again: bool) -> None:
        """Has the job of some files run whatever Snakemake remembers, or not; nothing before there is a DAG."""
        if self.workflow.dag is None:
            return
        if not hasattr(self.workflow.dag, "forcefiles"):
            raise StudyError(f"this Snakemake's DAG has no forcefiles; tested with {_tested()}: install that version")
        forced = self.workflow.dag.forcefiles
        ours = set(files) if again else self._forced.intersection(files)  # what the user forces stays so
        (forced.update if again else forced.difference_update)(ours)
        (self._forced.update if again else self._forced.difference_update)(ours)

    def jobs(self) -> list[Any]:
        """The jobs that this run has to run or has run, as far as they are known by now; a copy, for any thread."""
        return list(self.workflow.dag.needrun_jobs(exclude_finished=False))

    def send_together(self, group: str, family: str) -> None:
        """Lets any number of jobs of a group be one submission; all groups of a family alike."""
        self.workflow.parent_groupids[group] = family
        self.workflow.group_settings.group_components[family] = MANY

    def forget_group_jobs(self) -> None:
        """Drops the groups that a dry run has made of jobs it has replaced since."""
        self.workflow.dag.group_job_factory.cache.clear()
