# Stage 3, prompts: token ids of exact length, used by detection (train) and ablation (test) alike.


rule prompts:
    input:
        model="results/models/{model}/model.json",
        samples=samples_file,
        filler=STUDY.config["prompt"]["filler"],
    output:
        "results/{study}/prompts/{model}/{question}/tokens_{tokens}.{split}.jsonl",
    log:
        "results/{study}/logs/prompts/{model}/{question}/tokens_{tokens}.{split}.log",
    priority: 3
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        settings=prompt_settings,
    shell:
        "python scripts/build_prompts.py --model {input.model} --samples {input.samples}"
        " --filler {input.filler} --tokens {wildcards.tokens} --settings {params.settings:q}"
        " --output {output} 2> {log}"
