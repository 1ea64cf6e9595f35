# What the rules of report.smk take.

from head_ablation.study.tasks import report_task


def shown_texts():
    """The texts of the prompts that the page shows."""
    return [] if STUDY.has_results else study_files([f"prompts/{e}.test.text.jsonl" for e in STUDY.experiments()])
