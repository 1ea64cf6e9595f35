# Stage 7, ablation: answers scored, in the published study's format. No GPU. A study may be given finished
# results instead (results_from).


include: "inputs/ablation.smk"


if STUDY.has_results:

    rule given_results:
        input:
            judged("given_results"),
            given=lambda wildcards: given_results(),  # not the paths themselves, whose braces would be wildcards
        output:
            every("ablation/{}.json"),
        log:
            study_files("logs/given_results.log"),
        localrule: True
        conda:
            "../envs/analysis.yaml"
        params:
            accept=acceptances(STUDY),
            code=code("accept_results.py"),
            lineage=lineage("given_results"),
        shell:
            'python "$HEAD_ABLATION"/scripts/accept_results.py --lineage {params.lineage:q} {params.accept:q}'
            " 2> {log:q}"

else:

    rule score:
        input:
            judged("score", apart=JUDGED_BY_SCORING),
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
            lineage=lineage("score", apart=JUDGED_BY_SCORING),
        shell:
            'python "$HEAD_ABLATION"/scripts/score.py --lineage {params.lineage:q} --task {params.task:q}'
            " --model {input.model:q}"
            " --samples {params.samples:q} {params.samples_sha256:q} --prompts {input.prompts:q}"
            " --ranking {input.ranking:q} --baseline {input.baseline:q} --generations {input.generations:q}"
            " --output {output:q} 2> {log:q}"
