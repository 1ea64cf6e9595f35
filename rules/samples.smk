# Stage 2, samples: one question about one filing, with its gold answer, split by company. A checkpoint, because what
# follows must run again only if the samples themselves change: their files are no outputs, and rewritten only then.
# Filings of a corpus are fetched first.


include: "inputs/samples.smk"


rule filings:
    input:
        judged("filings"),
        ground_truth=lambda wildcards: STUDY.ground_truth,
    output:
        filings="results/{study}/filings.jsonl",
        index="results/{study}/filings.index.json",
    log:
        "results/{study}/logs/filings.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        request=settings(stages.corpus_request),
        cache=of_study(stages.corpus_cache),
        code=code("fetch_filings.py"),
        lineage=lineage("filings"),
    shell:
        'python "$HEAD_ABLATION"/scripts/fetch_filings.py --lineage {params.lineage:q} --request {params.request:q}'
        " --ground-truth {input.ground_truth:q} --cache {params.cache:q} --output {output.filings:q}"
        " --index {output.index:q} 2> {log:q}"


checkpoint samples:
    input:
        judged("samples"),
        ground_truth=filings_input("ground_truth"),
        texts=filings_input("texts"),
        evidence=filings_input("evidence"),
    output:
        SAMPLES_INDEX,
    log:
        "results/{study}/logs/samples/{question}.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        settings=settings(stages.sample_settings),
        train=f"{STATE.prefix}{SAMPLES}".replace("{split}", "train"),
        test=f"{STATE.prefix}{SAMPLES}".replace("{split}", "test"),
        code=code("make_samples.py", PROMPTS_VERSION),
        lineage=lineage("samples", beside="{question}.*.jsonl"),
    shell:
        'python "$HEAD_ABLATION"/scripts/make_samples.py --lineage {params.lineage:q} --settings {params.settings:q}'
        " --ground-truth {input.ground_truth:q} --texts {input.texts:q} --evidence {input.evidence:q}"
        " --train {params.train:q} --test {params.test:q} --output {output:q} 2> {log:q}"
