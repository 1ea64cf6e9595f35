# The docs: a picture of the demo study's rules, those that load a model in another colour. Nothing of a study waits for
# it: `snakemake diagram`, in the workflow's own folder, draws it again when the rules change.


rule diagram:
    input:
        snakefile=HOME / "Snakefile",
        config=HOME / "config.yaml",
        rules=sorted(HOME.glob("rules/*.smk")),
    output:
        "docs/workflow.svg",
    log:
        "results/diagram.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        model_rules=lambda wildcards: sorted(rule.name for rule in workflow.rules if "held_gpus" in rule.resources),
        code=code("draw_workflow.py"),
    shell:
        # In an empty folder, since what has been made already changes the graph.
        "empty=$(mktemp -d); trap 'rm -r \"$empty\"' EXIT; "
        'snakemake --snakefile {input.snakefile:q} --configfile {input.config:q} --directory "$empty" --rulegraph'
        ' --quiet all 2> {log:q} | python "$HEAD_ABLATION"/scripts/draw_workflow.py'
        " --model-rules {params.model_rules:q} --output {output:q} 2>> {log:q}"
