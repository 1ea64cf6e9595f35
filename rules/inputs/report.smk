# What the rules of report.smk take.

from head_ablation.study.tasks import report_task


def shown_passages(wildcards):
    """The samples files whose passages the page shows."""
    return [] if STUDY.has_results else [samples_of(question, "test") for question in STUDY.questions]
