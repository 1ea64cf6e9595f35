"""Write docs/seams.md: what is registered, as one table per registry."""

import argparse
from pathlib import Path

from head_ablation.common.files import write_text
from head_ablation.common.problems import run_script
from head_ablation.detectors import DETECTORS
from head_ablation.detectors.detector import ANSWER, LAST, Detector
from head_ablation.detectors.memory import LLAMA_3_8B
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

SCORES = """\
A head's score on a prompt is as follows; a ranking has the mean over prompts. a(t, j) is the model's own attention of
position t on key j, o_h(t) a head's output, the needle the passage or the answer (`detection.needle`), `last` the
prompt's last token, T its length. The modules of `head_ablation/detectors/` say each exactly. Memory is estimated: what
a detector holds of Llama-3-8B at 8,192 tokens in bfloat16, in GB, beside the weights (16.1) and keys and values (1.07 a
prompt).

| detector | score | prompts | memory | source |
| --- | --- | --- | --- | --- |
"""


def _scores() -> str:
    return SCORES + "".join(f"| {' | '.join(_row(detector))} |\n" for detector in DETECTORS)


def _row(detector: Detector) -> tuple[str, ...]:
    counted = "answered" if detector.successes_only else "all" if detector.reads_prompts else "none"
    memory = f"{detector.memory_bytes(LLAMA_3_8B, 'bfloat16', 8192) / 1e9:.2g}"
    memory += " a prompt" if {LAST, ANSWER} & {*detector.watches} else ""
    return f"`{detector.name}`", detector.equation.replace("|", "\\|"), counted, memory, detector.source


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("docs/seams.md"))
    sections = [f"## {title}\n\n{usage}\n\n{registry.markdown()}\n" for title, usage, registry in SECTIONS]
    sections[0] += f"\n{_scores()}"
    write_text(parser.parse_args().output, "\n".join([INTRODUCTION, *sections]))


if __name__ == "__main__":
    run_script(main)
