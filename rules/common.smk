# What the rules share: the study, checked before any job is planned, and the functions that answer for it.

import json
import sys
from shlex import quote

sys.path.insert(0, workflow.basedir)

from head_ablation.checks import checked_study
from head_ablation.config import Experiment
from head_ablation.problems import StudyError

try:
    STUDY = checked_study(config, ", ".join(map(str, workflow.configfiles)))
except StudyError as error:
    raise WorkflowError(f"the study cannot run:\n{error}") from None

# Scripts find the package wherever a job runs, in any environment.
shell.prefix(f"export PYTHONPATH={quote(workflow.basedir)}${{{{PYTHONPATH:+:$PYTHONPATH}}}}; ")

TABLES = [
    "tables/samples.parquet",
    "tables/levels.csv",
    "tables/curves.csv",
    "tables/key_results.csv",
    "tables/key_results.md",
]
FIGURES = [
    f"figures/figure8_{view}.{suffix}"
    for view in ("by_question", "by_method", "grid")
    for suffix in ("svg", "png", "pdf")
]


wildcard_constraints:
    study=STUDY.name,
    model="|".join(STUDY.config["models"]),
    question="|".join(STUDY.config["questions"]),
    tokens=r"\d+",
    split="train|test",
    method="|".join(STUDY.methods),
    condition=r"top-\d+|random-\d+-\d+",


def study_files(*names):
    """Paths below results/<study>/ of some files, or of lists of files."""
    flat = [name for part in names for name in ([part] if isinstance(part, str) else part)]
    return [f"results/{STUDY.name}/{name}" for name in flat]


def every(stage):
    """The files of a stage, `rankings` or `ablation`: all methods and experiments."""
    return study_files([f"{stage}/{method}/{e}.json" for method in STUDY.methods for e in STUDY.experiments()])


def methods(given):
    """A pattern for the methods whose rankings are given, or are detected; matches nothing if none."""
    chosen = [m for m in STUDY.methods if (STUDY.config["rankings"][m] != "detect") == given]
    return "|".join(chosen) or "(?!)"


def experiment(wildcards):
    """The experiment that a job belongs to."""
    return Experiment(wildcards.model, wildcards.question, int(wildcards.tokens))


def as_json(settings):
    """Settings as one argument; Snakemake runs a job again when they change."""
    return json.dumps(settings, sort_keys=True)


def resolved_config(wildcards):
    return as_json(STUDY.config)


def labels(wildcards):
    return as_json(STUDY.labels())


def model_origin(wildcards):
    return as_json(STUDY.model_origin(wildcards.model))


def filings_files(wildcards):
    """The files that samples are made from."""
    filings = STUDY.config["filings"]
    texts = filings["section_1"]
    return {
        "ground_truth": filings["ground_truth"],
        "texts": "resources/passages.yaml" if texts == "generated" else texts,
        **({"evidence": filings["evidence"]} if filings["evidence"] else {}),
    }


def column(wildcards):
    return STUDY.questions[wildcards.question]["column"]


def matcher(wildcards):
    return STUDY.questions[wildcards.question]["matcher"]


def filings_settings(wildcards):
    return as_json(STUDY.filings_settings())


def prompt_settings(wildcards):
    return as_json(STUDY.prompt_settings(wildcards.model, wildcards.question))


def given_ranking(wildcards):
    return STUDY.ranking_file(wildcards.method, experiment(wildcards))


def model_keys(wildcards):
    return STUDY.model_keys(wildcards.model)


def ranking_identity(wildcards):
    return as_json(STUDY.ranking_identity(wildcards.method, experiment(wildcards)))


def detection_settings(wildcards):
    return as_json(STUDY.detection_settings(wildcards.model, wildcards.question))


def generation_settings(wildcards):
    return as_json(STUDY.generation_settings(wildcards.model))


def random_arm(wildcards):
    return as_json(STUDY.random_arm().__dict__)


def head_set(wildcards):
    """A condition's head-set file. The checkpoint rewrites it only if its heads change."""
    index = checkpoints.heads.get(**{key: wildcards[key] for key in ("study", "method", "model", "question", "tokens")})
    return index.output[0].replace("index.json", f"{wildcards.condition}.json")


def generation_files(wildcards):
    """The generations of all conditions of one method and experiment."""
    folder = "results/{study}/generations/{method}/{model}/{question}/tokens_{tokens}"
    return [f"{folder}/{condition}.json".format(**wildcards) for condition in STUDY.conditions()]


def result_identity(wildcards):
    return as_json(STUDY.result_identity(wildcards.method, experiment(wildcards)))


def judge(wildcards):
    return as_json({"kind": matcher(wildcards), "rule": STUDY.config["scoring"]["matcher"]})


def model_threads(wildcards):
    return STUDY.model(wildcards.model)["threads"]


def model_gpu(wildcards):
    return STUDY.model(wildcards.model)["gpu"]


def model_mem_mb(wildcards):
    return STUDY.model(wildcards.model)["mem_mb"]


def model_runtime(wildcards):
    return STUDY.model(wildcards.model)["runtime"]
