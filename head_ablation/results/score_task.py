"""Scoring as a job: the files of one method and experiment, checked against what the study says now, and scored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from head_ablation.common.files import read_json
from head_ablation.common.problems import refuse
from head_ablation.engine.settings import LevelSettings
from head_ablation.heads.condition import Condition
from head_ablation.heads.head import HeadSet
from head_ablation.heads.head_sets import HeadSetSettings
from head_ablation.heads.rankings import ranked_heads, reason_unranked
from head_ablation.jobs.staleness import read_current
from head_ablation.jobs.work import LevelWork
from head_ablation.models.pointer import ModelSource, Pointer, source_problems
from head_ablation.prompts.prompt import counted_prompts, read_prompts
from head_ablation.results.published_format import ResultIdentity
from head_ablation.results.scoring import Judge, answer_problems, gold_problems, score_experiment


@dataclass(frozen=True)
class ScoreTask:
    """The answers of one method and experiment, to be scored.

    Attributes:
        settings: how the model is run and ablated.
        heads: how the head sets are chosen.
        identity: what the result says it is about.
        judge: which verdicts are given, and what counts.
        model: where the model comes from.
    """

    settings: LevelSettings
    heads: HeadSetSettings
    identity: ResultIdentity
    judge: Judge
    model: ModelSource

    def result(
        self, model: Path, prompts: Path, ranking: Path, baseline: Path, generations: list[Path]
    ) -> dict[str, Any]:
        """The ablation result.

        Args:
            model: the pointer file.
            prompts: the test prompts.
            ranking: whose heads are ablated.
            baseline: its generations.
            generations: those of the conditions, named by condition; none if no head could be ranked.

        Raises:
            StudyError: naming every file and field that departs from what the study says now.
        """
        pointer, every = Pointer.read(model), read_prompts(prompts)
        refuse(source_problems(pointer, self.model))
        asked = counted_prompts(every, self.judge.count)
        found = read_json(ranking)
        unranked = reason_unranked(found)
        sets = {} if unranked else self.heads.choose(ranked_heads(found), pointer.shape)
        protocol = LevelWork.of(pointer, asked, self.settings).protocol(HeadSet(()))
        base, ablated = read_current(baseline, generations, protocol, sets, self.settings.run.software)
        made = {baseline: base, **{path: ablated[Condition.parse(path.stem)] for path in generations}}
        refuse(
            [
                *gold_problems(prompts, asked, self.judge.matcher),
                *(problem for path, content in made.items() for problem in answer_problems(path, content)),
            ]
        )
        result = score_experiment(vars(self.identity), every, base, ablated, self.judge)
        return {**result, "unranked": unranked} if unranked else result
