# What the rules of samples.smk take.

SAMPLES = "results/{study}/samples/{question}.{split}.jsonl"
SAMPLES_INDEX = "results/{study}/samples/{question}.index.json"


def sample_indexes():
    """The indexes of all samples; none for a study of finished results."""
    return [] if STUDY.has_results else [f"samples/{question}.index.json" for question in STUDY.questions]


def filings_input(name):
    """A function that gives a file that samples are made from, by its name in FilingsFiles, if the study has one."""

    def found(wildcards):
        path = getattr(stages.filings_files(STUDY), name)
        is_fetched = path == f"{STUDY.folder}/filings.jsonl"
        return f"results/{STUDY.name}/filings.jsonl" if is_fetched else path or []

    return found


def samples_of(question, split):
    """The samples file of a question and split."""
    names = {"study": STUDY.name, "question": question}
    path, index = SAMPLES.format(split=split, **names), SAMPLES_INDEX.format(**names)
    return made(checkpoints.samples, path, PLAN.samples(question, split), index, **names)


def samples_file(wildcards):
    return samples_of(wildcards.question, wildcards.split)


def samples_digest(split):
    """A function that gives the digest of what a samples file should hold, once that is known."""
    return lambda wildcards: sha256_text(PLAN.samples(wildcards.question, split) or "")
