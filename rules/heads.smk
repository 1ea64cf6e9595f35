# Stage 5, head sets: which heads each condition ablates. A checkpoint, because a level must run again only when its
# own heads change: the head-set files are no outputs, so that only their content decides. What leads here comes first
# (priority), so that a job which loads the model finds the whole sweep to go on with.

HEAD_SET = experiment_file("heads/{method}", "/{condition}.json")
HEADS_INDEX = experiment_file("heads/{method}", "/index.json")
NO_HEADS = str(HOME / "resources" / "no_heads.json")  # of the baseline


def chosen_heads():
    """The indexes of all head sets; none for a study of finished results."""
    return [] if STUDY.has_results else every("heads/{}/index.json")


def detected_on(wildcards):
    """The model and prompts that a detected ranking was detected on; nothing for a given one."""
    files = [POINTER, experiment_file("prompts", ".train.jsonl")]
    return [path.format(**wildcards) for path in files] if wildcards.method in STUDY.detected_methods else []


def head_set_file(condition, **place):
    """The head-set file of a condition."""
    planned = PLAN.head_set(
        place["method"], Experiment(place["model"], place["question"], int(place["tokens"])), condition
    )
    path = HEAD_SET.format(condition=condition, **place)
    return made(checkpoints.heads, path, planned, HEADS_INDEX.format(**place), **place)


def head_set(wildcards):
    return head_set_file(**wildcards)


def head_sets(wildcards):
    """The head-set files of all conditions of one method and experiment."""
    return [head_set_file(str(condition), **wildcards) for condition in STUDY.conditions()]


checkpoint heads:
    input:
        ranking=RANKING,
        shape=SHAPE,
        detected_on=detected_on,
    output:
        HEADS_INDEX,
    log:
        experiment_file("logs/heads/{method}", ".log"),
    priority: 2
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        settings=settings(stages.head_set_settings),
        code=code("choose_heads.py"),
    shell:
        'python "$HEAD_ABLATION"/scripts/choose_heads.py --ranking {input.ranking:q} --shape {input.shape:q}'
        " --detected-on {input.detected_on:q} --settings {params.settings:q} --output {output:q} 2> {log:q}"
