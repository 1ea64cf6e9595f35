# Stage 9, figures: accuracy against the number of ablated heads.


rule draw:
    input:
        settled_heads,
        curves="results/{study}/tables/curves.csv",
        levels="results/{study}/tables/levels.csv",
        code="head_ablation/figures.py",
    output:
        by_question=report(
            "results/{study}/figures/figure8_by_question.svg",
            caption="../report/figure8.rst",
            category="Figures",
            labels={"figure": "Figure 8", "view": "by question"},
        ),
        by_method=report(
            "results/{study}/figures/figure8_by_method.svg",
            caption="../report/figure8.rst",
            category="Figures",
            labels={"figure": "Figure 8", "view": "by method"},
        ),
        grid=report(
            "results/{study}/figures/figure8_grid.svg",
            caption="../report/figure8.rst",
            category="Figures",
            labels={"figure": "Figure 8", "view": "single experiments"},
        ),
        by_question_png="results/{study}/figures/figure8_by_question.png",
        by_question_pdf="results/{study}/figures/figure8_by_question.pdf",
        by_method_png="results/{study}/figures/figure8_by_method.png",
        by_method_pdf="results/{study}/figures/figure8_by_method.pdf",
        grid_png="results/{study}/figures/figure8_grid.png",
        grid_pdf="results/{study}/figures/figure8_grid.pdf",
    log:
        "results/{study}/logs/figures.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        labels=labels,
        folder="results/{study}/figures",
    shell:
        "python scripts/draw_figures.py --curves {input.curves} --levels {input.levels}"
        " --labels {params.labels:q} --folder {params.folder} 2> {log}"
