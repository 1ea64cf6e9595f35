"""The typed settings of every stage, built from a study's config: what a rule hands to its script."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from head_ablation import PROTOCOL_VERSION
from head_ablation.common.experiment import Experiment
from head_ablation.common.files import canonical_json, holds, is_folder, json_text, sha256_file
from head_ablation.common.settings import from_json
from head_ablation.detectors import DETECTORS
from head_ablation.detectors.settings import DetectorChoice, RankingSettings, ScoreSettings
from head_ablation.engine.interventions import INTERVENTIONS
from head_ablation.engine.settings import AblationSettings, LevelSettings, RunSettings
from head_ablation.heads.head import ModelShape
from head_ablation.heads.head_sets import HeadSetSettings
from head_ablation.jobs.batch_size import GPU_GB
from head_ablation.models.folder import files_of_model
from head_ablation.models.pointer import ModelSource
from head_ablation.models.shape import declared_shape, known_shape
from head_ablation.planted.options import PLANTED, PlantedOptions
from head_ablation.planted.texts import planted_files
from head_ablation.prompts.edgar import Corpus, CorpusRequest
from head_ablation.prompts.evidence import Question
from head_ablation.prompts.filings import FilingsFiles, FilingsSettings
from head_ablation.prompts.ground_truth import Fields
from head_ablation.prompts.layout import Layout, PromptSettings
from head_ablation.prompts.matchers import MATCHERS
from head_ablation.prompts.samples import SampleSettings
from head_ablation.results.scoring import Judge
from head_ablation.study.code import LIBRARY, code_digest
from head_ablation.study.study import EDGAR, Study

GENERATED = "generated"


def model_source(study: Study, model: str) -> ModelSource:
    """Where a model comes from, and the grid of heads that the study says it has."""
    own = study.model(model)
    source, planted = own["source"], planted_options(study, model)
    found = PLANTED if planted else study.paths.source(source)
    return ModelSource(source, found, own["revision"], own["shape"], planted)


def planted_options(study: Study, model: str) -> PlantedOptions | None:
    """The options of a planted model; None for any other."""
    own = study.model(model)
    return from_json(PlantedOptions, own["planted"] or asdict(PlantedOptions())) if own["source"] == PLANTED else None


def planted_models(study: Study) -> list[str]:
    """The models whose heads are known by construction."""
    return [model for model in study.config["models"] if study.model(model)["source"] == PLANTED]


def shape_at_hand(study: Study, model: str) -> ModelShape | None:
    """A model's shape if it can be told without fetching anything: from its config.json, or as declared."""
    origin = model_source(study, model)
    return known_shape(origin.source, origin.revision, origin.planted) or declared_shape(origin.shape)


def model_files(study: Study, model: str) -> list[str]:
    """The files that make a local folder's or a planted model; none for a model from elsewhere."""
    if planted_options(study, model):
        return [study.paths.from_here(path) for path in planted_files()]
    source = model_source(study, model).source
    return [str(path) for path in files_of_model(Path(source))] if is_folder(source) else []


def model_versions(study: Study, model: str) -> str:
    """The digest of the code that writes a planted model; nothing for a model that is not written here."""
    return code_digest(LIBRARY / "planted" / "model_folder.py") if planted_options(study, model) else ""


def filings_files(study: Study) -> FilingsFiles:
    """The files that samples are made from."""
    filings = study.config["filings"]
    given = filings["section_1"]
    texts = {GENERATED: None, EDGAR: f"{study.folder}/filings.jsonl"}
    return FilingsFiles(
        ground_truth=study.ground_truth,
        texts=texts[given] if given in texts else study.paths.find(given),
        evidence=study.paths.find(filings["evidence"]) if filings["evidence"] else None,
    )


def filings_settings(study: Study) -> FilingsSettings:
    """What decides the filings and their split, besides their files."""
    filings = study.config["filings"]
    return FilingsSettings(
        null_values=tuple(filings["null_values"]),
        absent=filings["absent"],
        seed=study.config["seed"] if filings["seed"] is None else filings["seed"],
        split=filings["split"],
        test_fraction=filings["test_fraction"],
        questions={key: Question(asked["column"], asked["matcher"]) for key, asked in study.questions.items()},
        fields=Fields(**filings["fields"]),
    )


def sample_settings(study: Study, question: str) -> SampleSettings:
    """What decides the samples of a question, besides the files of filings."""
    asked = study.questions[question]
    return SampleSettings(filings_settings(study), asked["column"], asked["matcher"])


def corpus_request(study: Study) -> CorpusRequest:
    """What decides the filings that are fetched from a corpus."""
    filings = study.config["filings"]
    corpus = {**filings["corpus"], "source": study.paths.source(filings["corpus"]["source"])}
    return CorpusRequest(Corpus(**corpus), filings["absent"], sha256_file(study.ground_truth))


def corpus_cache(study: Study) -> str:
    """Where filings of a corpus are kept, for all studies."""
    corpus = study.config["filings"]["corpus"]
    place = "@".join(str(corpus[part]) for part in ("source", "revision", "data_dir"))
    return f"{study.paths.results}/store/filings/{re.sub(r'[^A-Za-z0-9@._-]+', '--', place)}.jsonl"


