# What the rules share: the study, checked before any job is planned, and the functions that answer for it.

import json
import re
import sys
from pathlib import Path
from shlex import quote

sys.path.insert(0, workflow.basedir)

from snakemake.exceptions import IncompleteCheckpointException

from head_ablation.allocation import FROM_STORE, Requests
from head_ablation.checks import checked_study, weights_problems
from head_ablation.config import Experiment, load_study
from head_ablation.files import holds, sha256_file, sha256_text
from head_ablation.planning import Plan
from head_ablation.problems import StudyError, refuse
from head_ablation.staleness import refuse_unrecorded_change
from head_ablation.store import Store

CONFIG_FILES = ", ".join(map(str, workflow.configfiles))
ON_A_NODE = workflow.remote_exec  # a cluster's job reads the rules again: all is checked by then
try:
    STUDY = load_study(config, CONFIG_FILES) if ON_A_NODE else checked_study(config, CONFIG_FILES)
    if not ON_A_NODE:
        refuse_unrecorded_change(STUDY.config, Path(f"results/{STUDY.name}/config.yaml"), Path(".snakemake/metadata"))
except StudyError as error:
    raise WorkflowError(f"the study cannot run:\n{error}") from None
PLAN = Plan(STUDY)
STORE = "results/store"  # shared by all studies

# Scripts find the package wherever a job runs, in any environment.
shell.prefix(f"export PYTHONPATH={quote(workflow.basedir)}${{{{PYTHONPATH:+:$PYTHONPATH}}}}; ")

POINTER = "results/models/{model}/model.json"
SHAPE = "results/models/{model}/shape.json"
PROMPTS = "results/{{study}}/prompts/{{model}}/{{question}}/tokens_{{tokens}}.{split}.jsonl"
HEADS = "results/{study}/heads/{method}/{model}/{question}/tokens_{tokens}/{condition}.json"
NO_HEADS = "resources/no_heads.json"  # of the baseline
SAMPLES = [] if STUDY.has_results else [f"samples/{question}.index.json" for question in STUDY.questions]
AUDIT = ["tables/audit.md"] if STUDY.has_results or STUDY.config["claims"] else []
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


def every(pattern, methods=STUDY.methods):
    """The files of a pattern such as `ablation/{}.json`: all experiments of all methods, or of some."""
    return study_files([pattern.format(f"{method}/{e}") for method in methods for e in STUDY.experiments()])


def methods(given):
    """A pattern for the methods whose rankings are given, or are detected; matches nothing if none."""
    chosen = [m for m in STUDY.ranked_methods if (STUDY.config["rankings"][m] != "detect") == given]
    return "|".join(chosen) or "(?!)"


def chosen_heads():
    """The indexes of all head sets; none for a study of finished results."""
    return [] if STUDY.has_results else every("heads/{}/index.json")


def given_results():
    """The files of the finished results that a study is given."""
    return [STUDY.result_file(method, e) for method in STUDY.methods for e in STUDY.experiments()]


def given_digests():
    """Of their content: it may change without a newer time stamp."""
    return [sha256_file(path) for path in given_results()]


def ranking_files():
    """The rankings as the audit reads them: the user's own files, or detected ones."""
    own = [(STUDY.ranking_file(method, e), method, e) for method in STUDY.ranked_methods for e in STUDY.experiments()]
    return [path or f"results/{STUDY.name}/rankings/{method}/{e}.json" for path, method, e in own]


def experiment(wildcards):
    """The experiment that a job belongs to."""
    return Experiment(wildcards.model, wildcards.question, int(wildcards.tokens))


def as_json(settings):
    """Settings as one argument; Snakemake runs a job again when they change."""
    return json.dumps(settings, sort_keys=True)


def resolved_config(wildcards):
    return as_json(STUDY.config)


def labels(wildcards):
    return json.dumps(STUDY.labels())  # their order is the figures'


def model_origin(wildcards):
    return as_json(STUDY.model_origin(wildcards.model))


def model_files(wildcards):
    """The files of a local model folder: a model changed in place is another model."""
    try:
        refuse(weights_problems(STUDY))
    except StudyError as error:
        raise WorkflowError(f"the study cannot run:\n{error}") from None
    return STUDY.model_files(wildcards.model)


def model_config(wildcards):
    """The config.json of a local model folder; no file for a model from elsewhere."""
    return [path for path in STUDY.model_files(wildcards.model) if Path(path).name == "config.json"]


