"""What a study's own files decide, known before any job runs: samples, and the head sets of given rankings.

Where a file on disk says this already, nothing has to wait for its being made again: only what changed runs, and a
dry run says truly what that is.
"""

from __future__ import annotations

from functools import cache, cached_property

from head_ablation.common.experiment import Experiment
from head_ablation.common.files import read_json
from head_ablation.heads.condition import Condition
from head_ablation.heads.head import HeadSet
from head_ablation.heads.head_sets import head_set_text
from head_ablation.heads.rankings import ranked_heads
from head_ablation.prompts.ground_truth import read_ground_truth
from head_ablation.prompts.samples import split_companies
from head_ablation.study.given_files import ranking_file
from head_ablation.study.planned_samples import Facts, sample_facts, sample_text
from head_ablation.study.settings import (
    filings_at_hand,
    filings_settings,
    head_set_settings,
    shape_at_hand,
)
from head_ablation.study.study import Study


class Plan:
    """The files of a checked study whose content is decided already."""

    def __init__(self, study: Study):
        self.study = study
        self._head_sets = cache(self._choose_head_sets)
        self._samples = cache(self._sample_text)
        self._rows = cache(self._read_rows)
        self._shape = cache(lambda model: shape_at_hand(study, model))

    def head_set(self, method: str, experiment: Experiment, condition: str) -> str | None:
        """What the head-set file should hold; None if the ranking is detected, or the model not fetched yet."""
        sets = self._head_sets(method, experiment)
        parsed = Condition.parse(condition)
        return head_set_text(parsed, sets[parsed]) if sets else None

    def chosen(self, method: str, experiment: Experiment) -> dict[str, HeadSet]:
        """Condition -> its heads, of a given ranking; none if they cannot be told yet."""
        sets = self._head_sets(method, experiment) or {}
        return {str(condition): heads for condition, heads in sets.items()}

    def samples(self, question: str, split: str) -> str | None:
        """What the samples file should hold; None if the filings have to be fetched first."""
        return self._samples(question, split) if filings_at_hand(self.study) else None

    def count(self, question: str, split: str) -> int:
        """How many samples there are; before the filings are fetched, as many as their answers are known."""
        known = self._facts[question][split].count if filings_at_hand(self.study) else None
        return self._rows(question)[split] if known is None else known

    def _choose_head_sets(self, method: str, experiment: Experiment) -> dict[Condition, HeadSet] | None:
        ranking, shape = ranking_file(self.study, method, experiment), self._shape(experiment.model)
        if ranking is None or shape is None:
            return None
        return head_set_settings(self.study, experiment).choose(ranked_heads(read_json(ranking)), shape)

    @cached_property
    def _facts(self) -> Facts:
        return sample_facts(self.study)

    def _sample_text(self, question: str, split: str) -> str:
        return sample_text(self.study, self._facts, question, split)

    def _read_rows(self, question: str) -> dict[str, int]:
        settings, column = filings_settings(self.study), self.study.questions[question]["column"]
        rows = read_ground_truth(self.study.ground_truth, [column], settings.null_values, settings.fields)
        companies = split_companies(rows, settings.seed, settings.test_fraction, settings.split)
        answered = [row["cik"] for row in rows if row[column]]
        return {split: sum(cik in chosen for cik in answered) for split, chosen in companies.items()}
