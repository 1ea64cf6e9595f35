# Stage 10, the page: from the finding in numbers to what the model said. Besides its inputs it reads, below the study's
# folder, files that are no outputs of any rule (samples, head sets) or too many to name (provenance): what changes them
# changes an index or a table, too.


include: "inputs/report.smk"


rule report_page:
    input:
        settled_heads,
        study_files(sample_indexes(), [table for table in TABLES if not table.endswith(".md")]),
        chosen_heads(),
        lambda wildcards: ranking_files(),
        config="results/{study}/config.yaml",
        audit=study_files(AUDIT),
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
        folder=lambda wildcards, input: Path(input.config).parent,
        code=code("make_report.py"),
    shell:
        'python "$HEAD_ABLATION"/scripts/make_report.py --task {params.task:q} --folder {params.folder:q}'
        " --audit {input.audit:q} --shapes {input.shapes:q} --output {output:q} 2> {log:q}"
