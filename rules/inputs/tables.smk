# What the rules of tables.smk take.

from head_ablation.study.config_lines import config_lines
from head_ablation.study.tasks import audit_rankings, audit_task, tables_task, truth_task

TABLES = [
    f"tables/{name}"
    for name in ("samples.parquet", "levels.csv", "curves.csv", "flips.csv", "key_results.csv", "key_results.md")
]
AUDIT = ["tables/audit.md"] if STUDY.has_results or STUDY.claims else []
PLANTED = [] if STUDY.has_results else stages.planted_models(STUDY)
TRUTH = ["tables/truth.md"] if PLANTED else []


def of_planted(pattern, methods=STUDY.methods):
    """The files of a pattern, as `every`, of planted models alone."""
    return [path for path in every(pattern, methods) if path.split("/")[-3] in PLANTED]


def asked_of_planted(wildcards):
    """The test prompts of planted models."""
    return study_files([f"prompts/{e}.test.jsonl" for e in STUDY.experiments() if e.model in PLANTED])


def as_it_is(text):
    """A parameter of this text, whose braces are no wildcards."""
    return lambda wildcards: text


def ranking_files():
    """The rankings as the audit reads them: the user's own files, or detected ones."""
    pairs = [(method, e) for method in STUDY.ranked_methods for e in STUDY.experiments()]
    found = [(given_files.ranking_file(STUDY, *pair), pair) for pair in pairs]
    return [path or f"results/{STUDY.name}/rankings/{method}/{e}.json" for path, (method, e) in found]
