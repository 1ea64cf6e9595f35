# Stage 5, head sets: which heads each condition ablates. A checkpoint, because a level must run again only when its
# own heads change: the head-set files are no outputs, so that only their content decides. What leads here comes first
# (priority), so that a job which loads the model finds the whole sweep to go on with.


include: "inputs/heads.smk"


checkpoint heads:
    input:
        judged("heads"),
        ranking=RANKING,
        shape=SHAPE,
        detected_on=detected_on,
    output:
        HEADS_INDEX,
    log:
        of_experiment("logs/heads/{method}/{}.log"),
    priority: 3
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        settings=settings(stages.head_set_settings),
        code=code("choose_heads.py", HEAD_SETS_VERSION),
        lineage=lineage("heads", beside="*.json"),
    shell:
        'python "$HEAD_ABLATION"/scripts/choose_heads.py --lineage {params.lineage:q} --ranking {input.ranking:q}'
        " --shape {input.shape:q} --detected-on {input.detected_on:q} --settings {params.settings:q}"
        " --output {output:q} 2> {log:q}"
