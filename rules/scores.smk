# Stage 4, head scores: one pass of the model over the train prompts for all detectors that the study names.


include: "inputs/scores.smk"


rule head_scores:
    input:
        judged("head_scores"),
        model=POINTER,
        prompts=of_experiment("prompts/{}.train.jsonl"),
    output:
        scores=SCORES,
        index=of_experiment("scores/{}.index.json"),
    log:
        of_experiment("logs/scores/{}.log"),
    benchmark:
        of_experiment("benchmarks/scores/{}.tsv")
    priority: 2
    conda:
        "../envs/gpu.yaml"
    threads: ask(scores_request, "threads")
    resources:
        gpu=ask(scores_request, "gpu"),
        held_gpus=model_gpus,
        mem_mb=ask(scores_request, "mem_mb"),
        runtime=ask(scores_request, "runtime"),
    params:
        settings=settings(stages.score_settings),
        versions=of_study(stages.score_versions),
        software=STUDY.config["software"],
        lineage=lineage("head_scores"),
        store=STORE,
    shell:
        'HF_HUB_OFFLINE=1 python "$HEAD_ABLATION"/scripts/score_heads.py --lineage {params.lineage:q}'
        " --model {input.model:q} --prompts {input.prompts:q} --settings {params.settings:q}"
        " --resources {threads:q} {resources.held_gpus:q} --store {params.store:q} --output {output.scores:q}"
        " --index {output.index:q} 2> {log:q}"
