"""Write docs/seams.md: what is registered, as one table per registry."""

import argparse
from pathlib import Path

from head_ablation.common.files import write_text
from head_ablation.common.problems import run_script
from head_ablation.detectors import DETECTORS
from head_ablation.engine.interventions import INTERVENTIONS
from head_ablation.figures import FIGURES
from head_ablation.heads.arms import ARMS
from head_ablation.prompts.matchers import MATCHERS

INTRODUCTION = """\
# What a study can name

Detectors, interventions, arms, matchers and figures are entries of registries. The options stand with their defaults;
`-` means that there is nothing to choose. [CONTRIBUTING.md](../CONTRIBUTING.md) shows how to add an entry.
`scripts/write_seam_docs.py` writes this page from the registries.
"""
SECTIONS = (
    ("Detectors", "`rankings: {mine: {detector: NAME, OPTION: VALUE}}`. They rank heads.", DETECTORS),
    ("Interventions", "`ablation: {intervention: NAME, OPTION: VALUE}`. What replaces a head's output.", INTERVENTIONS),
    ("Arms", "`arms: {NAME: {OPTION: VALUE}}`. Where the ablated heads come from.", ARMS),
    ("Matchers", "`questions: {mine: {matcher: NAME}}`. What kind of answer a question has.", MATCHERS),
    ("Figures", "`figures: {views: [NAME, ...]}`, or the list alone. What is drawn from the tables.", FIGURES),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("docs/seams.md"))
    sections = [f"## {title}\n\n{usage}\n\n{registry.markdown()}\n" for title, usage, registry in SECTIONS]
    write_text(parser.parse_args().output, "\n".join([INTRODUCTION, *sections]))


if __name__ == "__main__":
    run_script(main)
