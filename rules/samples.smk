# Stage 2, samples: one question about one filing, with its gold answer, split by company. A checkpoint, because what
# follows must run again only if the samples themselves change: their files are no outputs, and rewritten only then.
# Filings of a corpus are fetched first.

SAMPLES = "results/{study}/samples/{question}.{split}.jsonl"
SAMPLES_INDEX = "results/{study}/samples/{question}.index.json"


def sample_indexes():
    """The indexes of all samples; none for a study of finished results."""
    return [] if STUDY.has_results else [f"samples/{question}.index.json" for question in STUDY.questions]


def filings_inputs(wildcards):
    """The files that samples are made from, by their names in FilingsFiles; a fetched file of texts is a result."""
    files = stages.filings_files(STUDY)
    texts = f"results/{STUDY.name}/filings.jsonl" if files.texts == f"{STUDY.folder}/filings.jsonl" else files.texts
    named = {"ground_truth": files.ground_truth, "texts": texts, "evidence": files.evidence}
    return {name: path for name, path in named.items() if path}


def samples_file(wildcards):
    """The samples file of a split."""
    return made(
        checkpoints.samples,
        SAMPLES.format(**wildcards),
        PLAN.samples(wildcards.question, wildcards.split),
        SAMPLES_INDEX.format(**wildcards),
        study=wildcards.study,
        question=wildcards.question,
    )


def samples_digest(split):
    """A function that gives the digest of what a samples file should hold, once that is known."""
    return lambda wildcards: sha256_text(PLAN.samples(wildcards.question, split) or "")


rule filings:
    input:
        lambda wildcards: STUDY.ground_truth,
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
        cache=say(stages.corpus_cache),
        code=code("fetch_filings.py"),
    shell:
        'python "$HEAD_ABLATION"/scripts/fetch_filings.py --request {params.request:q} --ground-truth {input:q}'
        " --cache {params.cache:q} --output {output.filings:q} --index {output.index:q} 2> {log:q}"


checkpoint samples:
    input:
        unpack(filings_inputs),
    output:
        SAMPLES_INDEX,
    log:
        "results/{study}/logs/samples/{question}.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        settings=settings(stages.sample_settings),
        files=lambda wildcards, input: [f"--{name.replace('_', '-')}={path}" for name, path in input.items()],
        train=f"{STATE.prefix}{SAMPLES}".replace("{split}", "train"),
        test=f"{STATE.prefix}{SAMPLES}".replace("{split}", "test"),
        train_sha256=samples_digest("train"),
        test_sha256=samples_digest("test"),
        code=code("make_samples.py"),
    shell:
        'python "$HEAD_ABLATION"/scripts/make_samples.py --settings {params.settings:q} {params.files:q}'
        " --train {params.train:q} --test {params.test:q} --output {output:q} 2> {log:q}"
