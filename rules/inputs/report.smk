# What the rules of report.smk take.

from head_ablation.study.tasks import report_task


def grid_files():
    """The grids of the models that are run; finished results may come without one."""
    return [] if STUDY.has_results else [SHAPE.format(model=model) for model in STUDY.config["models"]]


def shown_passages(wildcards):
    """The samples files whose passages the page shows."""
    return [] if STUDY.has_results else [samples_of(question, "test") for question in STUDY.questions]
