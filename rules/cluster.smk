# What jobs ask a cluster for, and which of them are one submission. On a workstation the requests are the jobs' threads
# and GPUs, and nothing is grouped.

import math
from dataclasses import replace
from functools import cache

from snakemake.exceptions import IncompleteCheckpointException

from head_ablation.study.partition import partition_minutes, partition_problems, submission_problems
from head_ablation.study.requests import FROM_STORE, Requests


def count_samples(question, split):
    return 0 if STATE.is_on_a_node else PLAN.count(question, split)


REQUESTS = Requests(STUDY, count_samples, Store(Path(STORE)))


def submitted_sweeps():
    """How many sweeps are one submission, as the cluster profile says; None on a workstation."""
    return STATE.group_size("sweep")


def missing_levels(one):
    """How many level jobs of an experiment have not made their file, the baseline's among them."""
    levels = ["baseline/{}", *(f"{method}/{{}}/{c}" for method in STUDY.methods for c in STUDY.conditions())]
    return sum(not Path(STUDY.folder, "generations", f"{level.format(one)}.json").is_file() for level in levels)


def sweep_minutes(one):
    """What the level jobs of an experiment ask for together, those that are through not counted."""
    return missing_levels(one) * REQUESTS.for_model(one, "test", 1).runtime


@cache
def partition_limit():
    """The minutes that the profile's partition gives a submission; the profile is known once the DAG is built."""
    return partition_minutes(STATE.default_resource("slurm_partition")) if submitted_sweeps() else math.inf


@cache
def refuse_endless_waiting():
    """Refuses a partition that is not there, and submissions that ask for more time than it gives: SLURM would let them
    wait forever."""
    named = STATE.default_resource("slurm_partition")
    refuse_by_message(refuse, partition_problems(named))
    submissions = dict.fromkeys(tuple(STUDY.batch(one, submitted_sweeps())) for one in STUDY.experiments())
    problems = submission_problems(submissions, sweep_minutes, partition_limit(), named or "by default")
    refuse_by_message(refuse, problems)


def asked_again(one, attempt):
    """What a level job asks for: a retry for no more time than lets its submission fit into the partition."""
    request = REQUESTS.for_model(one, "test", attempt)
    if attempt == 1 or math.isinf(partition_limit()):
        return request
    jobs = sum(map(missing_levels, STUDY.batch(one, submitted_sweeps()))) or 1
    most = max(REQUESTS.for_model(one, "test", 1).runtime, int(partition_limit() // jobs))
    return replace(request, runtime=min(request.runtime, most))


def at_hand(paths, wildcards):
    """The paths of patterns as Python finds them."""
    return [STATE.prefix + path.format(**wildcards) for path in paths]


def level_files(wildcards):
    """The model, prompts and heads of a level job."""
    files = at_hand([POINTER, of_experiment("prompts/{}.test.jsonl")], wildcards)
    return [*files, *(at_hand([HEAD_SET], wildcards) if "condition" in wildcards.keys() else [NO_HEADS])]


def level_request(wildcards, attempt):
    """What a level job asks for: on a cluster, no GPU if it needs no model."""
    known = STATE.is_on_a_node or (submitted_sweeps() and has_planned_heads(wildcards))
    stored = known and REQUESTS.holds_level(experiment(wildcards), *level_files(wildcards))
    return FROM_STORE if stored else asked_again(experiment(wildcards), attempt)


def submitted_request(wildcards, attempt):
    """What a level job asks for, if its submission can run at all. Refused here and not where the DAG is built: there
    Snakemake leaves out a job that raises an error, if its file is there."""
    if submitted_sweeps():
        refuse_endless_waiting()
    return level_request(wildcards, attempt)


def has_planned_heads(wildcards):
    """Whether a level's head-set file, as far as it is known before any job runs, is what it will be."""
    if "condition" not in wildcards.keys():
        return True
    planned = PLAN.head_set(wildcards.method, experiment(wildcards), wildcards.condition)
    return planned is None or holds(Path(*at_hand([HEAD_SET], wildcards)), planned)


def scores_request(wildcards, attempt):
    """What a job asks for that scores heads."""
    files = at_hand([POINTER, of_experiment("prompts/{}.train.jsonl")], wildcards)
    known = STATE.is_on_a_node or submitted_sweeps()
    stored = known and REQUESTS.holds_scores(experiment(wildcards), *files)
    return FROM_STORE if stored else REQUESTS.for_model(experiment(wildcards), "train", attempt)


def model_gpus(wildcards):
    """The GPUs that a job takes if it has to compute after all."""
    return STUDY.model(wildcards.model)["gpu"]


def ask(request, what):
    """A function that gives one part of a request: threads, gpu, mem_mb or runtime."""
    return lambda wildcards, attempt: getattr(request(wildcards, attempt), what)


def sweeps_together(wildcards):
    """The experiments whose level jobs are one submission with those of this one."""
    return STUDY.batch(experiment(wildcards), submitted_sweeps())


def wait_for_heads(methods, experiments):
    """Waits for the head sets of all methods and experiments: raises until their checkpoints are through."""
    for method in methods:
        for one in experiments:
            checkpoints.heads.get(study=STUDY.name, method=method, **one._asdict())


def settled_sweeps(wildcards):
    """No file: on a cluster, waits until the heads of all sweeps that travel together are known, so that they can.
    A dry run goes no further anyway, and shows what would travel together."""
    if submitted_sweeps() and not STATE.is_dry_run:
        wait_for_heads(STUDY.methods, sweeps_together(wildcards))
    return []


def settled_heads(wildcards):
    """No file: waits until the heads of all detected rankings are known. What hangs on a checkpoint only through other
    jobs runs whether or not it has to; what asks for it is judged anew."""
    wait_for_heads(STUDY.detected_methods, STUDY.experiments())
    return []


def sweep_group(wildcards):
    """The submission that a level job is part of; jobs that need no model are in one of their own, without a GPU."""
    if not submitted_sweeps():
        return None
    try:
        settled_sweeps(wildcards)
    except IncompleteCheckpointException:
        return None
    if STATE.is_dry_run:  # which waits for nothing: Snakemake would keep jobs that it has replaced since
        STATE.forget_group_jobs()
    first, *others = sweeps_together(wildcards)
    what = "stored" if level_request(wildcards, 1) == FROM_STORE else "sweep"
    name = "-".join(map(str, [what, *first])) + (f"-and-{len(others)}-more" if others else "")
    STATE.send_together(name, "levels")
    return name
