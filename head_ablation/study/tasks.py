"""What the rules of rankings, scoring, audit and figures hand to their scripts, built from a study."""

from __future__ import annotations

from head_ablation.common.experiment import Experiment
from head_ablation.common.settings import to_text
from head_ablation.figures.figure import FigureTask
from head_ablation.jobs.ranking import RankingTask
from head_ablation.results.audit import AuditTask
from head_ablation.results.score_task import ScoreTask
from head_ablation.study.given_files import (
    ranking_file,
    ranking_identity,
    result_expectation,
    result_file,
    result_identity,
)
from head_ablation.study.settings import (
    detection_settings,
    head_set_settings,
    judge,
    level_settings,
    shape_at_hand,
)
from head_ablation.study.study import Study


def ranking_task(study: Study, method: str, experiment: Experiment) -> RankingTask:
    """A ranking to detect."""
    settings = detection_settings(study, method, experiment.model, experiment.question)
    return RankingTask(ranking_identity(study, method, experiment), settings)


def score_task(study: Study, method: str, experiment: Experiment) -> ScoreTask:
    """The answers of one method and experiment to score."""
    return ScoreTask(
        settings=level_settings(study, experiment.model),
        heads=head_set_settings(study, experiment),
        identity=result_identity(study, method, experiment),
        judge=judge(study, experiment.question),
    )


def acceptances(study: Study) -> list[str]:
    """The arguments by which given results are accepted: for each what it must agree with, its file, its place."""
    arguments = []
    for method in study.methods:
        for experiment in study.experiments():
            expected = to_text(result_expectation(study, method, experiment))
            place = f"{study.folder}/ablation/{method}/{experiment}.json"
            arguments += ["--accept", expected, result_file(study, method, experiment), place]
    return arguments


def audit_task(study: Study) -> AuditTask:
    """What the study's results are held against, besides rankings and claims."""
    return AuditTask(
        conditions=tuple(map(str, study.conditions())),
        arms=study.arms,
        shapes={model: shape_at_hand(study, model) for model in study.config["models"]},
    )


def ranking_arguments(study: Study) -> list[str]:
    """The arguments by which the audit reads rankings: for each its method, its experiment, its file."""
    arguments = []
    for method in study.ranked_methods:
        for experiment in study.experiments():
            detected = f"{study.folder}/rankings/{method}/{experiment}.json"
            file = ranking_file(study, method, experiment) or detected
            arguments += ["--ranking", method, *map(str, experiment), file]
    return arguments


def figure_task(study: Study) -> FigureTask:
    """How the figures are labelled: questions by their label, in the config's order."""
    return FigureTask(tuple((key, question["label"]) for key, question in study.questions.items()))
