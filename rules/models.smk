# Stage 1, models: fetched or converted once, described by a pointer file that all studies share. What needs no
# weights, choosing heads, asks for the shape alone.


include: "inputs/models.smk"


rule shape:
    input:
        judged("shape"),
        files=model_config,
    output:
        SHAPE,
    log:
        "results/models/{model}/shape.log",
    priority: 3
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        source=settings(stages.model_source),
        code=code("find_shape.py"),
        lineage=lineage("shape"),
    shell:
        'python "$HEAD_ABLATION"/scripts/find_shape.py --lineage {params.lineage:q} --source {params.source:q}'
        " --output {output:q} 2> {log:q}"


rule model:
    input:
        judged("model", more=changed_models),
        files=model_files,
    output:
        POINTER,
    log:
        "results/models/{model}/model.log",
    localrule: True
    conda:
        "../envs/gpu.yaml"
    params:
        source=settings(stages.model_source),
        versions=of_study(stages.model_versions),
        lineage=lineage("model"),
    shell:
        'python "$HEAD_ABLATION"/scripts/prepare_model.py --lineage {params.lineage:q} --source {params.source:q}'
        " --output {output:q} 2> {log:q}"


rule roles:
    input:
        judged("roles"),
        files=model_files,
    output:
        ROLES,
    log:
        "results/models/{model}/roles.log",
    wildcard_constraints:
        model=only(stages.planted_models(STUDY)),
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        source=settings(stages.model_source),
        code=code("write_roles.py"),
        lineage=lineage("roles"),
    shell:
        'python "$HEAD_ABLATION"/scripts/write_roles.py --lineage {params.lineage:q} --source {params.source:q}'
        " --output {output:q} 2> {log:q}"
