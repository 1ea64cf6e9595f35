# Stage 9, figures: accuracy, and its drop, against the number of ablated heads.


include: "inputs/figures.smk"


rule draw:
    input:
        judged("draw"),
        settled_heads,
        curves="results/{study}/tables/curves.csv",
        levels="results/{study}/tables/levels.csv",
        samples="results/{study}/tables/samples.parquet",
    output:
        [shown(figure) for figure in DRAWN],
        [f"results/{{study}}/figures/{figure.name}.{kind}" for figure in DRAWN for kind in KINDS[1:]],
    log:
        "results/{study}/logs/figures.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        task=settings(figure_task),
        code=code("draw_figures.py"),
        lineage=lineage("draw"),
    shell:
        'python "$HEAD_ABLATION"/scripts/draw_figures.py --lineage {params.lineage:q} --task {params.task:q}'
        " --curves {input.curves:q} --levels {input.levels:q} --samples {input.samples:q}"
        " --outputs {output:q} 2> {log:q}"
