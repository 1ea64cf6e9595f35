# Stage 2, samples: one question about one filing, with its gold answer, split by company. A checkpoint, because what
# follows must run again only if the samples themselves change: their files are no outputs, and rewritten only then.
# Filings of a corpus are fetched first.


rule filings:
    input:
        lambda wildcards: STUDY.config["filings"]["ground_truth"],
    output:
        filings="results/{study}/filings.jsonl",
        index="results/{study}/filings.index.json",
    log:
        "results/{study}/logs/filings.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        index=corpus_index,
        cache=corpus_cache,
    shell:
        "python scripts/fetch_filings.py --asked {params.index:q} --ground-truth {input:q} --cache {params.cache:q}"
        " --output {output.filings} --index {output.index} 2> {log}"


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
