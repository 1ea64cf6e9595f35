"""What a study's own files decide, known before any job runs: samples, and the head sets of given rankings.

Where a file on disk says this already, nothing has to wait for its being made again: only what changed runs, and a
dry run says truly what that is.
"""

from __future__ import annotations

from functools import cache, cached_property

from head_ablation.config import Experiment, Study
from head_ablation.files import jsonl_text, read_json
from head_ablation.head_sets import choose_head_sets, head_set_text
from head_ablation.heads import Condition, HeadSet, ModelShape
from head_ablation.rankings import ranked_heads
from head_ablation.samples import Filing, load_split_filings, read_ground_truth, split_clusters, split_samples


class Plan:
    """The files of a checked study whose content is decided already."""

    def __init__(self, study: Study):
        self.study = study
        self._head_sets = cache(self._choose_head_sets)
        self._samples = cache(self._build_samples)
        self._rows = cache(self._read_rows)
        self._shape = cache(self._look_up_shape)

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
        return self._samples(question)[split] if self.study.filings_at_hand() else None

    def count(self, question: str, split: str) -> int:
        """How many samples there are; before the filings are fetched, as many as their answers are known."""
        planned = self.samples(question, split)
        return planned.count("\n") if planned is not None else self._rows(question)[split]

    def _choose_head_sets(self, method: str, experiment: Experiment) -> dict[Condition, HeadSet] | None:
        ranking, shape = self.study.ranking_file(method, experiment), self._shape(experiment.model)
        if ranking is None or shape is None:
            return None
        ranked = ranked_heads(read_json(ranking))
        return choose_head_sets(self.study.conditions(), ranked, shape, self.study.random_arm(), str(experiment))

    def _look_up_shape(self, model: str) -> ModelShape | None:
        return self.study.known_shape(model)

    @cached_property
    def _filings(self) -> tuple[list[Filing], dict[str, set[str]]]:
        return load_split_filings(self.study.filings_settings())

    def _read_rows(self, question: str) -> dict[str, int]:
        settings, column = self.study.filings_settings(), self.study.questions[question]["column"]
        rows = read_ground_truth(settings["ground_truth"], [column], settings["null_values"])
        clusters = split_clusters(rows, settings["seed"], settings["test_fraction"], settings["split"])
        answered = [row["cik"] for row in rows if row[column]]
        return {split: sum(cik in chosen for cik in answered) for split, chosen in clusters.items()}

    def _build_samples(self, question: str) -> dict[str, str]:
        asked = self.study.questions[question]
        splits = split_samples(*self._filings, asked["column"], asked["matcher"])
        return {split: jsonl_text(sample.to_json() for sample in samples) for split, samples in splits.items()}
