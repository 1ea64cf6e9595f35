# What the rules of ablation.smk take.

from head_ablation.study.tasks import acceptances, score_task

RESULT = of_experiment("ablation/{method}/{}.json")
JUDGED_BY_SCORING = ("ranking", "heads")  # by the heads that generations are of, not by scores


def given_results():
    """The files of the finished results that a study is given."""
    return [given_files.result_file(STUDY, method, e) for method in STUDY.methods for e in STUDY.experiments()]


def generation_files(wildcards):
    """The generations of all conditions of one method and experiment; none if no head could be ranked."""
    if wildcards.method in STUDY.detected_methods and is_unranked(Path(*at_hand([HEADS_INDEX], wildcards))):
        return []
    pattern = of_experiment("generations/{method}/{}/{condition}.json")
    return [pattern.format(**wildcards, condition=condition) for condition in STUDY.conditions()]


def judged_ranking(wildcards):
    """The ranking that generations must be of: the user's own file as it is now, or the detected one."""
    return given_ranking(wildcards) or RANKING.format(**wildcards)
