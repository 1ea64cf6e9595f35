# Stage 1, models: fetched or converted once, described by a pointer file that all studies share. What needs no
# weights, choosing heads, asks for the shape alone.


rule shape:
    input:
        model_config,
    output:
        "results/models/{model}/shape.json",
    log:
        "results/models/{model}/shape.log",
    priority: 2
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        origin=model_origin,
    shell:
        "python scripts/find_shape.py --origin {params.origin:q} --output {output} 2> {log}"


rule model:
    input:
        model_files,
    output:
        "results/models/{model}/model.json",
    log:
        "results/models/{model}/model.log",
    localrule: True
    conda:
        "../envs/gpu.yaml"
    params:
        origin=model_origin,
        stamps=model_stamps,
    shell:
        "python scripts/prepare_model.py --origin {params.origin:q} --output {output} 2> {log}"
