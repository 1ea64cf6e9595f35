# Stage 5, head sets: which heads each condition ablates. A checkpoint, because a level must run again only when its
# own heads change: the head-set files are no outputs, so that only their content decides. What leads here comes first
# (priority), so that a job which loads the model finds the whole sweep to go on with.


checkpoint heads:
    input:
        ranking="results/{study}/rankings/{method}/{model}/{question}/tokens_{tokens}.json",
        shape="results/models/{model}/shape.json",
        detected_on=detected_on,
    output:
        "results/{study}/heads/{method}/{model}/{question}/tokens_{tokens}/index.json",
    log:
        "results/{study}/logs/heads/{method}/{model}/{question}/tokens_{tokens}.log",
    priority: 2
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        conditions=[str(condition) for condition in STUDY.conditions()],
        random_arm=random_arm,
    shell:
        "python scripts/choose_heads.py --ranking {input.ranking} --shape {input.shape}"
        " --detected-on {input.detected_on}"
        " --experiment {wildcards.model}/{wildcards.question}/tokens_{wildcards.tokens}"
        " --conditions {params.conditions} --random-arm {params.random_arm:q}"
        " --output {output} 2> {log}"
