# Stage 7, ablation: answers scored, in the published study's format. No GPU. A study may be given finished
# results instead (results_from).


include: "inputs/ablation.smk"


if STUDY.has_results:

    rule given_results:
        input:
            lambda wildcards: given_results(),  # not the paths themselves, whose braces would be wildcards
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
            prompts=of_experiment("prompts/{}.test.jsonl"),
            ranking=ancient(judged_ranking),
            heads=head_sets,
            baseline=of_experiment("generations/baseline/{}.json"),
            generations=generation_files,
        output:
            RESULT,
        log:
            of_experiment("logs/ablation/{method}/{}.log"),
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
            " --samples {params.samples:q} {params.samples_sha256:q} --prompts {input.prompts:q}"
            " --ranking {input.ranking:q} --baseline {input.baseline:q} --generations {input.generations:q}"
            " --output {output:q} 2> {log:q}"
