# What the rules of models.smk take.

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
