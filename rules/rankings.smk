# Stage 4, rankings: given by the user (checked, then copied) or detected on the train prompts.


rule given_ranking:
    input:
        given_ranking,
    output:
        "results/{study}/rankings/{method}/{model}/{question}/tokens_{tokens}.json",
    log:
        "results/{study}/logs/rankings/{method}/{model}/{question}/tokens_{tokens}.log",
    wildcard_constraints:
        method=methods(given=True),
    priority: 2
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        sha256=given_digest,
        expected=ranking_expectation,
    shell:
        "python scripts/accept_ranking.py --ranking {input:q} --expected {params.expected:q} --output {output} 2> {log}"


rule detected_ranking:
    input:
        model="results/models/{model}/model.json",
        prompts="results/{study}/prompts/{model}/{question}/tokens_{tokens}.train.jsonl",
    output:
        "results/{study}/rankings/{method}/{model}/{question}/tokens_{tokens}.json",
    log:
        "results/{study}/logs/rankings/{method}/{model}/{question}/tokens_{tokens}.log",
    benchmark:
        "results/{study}/benchmarks/rankings/{method}/{model}/{question}/tokens_{tokens}.tsv"
    wildcard_constraints:
        method=methods(given=False),
    priority: 1
    conda:
        "../envs/gpu.yaml"
    threads: ask(ranking_request, "threads")
    resources:
        gpu=ask(ranking_request, "gpu"),
        cards=model_cards,
        mem_mb=ask(ranking_request, "mem_mb"),
        runtime=ask(ranking_request, "runtime"),
    params:
        identity=ranking_identity,
        settings=detection_settings,
        store=STORE,
    shell:
        "HF_HUB_OFFLINE=1 python scripts/detect_ranking.py --model {input.model} --prompts {input.prompts}"
        " --identity {params.identity:q} --settings {params.settings:q} --place {threads} {resources.cards}"
        " --store {params.store} --output {output} 2> {log}"
