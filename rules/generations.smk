# Stage 6, generations: what the model says. One GPU job per level, and one baseline that all methods share. A job that
# must load the model makes its own level first, then the rest of the experiment's sweep for the store.


rule generations:
    input:
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
    conda:
        "../envs/gpu.yaml"
    threads: model_threads
    resources:
        gpu=model_gpu,
        mem_mb=model_mem_mb,
        runtime=model_runtime,
    params:
        settings=generation_settings,
        store=STORE,
        sweep="results/{study}/heads/*/{model}/{question}/tokens_{tokens}/index.json",
    shell:
        "python scripts/generate.py --model {input.model} --prompts {input.prompts} --heads {input.heads}"
        " --indexes {params.sweep:q} --settings {params.settings:q} --place {threads} {resources.gpu} {resources.runtime}"
        " --store {params.store} --output {output.generations} --provenance {output.provenance} 2> {log}"


use rule generations as baseline with:
    input:
        model="results/models/{model}/model.json",
        prompts="results/{study}/prompts/{model}/{question}/tokens_{tokens}.test.jsonl",
        heads="resources/no_heads.json",
    output:
        generations="results/{study}/generations/baseline/{model}/{question}/tokens_{tokens}.json",
        provenance="results/{study}/generations/baseline/{model}/{question}/tokens_{tokens}.provenance.json",
    log:
        "results/{study}/logs/generations/baseline/{model}/{question}/tokens_{tokens}.log",
    benchmark:
        "results/{study}/benchmarks/generations/baseline/{model}/{question}/tokens_{tokens}.tsv"
