# Stage 7, ablation results: generations scored, in the published study's format. No GPU. A study may be given finished
# results instead (results_from).


if STUDY.has_results:

    rule given_results:
        input:
            config=study_files("config.yaml"),
            results=given_results(),
        output:
            every("ablation/{}.json"),
        log:
            study_files("logs/given_results.log"),
        localrule: True
        conda:
            "../envs/analysis.yaml"
        params:
            sha256=given_digests(),
            folder=study_files("ablation"),
        shell:
            "python scripts/accept_results.py --config {input.config} --folder {params.folder} 2> {log}"

else:

    rule score:
        input:
            model="results/models/{model}/model.json",
            prompts="results/{study}/prompts/{model}/{question}/tokens_{tokens}.test.jsonl",
            ranking=ancient(judged_ranking),
            heads=head_sets,
            baseline="results/{study}/generations/baseline/{model}/{question}/tokens_{tokens}.json",
            generations=generation_files,
            code=["head_ablation/scoring.py", "head_ablation/matchers.py"],
        output:
            "results/{study}/ablation/{method}/{model}/{question}/tokens_{tokens}.json",
        log:
            "results/{study}/logs/ablation/{method}/{model}/{question}/tokens_{tokens}.log",
        localrule: True
        conda:
            "../envs/analysis.yaml"
        params:
            samples="results/{study}/samples/{question}.test.jsonl",
            samples_sha256=samples_digest("test"),
            settings=generation_settings,
            random_arm=random_arm,
            identity=result_identity,
            judge=judge,
        shell:
            "python scripts/score.py --model {input.model} --samples {params.samples} {params.samples_sha256}"
            " --prompts {input.prompts} --ranking {input.ranking:q} --settings {params.settings:q}"
            " --experiment {wildcards.model}/{wildcards.question}/tokens_{wildcards.tokens}"
            " --random-arm {params.random_arm:q}"
            " --baseline {input.baseline} --generations {input.generations}"
            " --identity {params.identity:q} --judge {params.judge:q} --output {output} 2> {log}"
