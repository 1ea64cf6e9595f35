# Stage 4, rankings: given by the user (checked, then copied), or made from head scores. No GPU.


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
        scores=SCORES,
        prompts=of_experiment("prompts/{}.train.jsonl"),
    output:
        RANKING,
    log:
        of_experiment("logs/rankings/{method}/{}.log"),
    wildcard_constraints:
        method=only(STUDY.detected_methods),
    priority: 3
    localrule: True
    conda:
        "../envs/gpu.yaml"
    params:
        task=settings(ranking_task),
        code=code("rank_heads.py"),
        lineage=lineage("detected_ranking"),
    shell:
        'python "$HEAD_ABLATION"/scripts/rank_heads.py --lineage {params.lineage:q} --scores {input.scores:q}'
        " --prompts {input.prompts:q} --task {params.task:q} --output {output:q} 2> {log:q}"
