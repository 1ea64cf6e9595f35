# What the rules of rankings.smk take.

from head_ablation.study import given_files
from head_ablation.study.tasks import ranking_task

RANKING = of_experiment("rankings/{method}/{}.json")


def only(methods):
    """A pattern for some methods; matches nothing if there are none."""
    return "|".join(methods) or "(?!)"


def given_ranking(wildcards):
    return given_files.ranking_file(STUDY, wildcards.method, experiment(wildcards))
