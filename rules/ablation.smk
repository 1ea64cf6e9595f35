# Stage 7, ablation results: generations scored, in the published study's format. No GPU. A study may be given finished
# results instead (results_from).


rule given_result:
    input:
        given_result,
    output:
        "results/{study}/ablation/{method}/{model}/{question}/tokens_{tokens}.json",
    log:
        "results/{study}/logs/ablation/{method}/{model}/{question}/tokens_{tokens}.log",
    wildcard_constraints:
        method=results_of(given=True),
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        sha256=given_result_digest,
        expected=result_expectation,
    shell:
        "python scripts/accept_result.py --result {input:q} --expected {params.expected:q} --output {output} 2> {log}"


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
    wildcard_constraints:
        method=results_of(given=False),
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
