# Stage 7, ablation: answers scored, in the published study's format. No GPU. A study may be given finished
# results instead (results_from).

from head_ablation.study.tasks import acceptances, score_task

RESULT = experiment_file("ablation/{method}", ".json")


def given_results():
    """The files of the finished results that a study is given."""
    return [given_files.result_file(STUDY, method, e) for method in STUDY.methods for e in STUDY.experiments()]


def generation_files(wildcards):
    """The generations of all conditions of one method and experiment."""
    pattern = experiment_file("generations/{method}", "/{condition}.json")
    return [pattern.format(**wildcards, condition=condition) for condition in STUDY.conditions()]


def judged_ranking(wildcards):
    """The ranking that generations must be of: the user's own file as it is now, or the detected one."""
    return given_ranking(wildcards) or RANKING.format(**wildcards)


if STUDY.has_results:

    rule given_results:
        input:
            given_results(),
        output:
            every("ablation/{}.json"),
        log:
            study_files("logs/given_results.log"),
        localrule: True
        conda:
            "../envs/analysis.yaml"
        params:
            sha256=[sha256_file(path) for path in given_results()],  # may change without a newer time stamp
            accept=acceptances(STUDY),
            code=code("accept_results.py"),
        shell:
            'python "$HEAD_ABLATION"/scripts/accept_results.py {params.accept:q} 2> {log:q}'

else:

    rule score:
        input:
            model=POINTER,
            prompts=experiment_file("prompts", ".test.jsonl"),
            ranking=ancient(judged_ranking),
            heads=head_sets,
            baseline=experiment_file("generations/baseline", ".json"),
            generations=generation_files,
        output:
            RESULT,
        log:
            experiment_file("logs/ablation/{method}", ".log"),
        localrule: True
        conda:
            "../envs/analysis.yaml"
        params:
            samples=f"{STATE.prefix}{SAMPLES}".replace("{split}", "test"),
            samples_sha256=samples_digest("test"),
            task=settings(score_task),
            code=code("score.py"),
        shell:
            'python "$HEAD_ABLATION"/scripts/score.py --model {input.model:q} --task {params.task:q}'
            " --samples {params.samples:q} {params.samples_sha256} --prompts {input.prompts:q}"
            " --ranking {input.ranking:q} --baseline {input.baseline:q} --generations {input.generations:q}"
            " --output {output:q} 2> {log:q}"
