# Stage 3, prompts: token ids of exact length, used by detection (train) and ablation (test) alike; beside them, for
# people and the page, what the ids decode to.


rule prompts:
    input:
        judged("prompts"),
        model=POINTER,
        samples=samples_file,
        filler=lambda wildcards: STUDY.filler,
    output:
        prompts=of_experiment("prompts/{}.{split}.jsonl"),
        texts=of_experiment("prompts/{}.{split}.text.jsonl"),
    log:
        of_experiment("logs/prompts/{}.{split}.log"),
    priority: 4
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        settings=settings(stages.prompt_settings),
        code=code("build_prompts.py", PROMPTS_VERSION),
        lineage=lineage("prompts"),
    shell:
        'python "$HEAD_ABLATION"/scripts/build_prompts.py --lineage {params.lineage:q} --model {input.model:q}'
        " --samples {input.samples:q} --split {wildcards.split:q} --filler {input.filler:q}"
        " --tokens {wildcards.tokens:q} --settings {params.settings:q} --output {output.prompts:q}"
        " --texts {output.texts:q} 2> {log:q}"
