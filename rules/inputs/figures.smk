# What the rules of figures.smk take.

from head_ablation.figures import FIGURES
from head_ablation.study.tasks import figure_task

KINDS = ("svg", "png", "pdf")
DRAWN = [FIGURES[name] for name in STUDY.config["figures"]["views"]]


def shown(figure):
    """A figure's file for Snakemake's report."""
    return report(
        f"results/{{study}}/figures/{figure.name}.svg",
        caption="../report/figure8.rst",
        category="Figures",
        labels={"figure": figure.title, "view": figure.view},
    )


def figure_files():
    """All files of all figures of the study."""
    return study_files([f"figures/{figure.name}.{kind}" for figure in DRAWN for kind in KINDS])
