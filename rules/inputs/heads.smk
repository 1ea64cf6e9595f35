# What the rules of heads.smk take.

from head_ablation.heads.head_sets import is_unranked

HEAD_SET = of_experiment("heads/{method}/{}/{condition}.json")
HEADS_INDEX = of_experiment("heads/{method}/{}/index.json")
NO_HEADS = PATHS.from_here(HOME / "resources" / "no_heads.json")  # of the baseline


def chosen_heads():
    """The indexes of all head sets; none for a study of finished results."""
    return [] if STUDY.has_results else every("heads/{}/index.json")


def detected_on(wildcards):
    """The model and prompts that a detected ranking was detected on; nothing for a given one."""
    files = [POINTER, of_experiment("prompts/{}.train.jsonl")]
    return [path.format(**wildcards) for path in files] if wildcards.method in STUDY.detected_methods else []


def head_set_file(condition, **names):
    """The head-set file of a condition; if no head could be ranked, the index that says so, for a job that no rule
    asks for any more."""
    planned = PLAN.head_set(
        names["method"], Experiment(names["model"], names["question"], int(names["tokens"])), condition
    )
    path, index = HEAD_SET.format(condition=condition, **names), HEADS_INDEX.format(**names)
    found = made(checkpoints.heads, path, planned, index, **names)
    return index if planned is None and is_unranked(Path(STATE.prefix + index)) else found


def head_set(wildcards):
    return head_set_file(**wildcards)


def head_sets(wildcards):
    """The head-set files of all conditions of one method and experiment."""
    return list(dict.fromkeys(head_set_file(str(condition), **wildcards) for condition in STUDY.conditions()))