def model_stamps(wildcards):
    """Their sizes and times: they may change without a newer time stamp."""
    stamps = {path: Path(path).stat() for path in model_files(wildcards)}
    return as_json({path: [stamp.st_size, stamp.st_mtime_ns] for path, stamp in stamps.items()})


def filings_files(wildcards):
    """The files that samples are made from."""
    filings = STUDY.filings_settings()
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


def corpus_index(wildcards):
    """What decides the filings that are fetched; the checked copy of it says that they are current."""
    return as_json(STUDY.corpus_index())


def corpus_cache(wildcards):
    """Where filings of a corpus are kept, for all studies."""
    corpus = STUDY.config["filings"]["corpus"]
    place = "@".join(str(corpus[part]) for part in ("source", "revision", "data_dir"))
    return f"{STORE}/filings/{re.sub(r'[^A-Za-z0-9@._-]+', '--', place)}.jsonl"


def made(maker, path, planned, index, **place):
    """A file that the checkpoint `maker` writes beside its `index`. If it holds already what is planned, nobody waits
    for its being made again; without a plan (a detected ranking), the checkpoint has to be through."""
    if ON_A_NODE:  # it was there when the job was submitted
        return path
    if planned is None or not holds(Path(path), planned):
        maker.get(**place)
        if planned is not None and not holds(Path(path), planned):
            fix = f"remove {index} and run again"
            raise WorkflowError(f"{path} is not what the study's files say now, but counts as current; {fix}")
    return path


def samples_file(wildcards):
    """The samples file of a split."""
    folder = f"results/{wildcards.study}/samples/{wildcards.question}"
    return made(
        checkpoints.samples,
        f"{folder}.{wildcards.split}.jsonl",
        PLAN.samples(wildcards.question, wildcards.split),
        f"{folder}.index.json",
        study=wildcards.study,
        question=wildcards.question,
    )


def samples_digest(split):
    """A function that gives the digest of what a samples file should hold, once that is known."""
    return lambda wildcards: sha256_text(PLAN.samples(wildcards.question, split) or "")


def prompt_settings(wildcards):
    return as_json(STUDY.prompt_settings(wildcards.model, wildcards.question))


def given_ranking(wildcards):
    return STUDY.ranking_file(wildcards.method, experiment(wildcards))


def given_digest(wildcards):
    """Of the given ranking's content: it may change without a newer time stamp."""
    return sha256_file(given_ranking(wildcards))


def ranking_expectation(wildcards):
    return as_json(STUDY.ranking_expectation(experiment(wildcards)))


def ranking_identity(wildcards):
    return as_json(STUDY.ranking_identity(wildcards.method, experiment(wildcards)))


def detection_settings(wildcards):
    return as_json(STUDY.detection_settings(wildcards.model, wildcards.question))


def generation_settings(wildcards):
    return as_json(STUDY.generation_settings(wildcards.model))


def random_arm(wildcards):
    return as_json(STUDY.random_arm().__dict__)


def detected_on(wildcards):
    """The model and prompts that a detected ranking was detected on; nothing for a given one."""
    detected = STUDY.config["rankings"][wildcards.method] == "detect"
    return [path.format(**wildcards) for path in (POINTER, PROMPTS.format(split="train"))] if detected else []


def head_set_file(condition, **place):
    """The head-set file of a condition."""
    folder = "results/{study}/heads/{method}/{model}/{question}/tokens_{tokens}".format(**place)
    asked = Experiment(place["model"], place["question"], int(place["tokens"]))
    planned = PLAN.head_set(place["method"], asked, condition)
    return made(checkpoints.heads, f"{folder}/{condition}.json", planned, f"{folder}/index.json", **place)


def head_set(wildcards):
    return head_set_file(**wildcards)


def head_sets(wildcards):
    """The head-set files of all conditions of one method and experiment."""
    return [head_set_file(str(condition), **wildcards) for condition in STUDY.conditions()]


def settled_heads(wildcards):
    """No file: waits until the heads of all detected rankings are known. What hangs on a checkpoint only through other
    jobs runs whether or not it has to; what asks for it is judged anew."""
    for method in (method for method in STUDY.ranked_methods if STUDY.config["rankings"][method] == "detect"):
        for model, question, tokens in STUDY.experiments():
            checkpoints.heads.get(study=STUDY.name, method=method, model=model, question=question, tokens=tokens)
    return []


