# What the rules of models.smk take.

from head_ablation.common.problems import refuse
from head_ablation.models.pointer import Pointer
from head_ablation.study import settings as stages
from head_ablation.study.checks import weights_problems


def model_files(wildcards):
    """The files of a local model folder: a model changed in place is another model."""
    refuse_by_message(refuse, weights_problems(STUDY))
    return stages.model_files(STUDY, wildcards.model)


def changed_models(wildcards):
    """Why the pointer has to be made again, whatever it was made from: its folder holds another model by now."""
    pointer = Path(*at_hand([POINTER], wildcards))
    if not pointer.is_file():
        return []
    try:
        Pointer.read(pointer).refuse_changed()
    except StudyError:
        return ["its folder holds another model by now"]
    return []


def model_config(wildcards):
    """The config.json of a local model folder; no file for a model from elsewhere."""
    return [path for path in stages.model_files(STUDY, wildcards.model) if Path(path).name == "config.json"]
