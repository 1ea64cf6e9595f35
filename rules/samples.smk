# Stage 2, samples: one question about one filing, with its gold answer, split by company. A checkpoint, because what
# follows must run again only if the samples themselves change: their files are no outputs, and rewritten only then.


checkpoint samples:
    input:
        unpack(filings_files),
    output:
        "results/{study}/samples/{question}.index.json",
    log:
        "results/{study}/logs/samples/{question}.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        settings=filings_settings,
        column=column,
        matcher=matcher,
        train=samples_digest("train"),
        test=samples_digest("test"),
    shell:
        "python scripts/make_samples.py --settings {params.settings:q} --column {params.column:q}"
        " --matcher {params.matcher} --output {output} 2> {log}"
