# Stage 4, rankings: given by the user (checked, then copied) or detected on the train prompts.


include: "inputs/rankings.smk"


rule given_ranking:
    input:
        judged("given_ranking"),
        ranking=given_ranking,
    output:
        RANKING,
    log:
        of_experiment("logs/rankings/{method}/{}.log"),
    wildcard_constraints:
        method=only([method for method in STUDY.ranked_methods if method not in STUDY.detected_methods]),
    priority: 3
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        expected=settings(given_files.ranking_expectation),
        code=code("accept_ranking.py"),
        lineage=lineage("given_ranking"),
    shell:
        'python "$HEAD_ABLATION"/scripts/accept_ranking.py --lineage {params.lineage:q} --ranking {input.ranking:q}'
        " --expected {params.expected:q} --output {output:q} 2> {log:q}"


rule detected_ranking:
    input:
        judged("detected_ranking"),
        model=POINTER,
        prompts=of_experiment("prompts/{}.train.jsonl"),
    output:
        RANKING,
    log:
        of_experiment("logs/rankings/{method}/{}.log"),
    benchmark:
        of_experiment("benchmarks/rankings/{method}/{}.tsv")
    wildcard_constraints:
        method=only(STUDY.detected_methods),
    priority: 2
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
        versions=of_study(stages.ranking_versions),
        software=STUDY.config["software"],
        lineage=lineage("detected_ranking"),
        store=STORE,
    shell:
        'HF_HUB_OFFLINE=1 python "$HEAD_ABLATION"/scripts/detect_ranking.py --lineage {params.lineage:q}'
        " --model {input.model:q} --prompts {input.prompts:q} --task {params.task:q}"
        " --resources {threads:q} {resources.held_gpus:q} --store {params.store:q} --output {output:q} 2> {log:q}"
