# Stage 8, tables: every answer, every condition, Figure 8's curves, the key results, an audit; and the resolved config.


include: "inputs/tables.smk"


rule write_config:
    input:
        judged("write_config"),
    output:
        "results/{study}/config.yaml",
    log:
        "results/{study}/logs/config.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        # One parameter for each value: Snakemake shows those that changed.
        *map(as_it_is, [f"# code: {code('write_config.py')(None)}", *config_lines(STUDY.config)]),
        lineage=lineage("write_config"),
    shell:
        'python "$HEAD_ABLATION"/scripts/write_config.py --lineage {params.lineage:q} --config {params:q}'
        " --output {output:q} 2> {log:q}"


rule tables:
    input:
        judged("tables"),
        settled_heads,
        results=every("ablation/{}.json"),
    output:
        samples="results/{study}/tables/samples.parquet",
        levels="results/{study}/tables/levels.csv",
        curves="results/{study}/tables/curves.csv",
        flips="results/{study}/tables/flips.csv",
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
        task=settings(tables_task),
        code=code("make_tables.py"),
        lineage=lineage("tables"),
    shell:
        'python "$HEAD_ABLATION"/scripts/make_tables.py --lineage {params.lineage:q} --task {params.task:q}'
        " --results {input.results:q} --samples {output.samples:q} --levels {output.levels:q}"
        " --curves {output.curves:q}"
        " --flips {output.flips:q} --key-results {output.key_results:q} --page {output.page:q} 2> {log:q}"


rule audit:
    input:
        judged("audit"),
        settled_heads,
        results=every("ablation/{}.json"),
        rankings=lambda wildcards: ranking_files(),
        claims=lambda wildcards: STUDY.claims or [],
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
    params:
        task=settings(audit_task),
        rankings=settings(audit_rankings),
        code=code("audit.py"),
        lineage=lineage("audit"),
    shell:
        'python "$HEAD_ABLATION"/scripts/audit.py --lineage {params.lineage:q} --task {params.task:q}'
        " --results {input.results:q} --rankings {params.rankings:q} --claims {input.claims:q} --output {output:q}"
        " 2> {log:q}"


rule truth:
    input:
        judged("truth"),
        settled_heads,
        results=of_planted("ablation/{}.json"),
        prompts=asked_of_planted,
        rankings=lambda wildcards: ranking_files(),
        roles=expand(ROLES, model=PLANTED),
    output:
        report(
            "results/{study}/tables/truth.md",
            caption="../report/truth.rst",
            category="Tables",
            labels={"table": "truth"},
        ),
    log:
        "results/{study}/logs/truth.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        task=settings(truth_task),
        rankings=settings(audit_rankings),
        code=code("make_truth.py"),
        lineage=lineage("truth"),
    shell:
        'python "$HEAD_ABLATION"/scripts/make_truth.py --lineage {params.lineage:q} --task {params.task:q}'
        " --results {input.results:q} --prompts {input.prompts:q} --rankings {params.rankings:q}"
        " --roles {input.roles:q} --output {output:q} 2> {log:q}"