def generation_files(wildcards):
    """The generations of all conditions of one method and experiment."""
    folder = "results/{study}/generations/{method}/{model}/{question}/tokens_{tokens}"
    return [f"{folder}/{condition}.json".format(**wildcards) for condition in STUDY.conditions()]


def judged_ranking(wildcards):
    """The ranking that generations must be of: the user's own file as it is now, or the detected one."""
    path = "results/{study}/rankings/{method}/{model}/{question}/tokens_{tokens}.json"
    return given_ranking(wildcards) or path.format(**wildcards)


def result_identity(wildcards):
    return as_json(STUDY.result_identity(wildcards.method, experiment(wildcards)))


def judge(wildcards):
    scoring = STUDY.config["scoring"]
    return as_json({"kind": matcher(wildcards), "rule": scoring["matcher"], "count": scoring["count"]})


def on_cluster():
    """Whether jobs are submitted: the cluster profile says how many sweeps travel together."""
    return not ON_A_NODE and "sweep" in workflow.group_settings.group_components


def count_samples(question, split):
    return 0 if ON_A_NODE else PLAN.count(question, split)


REQUESTS = Requests(STUDY, count_samples, Store(Path(STORE)))


def level_request(wildcards, attempt):
    """What a level job asks for: on a cluster, no card if it needs no model."""
    there = ON_A_NODE or (on_cluster() and has_planned_heads(wildcards))
    stored = there and REQUESTS.holds_level(experiment(wildcards), *level_files(wildcards))
    return FROM_STORE if stored else REQUESTS.for_model(experiment(wildcards), "test", attempt)


def has_planned_heads(wildcards):
    """Whether a level's head-set file, as far as it is known before any job runs, is what it will be."""
    if "condition" not in wildcards.keys():
        return True
    planned = PLAN.head_set(wildcards.method, experiment(wildcards), wildcards.condition)
    return planned is None or holds(Path(HEADS.format(**wildcards)), planned)


def ranking_request(wildcards, attempt):
    """What a job asks for that detects a ranking."""
    files = [path.format(**wildcards) for path in (POINTER, PROMPTS.format(split="train"))]
    stored = (ON_A_NODE or on_cluster()) and REQUESTS.holds_ranking(experiment(wildcards), *files)
    return FROM_STORE if stored else REQUESTS.for_model(experiment(wildcards), "train", attempt)


def model_cards(wildcards):
    """The cards that a job takes if it has to compute after all."""
    return STUDY.model(wildcards.model)["gpu"]


def ask(request, what):
    """A function that gives one part of a request: threads, gpu, mem_mb or runtime."""
    return lambda wildcards, attempt: getattr(request(wildcards, attempt), what)


def level_files(wildcards):
    """The model, prompts and heads of a level job."""
    heads = HEADS if "condition" in wildcards.keys() else NO_HEADS
    return [path.format(**wildcards) for path in (POINTER, PROMPTS.format(split="test"), heads)]


def sweeps_together(wildcards):
    """The experiments whose level jobs are one submission with those of this one."""
    return STUDY.batch(experiment(wildcards), workflow.group_settings.group_components["sweep"])


def settled_sweeps(wildcards):
    """No file: on a cluster, waits until the heads of all sweeps that travel together are known, so that they can.
    A dry run goes no further anyway, and shows what would travel together."""
    for model, question, tokens in sweeps_together(wildcards) if on_cluster() and not workflow.dryrun else []:
        for method in STUDY.methods:
            checkpoints.heads.get(study=STUDY.name, method=method, model=model, question=question, tokens=tokens)
    return []


def sweep_group(wildcards):
    """The submission that a level job is part of; jobs that need no model are in one of their own, without a card."""
    if not on_cluster():
        return None
    try:
        settled_sweeps(wildcards)
    except IncompleteCheckpointException:
        return None
    if workflow.dryrun:  # which waits for nothing: Snakemake would keep jobs that it has replaced since
        workflow.dag.group_job_factory.cache.clear()
    first, *others = sweeps_together(wildcards)
    what = "stored" if level_request(wildcards, 1) == FROM_STORE else "sweep"
    name = "-".join(map(str, [what, *first])) + (f"-and-{len(others)}-more" if others else "")
    workflow.parent_groupids[name] = "levels"
    workflow.group_settings.group_components["levels"] = 1_000_000  # any number of them
    return name
