"""Draw the rule graph that `snakemake --rulegraph` prints, from left to right."""

import argparse
import re
import sys
from pathlib import Path

from matplotlib.figure import Figure

from head_ablation.common.problems import run_script
from head_ablation.figures.style import save_figure

BOXES = ({"boxstyle": "round", "fc": "#eef2f7", "ec": "#567"}, {"boxstyle": "round", "fc": "#fde6c8", "ec": "#b60"})
ARROW = {"arrowstyle": "-|>", "fc": "0.4", "ec": "0.4", "shrinkA": 1, "shrinkB": 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-rules", required=True, nargs="+", help="the rules that load a model")
    parser.add_argument("--output", required=True, type=Path, help="an .svg, .png or .pdf file")
    a, dot = parser.parse_args(), sys.stdin.read()
    names, arrows = dict(re.findall(r'(\d+)\[label = "(\w+)"', dot)), re.findall(r"(\d+) -> (\d+)", dot)
    sources = {name: {names[one] for one, other in arrows if other == key} for key, name in names.items()}
    save_figure(drawing(sources, a.model_rules), [a.output])


def all_before(rule: str, sources: dict[str, set[str]]) -> set[str]:
    return sources[rule].union(*(all_before(one, sources) for one in sources[rule]))


def places(sources: dict[str, set[str]]) -> dict[str, tuple[int, int]]:
    """Column and row: a rule stands just before the first one that waits for it; rules that wait for none go up."""
    found: dict[str, tuple[int, int]] = {}
    for rule in sorted(sources, key=lambda rule: (-len(all_before(rule, sources)), rule)):
        column = min((found[other][0] - 1 for other in sources if rule in sources[other]), default=0)
        rows = range(0, -len(sources), -1) if sources[rule] else range(len(sources))
        found[rule] = next((column, row) for row in rows if (column, row) not in found.values())
    return found


def drawing(sources: dict[str, set[str]], model_rules: list[str]) -> Figure:
    """Boxes and arrows; arrows that follow from others are left out, long ones pass below the boxes between."""
    found, boxes = places(sources), {}
    (left, right), (low, high) = ((min(axis), max(axis)) for axis in zip(*found.values(), strict=True))
    fig = Figure(figsize=(1.02 * (right - left + 1), 0.66 * (high - low + 1)))
    ax = fig.add_axes((0, 0, 1, 1), xlim=(left - 0.5, right + 0.5), ylim=(low - 0.5, high + 0.5), frameon=False)
    for rule, place in found.items():
        text = ax.text(*place, rule.replace("_", "\n"), ha="center", va="center", bbox=BOXES[rule in model_rules])
        boxes[rule] = text.get_bbox_patch()
    for rule in found:
        for one in sorted(sources[rule].difference(*(all_before(other, sources) for other in sources[rule]))):
            way = "angle,angleA=90,angleB=0,rad=8" if found[rule][0] - found[one][0] > 1 else "arc3"
            ends = {"patchA": boxes[one], "patchB": boxes[rule], "connectionstyle": way}
            ax.annotate("", found[rule], found[one], arrowprops=ARROW | ends)
    return fig


if __name__ == "__main__":
    run_script(main)
