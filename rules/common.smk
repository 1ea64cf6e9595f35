# What the rules share: the study, checked before any job is planned, the files of every stage, and what a rule hands to
# its script.

import sys
from inspect import signature
from pathlib import Path

import snakemake as snakemake_package

HOME = Path(workflow.current_basedir.get_path_or_uri(secret_free=False)).resolve().parent  # of the workflow
sys.path.insert(0, str(HOME))

from head_ablation import HEAD_SETS_VERSION, PROMPTS_VERSION
from head_ablation.common.experiment import PATTERN, Experiment
from head_ablation.common.digests import Digests
from head_ablation.common.files import holds, sha256_text
from head_ablation.common.problems import StudyError, refuse
from head_ablation.common.settings import to_text
from head_ablation.common.yaml_files import repeated_keys
from head_ablation.jobs.store import Store
from head_ablation.study.checks import checked_study
from head_ablation.study.closing_words import closing_words, log_state
from head_ablation.study.code import code_digest
from head_ablation.study.environment import prepare_environment
from head_ablation.study.loading import load_study
from head_ablation.study.paths import Paths
from head_ablation.study.planning import Plan
from head_ablation.study.run_progress import QUIET_SECONDS, SECONDS, Printer, RunProgress, asking_jobs
from head_ablation.study.snakemake_state import snakemake_state
from head_ablation.study.stage import Judgement, Stage


def refuse_by_message(check, *arguments):
    """What a check gives; its refusal in Snakemake's words, without a traceback."""
    try:
        return check(*arguments)
    except StudyError as error:
        raise WorkflowError(f"the study cannot run:\n{error}") from None


STATE = refuse_by_message(snakemake_state, workflow, snakemake_package.__version__)
ROOT = f"{STATE.prefix}results"  # of all studies, as Python finds it; Snakemake itself puts a module's prefix to paths
STORE = f"{ROOT}/store"  # shared by all studies
PATHS = Paths(
    folders=(*(file.resolve().parent for file in reversed(STATE.config_files)), Path(workflow.basedir), HOME),
    results=ROOT,
    absolute=bool(STATE.prefix),
)
CONFIG_FILES = ", ".join(map(str, STATE.config_files)) or "config"
# A cluster's job reads the rules again: all is checked by then.
if not STATE.is_on_a_node:
    refuse_by_message(refuse, [problem for file in STATE.config_files for problem in repeated_keys(file)])
STUDY = refuse_by_message(load_study if STATE.is_on_a_node else checked_study, config, CONFIG_FILES, PATHS)
if not STATE.is_on_a_node:
    for note in STUDY.notes:
        logger.warning(f"{CONFIG_FILES}: {note}")
PLAN = Plan(STUDY)
JUDGEMENT = Judgement(STATE, Digests(Path(STORE) / "digests"), logger.info)
LOG_FOLDERS = [Path(STUDY.folder) / "logs", *(Path(ROOT) / "models" / model for model in STUDY.config["models"])]
PRINTER = None  # of progress, once the run has started
LOGS_BEFORE = {} if STATE.is_on_a_node or STATE.is_dry_run else log_state(LOG_FOLDERS)


def start_progress():
    """Says now and then how many prompts of all are asked, and how much time is left; for Snakemake's start."""
    global PRINTER
    if not STATE.is_on_a_node:
        progress = RunProgress(LOG_FOLDERS[0], LOGS_BEFORE, lambda: asking_jobs(STUDY, STATE.jobs()))
        PRINTER = Printer(progress, logger.info, SECONDS if sys.stderr.isatty() else QUIET_SECONDS)


def say_closing_words():
    """Says how far the run came, why jobs failed, and their warnings, whatever the quietness; for Snakemake's end."""
    if PRINTER:
        PRINTER.stop()
    for message in [] if STATE.is_on_a_node else closing_words(LOG_FOLDERS, LOGS_BEFORE):
        print(message, file=sys.stderr, flush=True)


prepare_environment(HOME)

POINTER = "results/models/{model}/model.json"
SHAPE = "results/models/{model}/shape.json"
ROLES = "results/models/{model}/roles.json"  # of a planted model


def of_experiment(pattern):
    """A path of an experiment with its wildcards, of a pattern such as `prompts/{}.test.jsonl`."""
    return f"results/{{study}}/{pattern.replace('{}', PATTERN)}"


wildcard_constraints:
    study=STUDY.name,
    model="|".join(STUDY.config["models"]),
    question="|".join(STUDY.config["questions"]),
    tokens=r"\d+",
    split="train|test",
    method="|".join(STUDY.methods),
    condition=r"[a-z_]+-\d+(-\d+)?",


def only(names):
    """A pattern for some values of a wildcard; matches nothing if there are none."""
    return "|".join(names) or "(?!)"


def study_files(*names):
    """Paths below results/<study>/ of some files, or of lists of files."""
    flat = [name for part in names for name in ([part] if isinstance(part, str) else part)]
    return [f"results/{STUDY.name}/{name}" for name in flat]


def every(pattern, methods=STUDY.methods):
    """The files of a pattern such as `ablation/{}.json`: all experiments of all methods, or of some."""
    return study_files([pattern.format(f"{method}/{e}") for method in methods for e in STUDY.experiments()])


def experiment(wildcards):
    """The experiment that a job belongs to."""
    return Experiment(wildcards.model, wildcards.question, int(wildcards.tokens))


def of_study(build):
    """A function of a job's wildcards: what `build` gives for the study and their model, question, experiment, ..."""
    names = list(signature(build).parameters)[1:]

    def built(wildcards):
        return build(STUDY, *(experiment(wildcards) if n == "experiment" else getattr(wildcards, n) for n in names))

    return built


def settings(build):
    """As `of_study`, as one line of text for a script; Snakemake runs a job again when it changes."""
    built = of_study(build)
    return lambda wildcards: to_text(built(wildcards))


def code(script, version=""):
    """The digest of a script and of what it imports, and the version of what it makes, where that has one; the policy
    stands in head_ablation/study/code.py."""
    return lambda wildcards: f"{code_digest(HOME / 'scripts' / script)} {version}".rstrip()


def judged(name, **how):
    """No input: has Snakemake run a job whose files are not what they would be made from, whatever it remembers of
    them; its rule's name is given. A cluster's job was judged when it was submitted."""

    def judge(wildcards):
        if not STATE.is_on_a_node:
            Stage(getattr(rules, name), JUDGEMENT, **how).judge(wildcards)
        return []

    return judge


def lineage(name, **how):
    """What a job's files are made from, as one line of text that its script records; its rule's name is given."""
    return lambda wildcards: Stage(getattr(rules, name), JUDGEMENT, **how).lineage(wildcards)


def made(maker, path, planned, index, **names):
    """A file that the checkpoint `maker` writes beside its `index`. If it holds already what is planned, nobody waits
    for its being made again; without a plan (a detected ranking), the checkpoint has to be through."""
    found = Path(STATE.prefix + path)
    if STATE.is_on_a_node:  # it was there when the job was submitted
        return path
    if planned is None or not holds(found, planned):
        maker.get(**names)
        if planned is not None and not holds(found, planned):
            fix = f"remove {index} and run again"
            raise WorkflowError(f"{path} is not what the study's files say now, but counts as current; {fix}")
    return path


include: "cluster.smk"
