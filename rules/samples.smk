# Stage 2, samples: one question about one filing, with its gold answer, split by company.


rule samples:
    input:
        unpack(filings_files),
    output:
        train="results/{study}/samples/{question}.train.jsonl",
        test="results/{study}/samples/{question}.test.jsonl",
    log:
        "results/{study}/logs/samples/{question}.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        settings=filings_settings,
        column=column,
        matcher=matcher,
    shell:
        "python scripts/make_samples.py --settings {params.settings:q} --column {params.column:q}"
        " --matcher {params.matcher} --train {output.train} --test {output.test} 2> {log}"
