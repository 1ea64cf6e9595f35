# What the rules of figures.smk take.

from head_ablation.figures import FIGURES
from head_ablation.study.tasks import figure_task, rankings_task

KINDS = ("svg", "png", "pdf")
DRAWN = [FIGURES[name] for name in STUDY.figures]


def shown(figure):
    """A figure's file for Snakemake's report."""
    return report(
        f"results/{{study}}/figures/{figure.name}.svg",
        caption=f"../report/{figure.caption}",
        category="Figures",
        labels={"figure": figure.title, "view": figure.view},
    )


def drawn_files(of_rankings):
    """The files of the figures that show rankings, or of all others; the first kind with its caption."""
    chosen = [figure for figure in DRAWN if figure.of_rankings == of_rankings]
    others = [f"results/{{study}}/figures/{figure.name}.{kind}" for figure in chosen for kind in KINDS[1:]]
    return [*map(shown, chosen), *others]


def grid_files():
    """The grids of the models that are run; finished results may come without one."""
    return [] if STUDY.has_results else [SHAPE.format(model=model) for model in STUDY.config["models"]]


def figure_files():
    """All files of all figures of the study."""
    return study_files([f"figures/{figure.name}.{kind}" for figure in DRAWN for kind in KINDS])
