"""A page on two studies, or two methods of one: configs, accuracy, heads and answers side by side.

Of a study's folder only `config.yaml`, `tables/levels.csv`, `tables/samples.parquet`, `heads/*/.../index.json` and
`rankings/` are read, so that a folder with these from another machine will do; all but the levels may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from head_ablation.common.experiment import Experiment
from head_ablation.common.files import read_json
from head_ablation.common.markup import plain
from head_ablation.common.problems import Problem, StudyError, did_you_mean, refuse, some
from head_ablation.common.yaml_files import read_yaml
from head_ablation.heads.condition import Condition
from head_ablation.heads.head import HeadSet
from head_ablation.heads.rankings import ranked_heads
from head_ablation.results.compare import Side, accuracy_table, answers_table, only_one_has, table_problems
from head_ablation.results.compare_page import accuracy_section, answers_section, markdown_table, overlap_section
from head_ablation.results.head_overlap import overlap_by_question, overlap_table
from head_ablation.results.rows import CONDITION_TYPES, SAMPLE_TYPES
from head_ablation.results.table_files import read_levels
from head_ablation.study.config_lines import LINE, config_lines

MISSING = "-"
RUN = "Run the study, or copy its tables here"


@dataclass(frozen=True)
class Results:
    """What a study's folder holds.

    Attributes:
        folder: `results/{study}`.
        levels, samples: the tables; no samples where there is no such file.
        config: the resolved config; None where there is none.
    """

    folder: Path
    levels: pd.DataFrame
    samples: pd.DataFrame
    config: Mapping[str, Any] | None

    @property
    def methods(self) -> list[str]:
        """The methods that have a condition, by name."""
        return sorted(self.levels["method"].dropna().unique())

    def side(self, method: str) -> Side:
        """The rows of one method."""
        return Side.of(self.levels, self.samples, method)


def compare(folder_a: Path, folder_b: Path, methods: Sequence[str] = ()) -> str:
    """The page, in Markdown.

    Args:
        folder_a, folder_b: results of studies, `results/{study}`; twice the same one for two methods of it.
        methods: the method of a and that of b; without any, each method that both have is compared with itself.

    Raises:
        StudyError: no folder, no tables, damaged files, a method or an experiment that both must have and do not.
    """
    a, b = (_read(folder) for folder in (folder_a, folder_b))
    pairs = _method_pairs(a, b, methods)
    if not any(a.side(one).experiments & b.side(other).experiments for one, other in pairs):
        raise StudyError([_no_common_experiment(a, b, *pairs[0])])
    page = ["# Comparison", "", *_names(a, b), "", "## Configs", "", *_config_section(a, b, methods)]
    for one, other in pairs:
        page += _method_sections(a, b, one, other)
    return "\n".join([*page, ""])


def config_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The values that differ: their place, and what each config says there, as JSON; `-` where it says nothing."""
    first, second = (dict(_value(line) for line in config_lines(config)) for config in (a, b))
    places = [*first, *(place for place in second if place not in first)]
    both = [(place, first.get(place, MISSING), second.get(place, MISSING)) for place in places]
    return [(place, one, other) for place, one, other in both if one != other]


def _value(line: str) -> tuple[str, str]:
    match = LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"{line!r} is no line of a config")
    return match[1], match[2]


def _read(folder: Path) -> Results:
    levels, samples, config = folder / "tables" / "levels.csv", folder / "tables" / "samples.parquet", "config.yaml"
    if not folder.is_dir():
        expected = "a folder with a study's results, results/{study}"
        raise StudyError([Problem(folder, "folder", "a file" if folder.exists() else "nothing", expected)])
    if not levels.is_file():
        raise StudyError([Problem(levels, "file", "nothing", "the study's table of levels", RUN)])
    content = Results(
        folder=folder,
        levels=read_levels(levels),
        samples=_read_samples(samples),
        config=read_yaml(folder / config) if (folder / config).is_file() else None,
    )
    refuse(table_problems(str(samples), content.levels, content.samples))
    if not content.methods:
        raise StudyError([Problem(levels, "method", "none", "conditions of at least one method")])
    return content


def _read_samples(path: Path) -> pd.DataFrame:
    types = CONDITION_TYPES | SAMPLE_TYPES
    if not path.is_file():
        return pd.DataFrame(columns=list(types)).astype(types)
    try:
        table = pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise StudyError([Problem(path, "file", f"no table ({error})", "a table (Parquet)", RUN)]) from None
    if missing := [column for column in types if column not in table]:
        expected = f"the columns {', '.join(types)}"
        raise StudyError([Problem(path, "columns", f"no column {', '.join(missing)}", expected, RUN)])
    return table.astype(types)


def _method_pairs(a: Results, b: Results, methods: Sequence[str]) -> list[tuple[str, str]]:
    """The methods to compare, of a and of b."""
    same = _is_one_study(a, b)
    if methods:
        one, other = methods
        refuse(_method_problems([(a, one), (b, other)]))
        pairs = [(one, other)]
    else:
        pairs = [(method, method) for method in a.methods if method in b.methods]
    if same and all(one == other for one, other in pairs):
        expected = "two studies, or two methods of one (--methods M_A M_B)"
        raise StudyError([Problem(a.folder, "method", "the same results twice", expected)])
    if not pairs:
        expected = f"a method of {b.folder}: {some(b.methods)}"
        fix = "Name one of each with --methods"
        raise StudyError([Problem(a.folder, "method", some(a.methods), expected, fix)])
    return pairs


def _method_problems(asked: Sequence[tuple[Results, str]]) -> Iterator[Problem]:
    for results, method in asked:
        if method not in results.methods:
            expected = "a method of the study"
            yield Problem(results.folder, "--methods", method, expected, did_you_mean(method, results.methods))


