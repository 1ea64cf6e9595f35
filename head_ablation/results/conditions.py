"""A method's conditions, and differences between any two of them with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from head_ablation.results.rows import CONDITION, EXPERIMENT, baseline_rows
from head_ablation.results.statistics import Difference, mover_difference, paired_difference

Side = tuple[str, int]
"""An arm and a level; of the baseline, level 0."""


@dataclass(frozen=True)
class Conditions:
    """The conditions of one method, with the baselines of its experiments.

    Attributes:
        levels: its rows of the `levels_table`.
        answers: its rows of the `samples_table`; it may be empty.
        accuracies: accuracy, draws and filings averaged; where intervals are paired, `share` is the company's part of
            the experiment's prompts: the mean over companies with that weight is the experiment's accuracy.
            # [experiment, (arm, level)], or [(experiment, company), (arm, level)]
        is_paired: whether every condition has samples, so that intervals are paired by company.
    """

    levels: pd.DataFrame
    answers: pd.DataFrame
    accuracies: pd.DataFrame
    is_paired: bool

    @classmethod
    def of_method(cls, levels: pd.DataFrame, samples: pd.DataFrame, method: str) -> Conditions:
        """From a `levels_table` and the `samples_table` of the same results."""
        own, answers = _with_baseline(levels, method), _with_baseline(samples, method)
        is_paired = len(answers[CONDITION].drop_duplicates()) == len(own)
        accuracies = _company_accuracies(answers) if is_paired else _experiment_accuracies(own)
        return cls(own, answers, accuracies, is_paired)

    @property
    def interval(self) -> str:
        """The way of the intervals, in words."""
        return "paired by company" if self.is_paired else "unpaired"

    def companies(self, level: int) -> int:
        """Distinct companies with a prompt that counts at a level; without samples, the most that an experiment has."""
        if not self.is_paired:
            return int(self.levels.loc[self.levels["level"] == level, "companies"].max())
        answered = self.answers[self.answers["counted"] & (self.answers["level"] == level)]
        return int(answered["company"].nunique())

    def difference(self, first: Side, second: Side) -> Difference:
        """Accuracy under `first` minus that under `second`, a fraction: the mean over the experiments that have both.

        Its 95 % interval is paired by company, a company weighing as much as its answers do in that mean; or unpaired,
        with n = the companies of the higher level. All are NaN where no experiment has both.
        """
        pair = self.accuracies.reindex(columns=[first, second]).dropna()
        if pair.empty:
            return Difference(math.nan, math.nan, math.nan)
        if not self.is_paired:
            n = self.companies(max(first[1], second[1]))
            return mover_difference(pair[first].mean(), pair[second].mean(), n)
        share = self.accuracies.loc[pair.index, ("share", 0)]
        weights = share.groupby("company").sum()
        means = pair.mul(share, axis=0).groupby("company").sum().div(weights, axis=0).clip(0, 1)
        return paired_difference(means[first], means[second], weights)


def _with_baseline(frame: pd.DataFrame, method: str) -> pd.DataFrame:
    """The method's rows and the baseline rows of its experiments."""
    own = frame[(frame["method"] == method) & (frame["arm"] != "baseline")]
    return pd.concat([baseline_rows(frame, own[["method", *EXPERIMENT]].drop_duplicates()), own])


def _experiment_accuracies(levels: pd.DataFrame) -> pd.DataFrame:
    return levels.pivot_table("accuracy", EXPERIMENT, ["arm", "level"])


def _company_accuracies(answers: pd.DataFrame) -> pd.DataFrame:
    answered = answers[answers["counted"]].astype({"correct": "float64"})
    index = [*EXPERIMENT, "company"]
    prompts = answered[answered["arm"] == "baseline"].groupby(index).size()
    accuracies = answered.pivot_table("correct", index, ["arm", "level"])
    accuracies["share", 0] = prompts / prompts.groupby(EXPERIMENT).transform("sum")
    return accuracies
