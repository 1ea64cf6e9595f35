"""The job that ranks heads by their scores. It needs no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from head_ablation.common.experiment import Experiment
from head_ablation.common.files import write_json
from head_ablation.common.problems import warn
from head_ablation.detectors import DETECTORS
from head_ablation.detectors.ranking import ranking_of
from head_ablation.detectors.scores import UnitScores, read_scores
from head_ablation.detectors.settings import RankingSettings, watched_prompts
from head_ablation.heads.ranking_facts import FEW_PROMPTS, prompts_behind, ranking_facts, unranked_words
from head_ablation.heads.rankings import RankingIdentity
from head_ablation.jobs.job import say
from head_ablation.prompts.prompt import Prompt

SHOWN_ANSWERS, SHOWN_CHARACTERS = 3, 80  # where no prompt was answered correctly


@dataclass(frozen=True)
class RankingTask:
    """A ranking to make: what it ranks, and how."""

    identity: RankingIdentity
    ranking: RankingSettings


def make_ranking(scores: Path, prompts: Sequence[Prompt], task: RankingTask, output: Path) -> None:
    """Writes the ranking of all heads by a detector; if it can rank none, the file says why (`unranked`).

    Args:
        scores: the head scores of the experiment.
        prompts: all train prompts.
        task: what is ranked, and by which detector.
        output: the ranking file.
    """
    settings, detector = task.ranking, DETECTORS[task.ranking.detector.name]
    watched = watched_prompts(prompts, settings.prompts)
    heads, units = read_scores(scores, settings.detector)
    ranking = ranking_of(detector, heads, units, watched, settings)
    few = (prompts_behind(ranking) or 0) < FEW_PROMPTS
    counted, advice = _counted(prompts, ranking), _advice(prompts)
    say(f"{counted} {advice if few and detector.reads_prompts else ''}".strip())
    for warning in ranking_facts(ranking, levels=[]).warnings():
        warn(f"{_name(task.identity)}: {warning}")
    reason = {} if ranking["head_rankings"] else {"unranked": f"{counted} {_said(units, watched)}{advice}"}
    if reason:
        warn(unranked_words(_name(task.identity), reason["unranked"]))
    write_json(output, {**vars(task.identity), **ranking, **reason})


def _name(identity: RankingIdentity) -> str:
    return f"{identity.method}/{Experiment(identity.model_key, identity.question, identity.total_tokens)}"


def _counted(prompts: Sequence[Prompt], ranking: Mapping[str, Any]) -> str:
    held = f"{sum(prompt.answerable for prompt in prompts)} of {len(prompts)} train prompts hold their answer"
    if "successful_retrievals" in ranking:
        right = ranking["successful_retrievals"]
        return f"{held}; {ranking['samples_processed']} were read and {right} answered correctly."
    return f"{held}; {ranking['samples_processed']} prompts or draws were scored."


def _said(units: Sequence[UnitScores], prompts: Sequence[Prompt]) -> str:
    """The first answers, where there are any."""
    golds = {prompt.filename: prompt.gold for prompt in prompts}
    shown = [
        f"{unit.answer[:SHOWN_CHARACTERS]!r} to {unit.unit}, whose answer is {golds[unit.unit]!r}"
        for unit in units[:SHOWN_ANSWERS]
        if unit.answer is not None
    ]
    return f"The model said {'; '.join(shown)}. " if shown else ""


def _advice(prompts: Sequence[Prompt]) -> str:
    """What to change, the likeliest first."""
    cut_off = "Use longer prompts (tokens), which hold more of a passage"
    unanswered = "Give the model a stem to complete (prompt.stems) or more new tokens"
    mostly_cut = 2 * sum(prompt.answerable for prompt in prompts) < len(prompts)
    first, second = (cut_off, unanswered) if mostly_cut else (unanswered, cut_off)
    return f"{first}. {second}. A smaller filings.test_fraction leaves more train prompts."
