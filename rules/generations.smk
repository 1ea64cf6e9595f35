# Stage 6, generations: what the model says. One GPU job per level, and one baseline that all methods share. A job that
# must load the model makes its own level first, then the rest of the experiment's sweep for the store.


rule generations:
    input:
        settled_sweeps,
        model="results/models/{model}/model.json",
        prompts="results/{study}/prompts/{model}/{question}/tokens_{tokens}.test.jsonl",
        heads=head_set,
    output:
        generations="results/{study}/generations/{method}/{model}/{question}/tokens_{tokens}/{condition}.json",
        provenance="results/{study}/generations/{method}/{model}/{question}/tokens_{tokens}/{condition}.provenance.json",
    log:
        "results/{study}/logs/generations/{method}/{model}/{question}/tokens_{tokens}/{condition}.log",
    benchmark:
        "results/{study}/benchmarks/generations/{method}/{model}/{question}/tokens_{tokens}/{condition}.tsv"
    group:
        sweep_group
    conda:
        "../envs/gpu.yaml"
    threads: ask(level_request, "threads")
    resources:
        gpu=ask(level_request, "gpu"),
        cards=model_cards,
        mem_mb=ask(level_request, "mem_mb"),
        runtime=ask(level_request, "runtime"),
        turn=1,
    params:
        settings=generation_settings,
        store=STORE,
        sweep="results/{study}/heads/*/{model}/{question}/tokens_{tokens}/index.json",
    shell:
        "HF_HUB_OFFLINE=1 python scripts/generate.py --model {input.model} --prompts {input.prompts} --heads {input.heads}"
        " --indexes {params.sweep:q} --settings {params.settings:q} --place {threads} {resources.cards}"
        " --store {params.store} --output {output.generations} --provenance {output.provenance} 2> {log}"


use rule generations as baseline with:
    input:
        settled_sweeps,
        model="results/models/{model}/model.json",
        prompts="results/{study}/prompts/{model}/{question}/tokens_{tokens}.test.jsonl",
        heads=NO_HEADS,
    output:
        generations="results/{study}/generations/baseline/{model}/{question}/tokens_{tokens}.json",
        provenance="results/{study}/generations/baseline/{model}/{question}/tokens_{tokens}.provenance.json",
    log:
        "results/{study}/logs/generations/baseline/{model}/{question}/tokens_{tokens}.log",
    benchmark:
        "results/{study}/benchmarks/generations/baseline/{model}/{question}/tokens_{tokens}.tsv"
