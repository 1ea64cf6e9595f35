"""The files that a user gives, rankings and finished results: where they are, and what they must agree with."""

from __future__ import annotations

from collections.abc import Mapping

from head_ablation.common.experiment import Experiment
from head_ablation.heads.rankings import Expectation, RankingIdentity
from head_ablation.models.pointer import model_name
from head_ablation.results.published_format import ResultExpectation, ResultIdentity
from head_ablation.study.settings import prompt_settings
from head_ablation.study.study import Study


def ranking_file(study: Study, method: str, experiment: Experiment) -> str | None:
    """The path of a given ranking; None if the ranking is detected, or there is none."""
    source = study.config["rankings"][method]
    return _path(study, source, method, experiment) if isinstance(source, str) else None


def result_file(study: Study, method: str, experiment: Experiment) -> str:
    """The path of a given ablation result."""
    return _path(study, study.config["results_from"], method, experiment)


def _path(study: Study, template: str, method: str, experiment: Experiment) -> str:
    model_dir = study.model(experiment.model)["model_dir"] or experiment.model
    return study.paths.find(template.format(method=method, model_dir=model_dir, **experiment._asdict()))


def ranking_expectation(study: Study, experiment: Experiment) -> Expectation:
    """What a given ranking must agree with, but for the model's shape."""
    return Expectation(
        models=tuple(_model_keys(study, experiment.model)),
        model_name=model_name(study.model(experiment.model)["source"]),
        question=experiment.question,
        tokens=experiment.tokens,
        heads_needed=max(study.levels),
    )


def result_expectation(study: Study, method: str, experiment: Experiment) -> ResultExpectation:
    """What a given ablation result must agree with."""
    return ResultExpectation(
        method=method,
        methods=tuple(study.methods),
        models=tuple(_model_keys(study, experiment.model)),
        model_name=model_name(study.model(experiment.model)["source"]),
        question=experiment.question,
        tokens=experiment.tokens,
        levels=tuple(study.levels),
    )


def _model_keys(study: Study, model: str) -> list[str]:
    """What a given file may call this model."""
    return list(dict.fromkeys([model, study.model(model)["model_dir"] or model]))


def ranking_identity(study: Study, method: str, experiment: Experiment) -> RankingIdentity:
    """What a ranking file says it ranks."""
    return RankingIdentity(
        method=method,
        model_key=experiment.model,
        model_name=model_name(study.model(experiment.model)["source"]),
        question=experiment.question,
        question_prompt=prompt_settings(study, experiment.model, experiment.question).question,
        total_tokens=experiment.tokens,
        needle_position=study.config["prompt"]["depth"],
    )


def result_identity(study: Study, method: str, experiment: Experiment) -> ResultIdentity:
    """What an ablation result says it is about; `method` as the published study writes it."""
    source = study.config["rankings"][method]
    return ResultIdentity(
        **{**vars(ranking_identity(study, method, experiment)), "method": f"{method}_ablation_incremental"},
        ranking_method=method,
        heads_source=source["detector"] if isinstance(source, Mapping) else source,
    )