def _no_common_experiment(a: Results, b: Results, one: str, other: str) -> Problem:
    found, expected = (some(sorted(side.experiments)) for side in (a.side(one), b.side(other)))
    return Problem(a.folder, "experiments", found, f"at least one of those of {b.folder}: {expected}")


def _is_one_study(a: Results, b: Results) -> bool:
    return a.folder.resolve() == b.folder.resolve()


def _names(a: Results, b: Results) -> list[str]:
    lines = [f"- {name}: `{plain(results.folder)}`" for name, results in (("a", a), ("b", b))]
    for name, one, other in (("a", a, b), ("b", b, a)):
        if only := [method for method in one.methods if method not in other.methods]:
            lines.append(f"- Methods that only {name} has: {plain(', '.join(only))}")
    return lines


def _config_section(a: Results, b: Results, methods: Sequence[str]) -> list[str]:
    lacking = [f"`{plain(results.folder)}`" for results in (a, b) if results.config is None]
    if a.config is None or b.config is None:
        return [f"Not compared: no config.yaml in {' and '.join(dict.fromkeys(lacking))}."]
    first, second = a.config, b.config
    if methods:
        first, second = (_with_method(*pair) for pair in zip((first, second), methods, strict=True))
    try:
        found = config_differences(first, second)
    except (TypeError, ValueError) as error:
        expected = "values of a resolved config: text, numbers, lists"
        raise StudyError([Problem(f"{a.folder}, {b.folder}", "config.yaml", error, expected)]) from None
    if not found:
        return ["No value differs."]
    note = ["`rankings.method` is the ranking of the method that is compared.", ""] if methods else []
    return [*note, *markdown_table(["value", "a", "b"], found)]


def _with_method(config: Mapping[str, Any], method: str) -> dict[str, Any]:
    """The config with the ranking of one method alone, under a name that both sides have."""
    rankings = config.get("rankings")
    return {**config, "rankings": {"method": rankings.get(method)} if isinstance(rankings, Mapping) else rankings}


def _method_sections(a: Results, b: Results, one: str, other: str) -> list[str]:
    title = f"## Method {plain(one)}" if one == other else f"## Methods: a {plain(one)}, b {plain(other)}"
    left, right = a.side(one), b.side(other)
    common = left.experiments & right.experiments
    page = ["", title, "", f"Experiments that both have: {len(common)}."]
    for name, lines in (("a", only_one_has(left, right)), ("b", only_one_has(right, left))):
        page += ["", *(f"- Only {name} has {plain(line)}." for line in lines)] if lines else []
    if not common:
        return page
    one_baseline = _is_one_study(a, b) and _shares_baseline(a)
    sections = {
        "Accuracy": accuracy_section(accuracy_table(left, right, one_baseline)),
        "Heads": _heads_section(a, b, (one, other), sorted(common)),
        "Answers": _answers_section(left, right),
    }
    for section, lines in sections.items():
        page += ["", f"## {section}: {plain(one)}" + ("" if one == other else f", {plain(other)}"), "", *lines]
    return page


def _shares_baseline(results: Results) -> bool:
    return bool(results.levels.loc[results.levels["arm"] == "baseline", "method"].isna().all())


def _answers_section(left: Side, right: Side) -> list[str]:
    table = answers_table(left, right)
    if table.empty:
        return ["No prompt has answers on both sides under the same condition."]
    return answers_section(table)


def _heads_section(a: Results, b: Results, methods: tuple[str, str], experiments: Sequence[Experiment]) -> list[str]:
    """Of the top arm, in the experiments of both."""
    sets = [
        {experiment: found for experiment in experiments if (found := _top_sets(results, method, experiment))}
        for results, method in zip((a, b), methods, strict=True)
    ]
    lines = []
    for name, own in zip("ab", sets, strict=True):
        if lacking := [experiment for experiment in experiments if experiment not in own]:
            lines.append(f"- No heads of {name} are known in {len(lacking)} experiments: {plain(some(lacking))}.")
    table = overlap_table(*sets)
    if table.empty:
        return [*lines, "- Nothing to compare."]
    note = (
        "Top heads of the same experiment and level in a and b; the Jaccard index is heads in both / heads in either."
    )
    return [*lines, *([""] if lines else []), note, "", *overlap_section(overlap_by_question(table))]


def _top_sets(results: Results, method: str, experiment: Experiment) -> dict[int, HeadSet]:
    """Level -> top heads, from the index of head sets, else from the ranking; none where there is neither."""
    index = results.folder / "heads" / method / str(experiment) / "index.json"
    ranking = results.folder / "rankings" / method / f"{experiment}.json"
    try:
        if index.is_file():
            named = {Condition.parse(name): heads for name, heads in read_json(index)["conditions"].items()}
            return {key.level: HeadSet.parse(heads) for key, heads in named.items() if key.arm == "top"}
        return _ranked_sets(results, method, experiment, read_json(ranking)) if ranking.is_file() else {}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        place, expected = (index, "conditions") if index.is_file() else (ranking, "head_rankings")
        found = f"damaged ({type(error).__name__}: {error})"
        raise StudyError([Problem(place, expected, found, "heads written like L15H30, each once")]) from None


def _ranked_sets(results: Results, method: str, experiment: Experiment, ranking: Any) -> dict[int, HeadSet]:
    rows = results.levels[results.levels["method"] == method]
    own = rows[(rows[["model", "question", "tokens"]] == list(experiment)).all(axis=1) & (rows["arm"] == "top")]
    heads = ranked_heads(ranking)
    return {int(level): HeadSet(tuple(heads[:level])) for level in own["level"].unique() if level <= len(heads)}
