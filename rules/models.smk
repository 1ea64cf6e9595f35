# Stage 1, models: fetched or converted once, described by a pointer file that all studies share. What needs no
# weights, choosing heads, asks for the shape alone.

from head_ablation.common.files import canonical_json
from head_ablation.common.problems import refuse
from head_ablation.study import settings as stages
from head_ablation.study.checks import weights_problems


def model_files(wildcards):
    """The files of a local model folder: a model changed in place is another model."""
    refuse_by_message(refuse, weights_problems(STUDY))
    return stages.model_files(STUDY, wildcards.model)


def model_config(wildcards):
    """The config.json of a local model folder; no file for a model from elsewhere."""
    return [path for path in stages.model_files(STUDY, wildcards.model) if Path(path).name == "config.json"]


def model_stamps(wildcards):
    """Their sizes and times: they may change without a newer time stamp."""
    stamps = {path: Path(path).stat() for path in model_files(wildcards)}
    return canonical_json({path: [stamp.st_size, stamp.st_mtime_ns] for path, stamp in stamps.items()})


rule shape:
    input:
        model_config,
    output:
        SHAPE,
    log:
        "results/models/{model}/shape.log",
    priority: 2
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        source=settings(stages.model_source),
        code=code("find_shape.py"),
    shell:
        'python "$HEAD_ABLATION"/scripts/find_shape.py --source {params.source:q} --output {output:q} 2> {log:q}'


rule model:
    input:
        model_files,
    output:
        POINTER,
    log:
        "results/models/{model}/model.log",
    localrule: True
    conda:
        "../envs/gpu.yaml"
    params:
        source=settings(stages.model_source),
        stamps=model_stamps,
    shell:
        'python "$HEAD_ABLATION"/scripts/prepare_model.py --source {params.source:q} --output {output:q} 2> {log:q}'
