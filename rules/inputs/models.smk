# What the rules of models.smk take.

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