def filings_at_hand(study: Study) -> bool:
    """Whether the filings are here: all are, but those that have to be fetched from a corpus first."""
    if study.config["filings"]["section_1"] != EDGAR:
        return True
    folder = Path(study.folder)
    current = holds(folder / "filings.index.json", json_text(corpus_request(study).to_json()))
    return current and (folder / "filings.jsonl").is_file()


def prompt_settings(study: Study, model: str, question: str) -> PromptSettings:
    """What decides the prompts, besides samples, filler, tokens and the model's tokenizer."""
    shared, own, asked = study.config["prompt"], study.model(model)["prompt"], study.questions[question]
    layout = Layout(
        template=own.get("template", shared["template"]),
        stem=own["stems"].get(question, asked["stem"]),
        chat=own.get("chat", shared["chat"]),
        depth=shared["depth"],
        min_filler_tokens=shared["min_filler_tokens"],
        builder=shared["builder"],
    )
    return PromptSettings(layout, own["texts"].get(question, asked["text"]))


def run_settings(study: Study, model: str) -> RunSettings:
    """How a model is loaded and its answers are decoded."""
    own, decoding = study.model(model), study.config["generation"]
    return RunSettings(
        **{key: own[key] for key in ("dtype", "attention", "device", "trust_remote_code", "batch_size")},
        memory_gb=memory_gb(study, model) if own["batch_size"] == "auto" else None,
        max_new_tokens=decoding["max_new_tokens"],
        stop=tuple(own["prompt"].get("stop", decoding["stop"])),
        software=study.config["software"],
    )


def memory_gb(study: Study, model: str) -> float | None:
    """What a job of the model may take, on its GPUs together or of main memory; None: no GPU, and nothing is said."""
    own = study.model(model)
    on_gpu = own["gpu"] > 0 or own["device"].startswith("cuda")
    return own["memory_gb"] or (GPU_GB * max(1, own["gpu"]) if on_gpu else None)


def level_settings(study: Study, model: str) -> LevelSettings:
    """What decides the generations, besides model, prompts and heads."""
    ablation = study.config["ablation"]
    options = _options_beside(ablation, INTERVENTIONS[ablation["intervention"]].options)
    chosen = AblationSettings(ablation["intervention"], ablation["positions"], options)
    return LevelSettings(run_settings(study, model), chosen)


def level_versions(study: Study, model: str) -> str:
    """The versions that decide generations: when one is raised, their jobs run again."""
    intervention = level_settings(study, model).ablation.intervention
    return canonical_json({"protocol": PROTOCOL_VERSION, "intervention": INTERVENTIONS[intervention].version})


def score_versions(study: Study, question: str) -> str:
    """The versions that decide head scores: when one is raised, their jobs run again."""
    detectors = {choice.name: DETECTORS[choice.name].version for choice in detector_choices(study)}
    own = {"detectors": detectors, "matcher": MATCHERS[study.questions[question]["matcher"]].version}
    return canonical_json({"protocol": PROTOCOL_VERSION, **own})


def detector_choices(study: Study) -> list[DetectorChoice]:
    """The detectors of all methods, each with its options once."""
    found = [detector_choice(study, method) for method in study.detected_methods]
    return list({canonical_json(vars(choice)): choice for choice in found}.values())


def detector_choice(study: Study, method: str) -> DetectorChoice:
    """The detector of a method, with all its options."""
    source = study.config["rankings"][method]
    return DetectorChoice(source["detector"], _options_beside(source, DETECTORS[source["detector"]].options))


def score_settings(study: Study, model: str, question: str) -> ScoreSettings:
    """What decides head scores, besides model and train prompts."""
    return ScoreSettings(
        run=run_settings(study, model),
        detectors=tuple(detector_choices(study)),
        asked=prompt_settings(study, model, question),
        prompts=study.config["detection"]["prompts"],
        needle=study.config["detection"]["needle"],
        matcher=study.questions[question]["matcher"],
    )


def ranking_settings(study: Study, method: str, question: str) -> RankingSettings:
    """What decides a detected ranking, besides head scores and train prompts."""
    detection = study.config["detection"]
    return RankingSettings(
        detector=detector_choice(study, method),
        prompts=detection["prompts"],
        needle=detection["needle"],
        success=detection["success"],
        matcher=study.questions[question]["matcher"],
    )


def _options_beside(given: Any, options: type) -> dict[str, Any]:
    """The options of a registered entry, which stand beside its name in the config."""
    return {name: given[name] for name in options.__dataclass_fields__}  # type: ignore[attr-defined]


def head_set_settings(study: Study, experiment: Experiment) -> HeadSetSettings:
    """What decides an experiment's head sets, besides ranking and model."""
    return HeadSetSettings(str(experiment), tuple(map(str, study.conditions())), study.arms)


def judge(study: Study, question: str) -> Judge:
    """Which verdicts are given on the answers to a question, and what counts."""
    scoring = study.config["scoring"]
    return Judge(study.questions[question]["matcher"], scoring["rule"], scoring["count"])
