# Stage 6, generations: what the model says. One GPU job per level, and one baseline that all methods share. A job that
# must load the model makes its own level first, then the rest of the experiment's sweep for the store. So the baselines
# come before the levels (priority): jobs that start together then load the model for different sweeps.


rule generations:
    input:
        judged("generations"),
        settled_sweeps,
        model=POINTER,
        prompts=of_experiment("prompts/{}.test.jsonl"),
        heads=head_set,
    output:
        generations=of_experiment("generations/{method}/{}/{condition}.json"),
        provenance=of_experiment("generations/{method}/{}/{condition}.provenance.json"),
    log:
        of_experiment("logs/generations/{method}/{}/{condition}.log"),
    benchmark:
        of_experiment("benchmarks/generations/{method}/{}/{condition}.tsv")
    group:
        sweep_group
    conda:
        "../envs/gpu.yaml"
    threads: ask(submitted_request, "threads")
    resources:
        gpu=ask(submitted_request, "gpu"),
        held_gpus=model_gpus,
        mem_mb=ask(submitted_request, "mem_mb"),
        runtime=ask(submitted_request, "runtime"),
        turn=1,
    params:
        settings=settings(stages.level_settings),
        versions=of_study(stages.level_versions),
        software=STUDY.config["software"],
        lineage=lineage("generations"),
        counted=STUDY.config["scoring"]["count"],
        store=STORE,
        sweep=STATE.prefix + HEADS_INDEX.replace("{method}", "*"),
    shell:
        'HF_HUB_OFFLINE=1 python "$HEAD_ABLATION"/scripts/generate.py --lineage {params.lineage:q}'
        " --model {input.model:q} --prompts {input.prompts:q} --count {params.counted:q} --heads {input.heads:q}"
        " --indexes {params.sweep:q}"
        " --settings {params.settings:q} --resources {threads:q} {resources.held_gpus:q} --store {params.store:q}"
        " --output {output.generations:q} --provenance {output.provenance:q} 2> {log:q}"


use rule generations as baseline with:
    input:
        judged("baseline"),
        settled_sweeps,
        model=POINTER,
        prompts=of_experiment("prompts/{}.test.jsonl"),
        heads=lambda wildcards: NO_HEADS,
    output:
        generations=of_experiment("generations/baseline/{}.json"),
        provenance=of_experiment("generations/baseline/{}.provenance.json"),
    log:
        of_experiment("logs/generations/baseline/{}.log"),
    benchmark:
        of_experiment("benchmarks/generations/baseline/{}.tsv")
    priority: 1
    params:
        lineage=lineage("baseline"),
