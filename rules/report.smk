# Stage 10, the page: from the finding in numbers to what the model said. Besides its inputs it reads, below the study's
# folder, head sets, whose indexes are inputs, and provenance files, which are too many to name.


include: "inputs/report.smk"


rule report_page:
    input:
        judged("report_page"),
        settled_heads,
        texts=shown_texts(),
        tables=study_files([table for table in TABLES if not table.endswith(".md")]),
        head_indexes=chosen_heads(),
        rankings=lambda wildcards: ranking_files(),
        config="results/{study}/config.yaml",
        audit=study_files(AUDIT),
        truth=study_files(TRUTH),
        shapes=grid_files(),
    output:
        report(
            "results/{study}/report.html",
            caption="../report/page.rst",
            category="Page",
            labels={"page": "from Figure 8 to every answer"},
        ),
    log:
        "results/{study}/logs/report.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        task=settings(report_task),
        folder=lambda wildcards: STUDY.folder,
        code=code("make_report.py"),
        lineage=lineage("report_page"),
    shell:
        'python "$HEAD_ABLATION"/scripts/make_report.py --lineage {params.lineage:q} --task {params.task:q}'
        " --folder {params.folder:q} --audit {input.audit:q} --truth {input.truth:q} --shapes {input.shapes:q}"
        " --output {output:q} 2> {log:q}"
