# Stage 9, figures: accuracy, and its drop, against the number of ablated heads; and where the ranked heads stand.


include: "inputs/figures.smk"


if drawn_files(of_rankings=False):

    rule draw:
        input:
            judged("draw"),
            settled_heads,
            curves="results/{study}/tables/curves.csv",
            levels="results/{study}/tables/levels.csv",
            samples="results/{study}/tables/samples.parquet",
        output:
            drawn_files(of_rankings=False),
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


if drawn_files(of_rankings=True):

    rule draw_rankings:
        input:
            judged("draw_rankings"),
            settled_heads,
            curves="results/{study}/tables/curves.csv",
            levels="results/{study}/tables/levels.csv",
            samples="results/{study}/tables/samples.parquet",
            rankings=lambda wildcards: ranking_files(),
            shapes=grid_files(),
        output:
            drawn_files(of_rankings=True),
        log:
            "results/{study}/logs/figures_of_rankings.log",
        localrule: True
        conda:
            "../envs/analysis.yaml"
        params:
            task=settings(figure_task),
            rankings=settings(rankings_task),
            code=code("draw_figures.py"),
            lineage=lineage("draw_rankings"),
        shell:
            'python "$HEAD_ABLATION"/scripts/draw_figures.py --lineage {params.lineage:q} --task {params.task:q}'
            " --curves {input.curves:q} --levels {input.levels:q} --samples {input.samples:q}"
            " --rankings {params.rankings:q} --shapes {input.shapes:q}"
            " --outputs {output:q} 2> {log:q}"
