# What the rules of rankings.smk take.

from head_ablation.study import given_files
from head_ablation.study.tasks import ranking_task

RANKING = of_experiment("rankings/{method}/{}.json")


def given_ranking(wildcards):
    return given_files.ranking_file(STUDY, wildcards.method, experiment(wildcards))
