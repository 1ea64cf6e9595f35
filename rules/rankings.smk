# Stage 4, rankings: given by the user (checked, then copied) or detected on the train prompts.

from head_ablation.common.files import sha256_file
from head_ablation.study import given_files
from head_ablation.study.tasks import ranking_task

RANKING = experiment_file("rankings/{method}", ".json")


def only(methods):
    """A pattern for some methods; matches nothing if there are none."""
    return "|".join(methods) or "(?!)"


def given_ranking(wildcards):
    return given_files.ranking_file(STUDY, wildcards.method, experiment(wildcards))


def given_digest(wildcards):
    """Of the given ranking's content: it may change without a newer time stamp."""
    return sha256_file(given_ranking(wildcards))


rule given_ranking:
    input:
        given_ranking,
    output:
        RANKING,
    log:
        experiment_file("logs/rankings/{method}", ".log"),
    wildcard_constraints:
        method=only([method for method in STUDY.ranked_methods if method not in STUDY.detected_methods]),
    priority: 2
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        sha256=given_digest,
        expected=settings(given_files.ranking_expectation),
        code=code("accept_ranking.py"),
    shell:
        'python "$HEAD_ABLATION"/scripts/accept_ranking.py --ranking {input:q} --expected {params.expected:q}'
        " --output {output:q} 2> {log:q}"


rule detected_ranking:
    input:
        model=POINTER,
        prompts=experiment_file("prompts", ".train.jsonl"),
    output:
        RANKING,
    log:
        experiment_file("logs/rankings/{method}", ".log"),
    benchmark:
        experiment_file("benchmarks/rankings/{method}", ".tsv")
    wildcard_constraints:
        method=only(STUDY.detected_methods),
    priority: 1
    conda:
        "../envs/gpu.yaml"
    threads: ask(ranking_request, "threads")
    resources:
        gpu=ask(ranking_request, "gpu"),
        held_gpus=model_gpus,
        mem_mb=ask(ranking_request, "mem_mb"),
        runtime=ask(ranking_request, "runtime"),
    params:
        task=settings(ranking_task),
        store=STORE,
    shell:
        'HF_HUB_OFFLINE=1 python "$HEAD_ABLATION"/scripts/detect_ranking.py --model {input.model:q}'
        " --prompts {input.prompts:q} --task {params.task:q} --place {threads} {resources.held_gpus}"
        " --store {params.store:q} --output {output:q} 2> {log:q}"
