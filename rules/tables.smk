# Stage 8, tables: every answer, every condition, Figure 8's curves, the key results, an audit; and the resolved config.


rule write_config:
    output:
        "results/{study}/config.yaml",
    log:
        "results/{study}/logs/config.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        config=resolved_config,
    shell:
        "python scripts/write_config.py --config {params.config:q} --output {output} 2> {log}"


rule tables:
    input:
        settled_heads,
        results=every("ablation/{}.json"),
        code=["head_ablation/tables.py", "head_ablation/statistics.py"],
    output:
        samples="results/{study}/tables/samples.parquet",
        levels="results/{study}/tables/levels.csv",
        curves="results/{study}/tables/curves.csv",
        key_results="results/{study}/tables/key_results.csv",
        page=report(
            "results/{study}/tables/key_results.md",
            caption="../report/key_results.rst",
            category="Tables",
            labels={"table": "key results"},
        ),
    log:
        "results/{study}/logs/tables.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        folder="results/{study}/tables",
    shell:
        "python scripts/make_tables.py --results {input.results} --folder {params.folder} 2> {log}"


rule audit:
    input:
        settled_heads,
        config="results/{study}/config.yaml",
        results=every("ablation/{}.json"),
        rankings=ranking_files(),
        claims=STUDY.config["claims"] or [],
        code=[f"head_ablation/{module}.py" for module in ("audit", "contradictions", "tables", "statistics")],
    output:
        report(
            "results/{study}/tables/audit.md",
            caption="../report/audit.rst",
            category="Tables",
            labels={"table": "audit"},
        ),
    log:
        "results/{study}/logs/audit.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    shell:
        "python scripts/audit.py --config {input.config} --output {output} 2> {log}"
