# Stage 7, ablation results: generations scored, in the published study's format. No GPU.


rule score:
    input:
        prompts="results/{study}/prompts/{model}/{question}/tokens_{tokens}.test.jsonl",
        ranking="results/{study}/rankings/{method}/{model}/{question}/tokens_{tokens}.json",
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
        identity=result_identity,
        judge=judge,
    shell:
        "python scripts/score.py --prompts {input.prompts} --ranking {input.ranking}"
        " --baseline {input.baseline} --generations {input.generations}"
        " --identity {params.identity:q} --judge {params.judge:q} --output {output} 2> {log}"
