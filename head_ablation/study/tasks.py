"""What the rules of rankings, scoring, audit and figures hand to their scripts, built from a study."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from head_ablation.common.experiment import Experiment
from head_ablation.common.files import read_json
from head_ablation.common.problems import StudyError
from head_ablation.common.settings import to_text
from head_ablation.figures.figure import Design, FigureTask, Labels
from head_ablation.figures.head_map import RankingsTask
from head_ablation.figures.palettes import WIDTHS
from head_ablation.heads.head import ModelShape
from head_ablation.heads.ranking_facts import RankingFacts, ranking_facts
from head_ablation.jobs.ranking import RankingTask
from head_ablation.models.pointer import model_name
from head_ablation.report.sources import ReportTask
from head_ablation.results.audit import AuditRankings, AuditTask
from head_ablation.results.rows import TablesTask
from head_ablation.results.score_task import ScoreTask
from head_ablation.results.truth import TruthTask
from head_ablation.study.given_files import (
    ranking_file,
    ranking_identity,
    result_expectation,
    result_file,
    result_identity,
)
from head_ablation.study.settings import (
    head_set_settings,
    judge,
    level_settings,
    model_source,
    prompt_settings,
    ranking_settings,
    shape_at_hand,
)
from head_ablation.study.study import Study


def ranking_task(study: Study, method: str, experiment: Experiment) -> RankingTask:
    """A ranking to make from head scores."""
    settings = ranking_settings(study, method, experiment.question)
    return RankingTask(ranking_identity(study, method, experiment), settings)


def score_task(study: Study, method: str, experiment: Experiment) -> ScoreTask:
    """The answers of one method and experiment to score."""
    return ScoreTask(
        settings=level_settings(study, experiment.model),
        heads=head_set_settings(study, experiment),
        identity=result_identity(study, method, experiment),
        judge=judge(study, experiment.question),
        model=model_source(study, experiment.model),
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
        names={model: model_name(study.model(model)["source"]) for model in study.config["models"]},
        questions={
            f"{model}/{question}": prompt_settings(study, model, question).question
            for model in study.config["models"]
            for question in study.questions
        },
    )


def audit_rankings(study: Study) -> AuditRankings:
    """The rankings that the audit reads: given ones, or detected ones."""
    pairs = [(method, experiment) for method in study.ranked_methods for experiment in study.experiments()]
    return AuditRankings(tuple((m, *e, ranking_file(study, m, e) or detected_file(study, m, e)) for m, e in pairs))


def truth_task(study: Study) -> TruthTask:
    """What the page of truth says of the study's ablations and rankings."""
    ablation, sources = study.config["ablation"], study.config["rankings"]
    return TruthTask(
        intervention=ablation["intervention"],
        positions=ablation["positions"],
        judges={question: judge(study, question) for question in study.questions},
        sources={
            method: source["detector"] if isinstance(source, Mapping) else "given" for method, source in sources.items()
        },
        levels=tuple(study.levels),
    )


def tables_task(study: Study) -> TablesTask:
    """What the tables say of each ranking; of a detected one, once it is there."""
    found = {}
    for method in study.ranked_methods:
        for experiment in study.experiments():
            path = Path(ranking_file(study, method, experiment) or detected_file(study, method, experiment))
            facts = _facts(path, path.stat().st_mtime_ns, tuple(study.levels)) if path.is_file() else None
            if facts:
                found[f"{method}/{experiment}"] = facts
    return TablesTask(found)


@cache
def _facts(path: Path, _written: int, levels: tuple[int, ...]) -> RankingFacts | None:
    """None of a damaged ranking: a detected one is made again before there are tables, a given one is refused."""
    try:
        return ranking_facts(read_json(path), levels)
    except (StudyError, AttributeError, KeyError, TypeError, ValueError):
        return None


def detected_file(study: Study, method: str, experiment: Experiment) -> str:
    """The path of a detected ranking."""
    return f"{study.folder}/rankings/{method}/{experiment}.json"


def figure_task(study: Study) -> FigureTask:
    """How the figures look, with all keys in the config's order, and the methods that they should show."""
    chosen = study.config["figures"]
    design = Design(
        labels=_labels(study),
        tokens=tuple(study.config["tokens"]),
        width_inches=WIDTHS.get(chosen["width"], chosen["width"]),
        **{option: chosen[option] for option in ("font_size", "palette", "legend", "controls")},
    )
    return FigureTask(design, tuple(study.methods))


def rankings_task(study: Study) -> RankingsTask:
    """The rankings that figures show. Grids of heads are those that the config tells, as in `report_task`."""
    return RankingsTask(audit_rankings(study).files, tuple(study.levels), _grids(study))


def report_task(study: Study) -> ReportTask:
    """What the page says of the study. Grids of heads are those that the config tells; of models that are run, the page
    reads them."""
    config = study.config
    pairs = [(model, question) for model in config["models"] for question in study.questions]
    return ReportTask(
        study=study.name,
        labels=_labels(study),
        conditions=tuple(map(str, study.conditions())),
        methods=tuple(study.methods),
        models=tuple(config["models"]),
        questions=tuple(study.questions),
        tokens=tuple(config["tokens"]),
        levels=tuple(study.levels),
        matchers={key: question["matcher"] for key, question in study.questions.items()},
        wording={f"{model}/{question}": prompt_settings(study, model, question).question for model, question in pairs},
        grids=_grids(study),
        rankings=audit_rankings(study).files,
    )


def _grids(study: Study) -> dict[str, ModelShape | None]:
    """The grids of models that are not run; those of others have a file."""
    return {model: shape_at_hand(study, model) for model in study.config["models"]} if study.has_results else {}


def _labels(study: Study) -> Labels:
    """The names of the figures: those of the config, else a question's label, else a key's words."""
    own = study.config["figures"]["labels"]
    plain = Labels()
    return Labels(
        method=tuple((key, own["methods"].get(key, plain.name("method", key))) for key in study.methods),
        model=tuple((key, own["models"].get(key, plain.name("model", key))) for key in study.config["models"]),
        question=tuple((key, own["questions"].get(key, asked["label"])) for key, asked in study.questions.items()),
        arm=tuple(own["arms"].items()),
    )
