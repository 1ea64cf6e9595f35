"""A study: its checked config, and what the workflow asks of it as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from head_ablation.common.experiment import Experiment
from head_ablation.common.yaml_files import read_yaml
from head_ablation.figures import FIGURES
from head_ablation.heads.arms import ARMS
from head_ablation.heads.condition import ArmSettings, Condition
from head_ablation.study.paths import Paths

EDGAR = "edgar-corpus"
EXCLUDE_TOP = 50  # as the published study; not the highest level, so that one more level changes no random draw


@dataclass(frozen=True)
class Study:
    """A checked config with all defaults in place.

    Attributes:
        config: the resolved config.
        file: where it was read from, for messages.
        paths: where its paths lead.
        notes: old spellings in it, and figures that it lacks the rankings for, in words.
    """

    config: Mapping[str, Any]
    file: str
    paths: Paths = field(default_factory=Paths)
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.config["study"]

    @property
    def folder(self) -> str:
        """The folder of its results."""
        return f"{self.paths.results}/{self.name}"

    @property
    def methods(self) -> list[str]:
        return list(self.config["rankings"])

    @property
    def ranked_methods(self) -> list[str]:
        """The methods that have rankings: all, unless finished results are given without."""
        return [method for method, source in self.config["rankings"].items() if source is not None]

    @property
    def detected_methods(self) -> list[str]:
        """The methods whose rankings are detected."""
        return [method for method, source in self.config["rankings"].items() if isinstance(source, Mapping)]

    @property
    def figures(self) -> list[str]:
        """The names of the figures that are drawn: the config's, those of rankings only if a method has one."""
        chosen = self.config["figures"]["views"]
        return [name for name in chosen if self.ranked_methods or not FIGURES[name].of_rankings]

    @property
    def has_results(self) -> bool:
        """Whether finished ablation results are given, so that no model is run."""
        return self.config["results_from"] is not None

    @property
    def levels(self) -> list[int]:
        return sorted(self.config["levels"])

    def experiments(self) -> list[Experiment]:
        """All experiments, in the config's order."""
        return [
            Experiment(model, question, tokens)
            for model in self.config["models"]
            for question in self.config["questions"]
            for tokens in self.config["tokens"]
        ]

    def batch(self, experiment: Experiment, size: int) -> list[Experiment]:
        """The experiments that an experiment travels with on a cluster: up to `size` of the same model."""
        same = [other for other in self.experiments() if other.model == experiment.model]
        first = same.index(experiment) // size * size
        return same[first : first + size]

    @cached_property
    def arms(self) -> ArmSettings:
        """The arms with their options; an open `seed` is the study's, an open `exclude_top` 50 or the highest level."""
        return self.arms_with(self.levels)

    def arms_with(self, levels: Sequence[int]) -> ArmSettings:
        """The arms as they would be in a study with these levels."""
        standing = {"seed": self.config["seed"], "exclude_top": max(EXCLUDE_TOP, *levels)}
        chosen = {
            name: {key: standing.get(key) if value is None else value for key, value in options.items()}
            for name, options in self.config["arms"].items()
        }
        return ArmSettings({arm.name: chosen[arm.name] for arm in ARMS if arm.name in chosen})

    def conditions(self) -> list[Condition]:
        """All conditions of one method and experiment, without the baseline."""
        return self.arms.conditions(self.levels)

    def model(self, model: str) -> Mapping[str, Any]:
        return self.config["models"][model]

    @cached_property
    def bank(self) -> dict[str, Any]:
        """The question bank as it is."""
        return read_yaml(self.paths.find(self.config["question_bank"]))

    @cached_property
    def questions(self) -> dict[str, dict[str, str]]:
        """question -> text, stem, column, matcher, label: the bank's entry with the config's overrides."""
        chosen = self.config["questions"].items()
        return {key: {**(self.bank.get(key) or {}), **(own or {})} for key, own in chosen}

    @property
    def ground_truth(self) -> str:
        """The CSV of facts."""
        return self.paths.find(self.config["filings"]["ground_truth"])

    @property
    def filler(self) -> str:
        """The text around the passages."""
        return self.paths.find(self.config["prompt"]["filler"])

    @property
    def claims(self) -> str | None:
        """The file of claims that the results are held against."""
        return self.paths.find(self.config["claims"]) if self.config["claims"] else None
