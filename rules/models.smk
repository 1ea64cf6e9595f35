# Stage 1, models: fetched or converted once, described by a pointer file that all studies share.


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
