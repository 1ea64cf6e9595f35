"""The page of truth: a study of planted models, held against what their roles predict.

For every ranking, which of the heads that it has first are retrieval heads; for every condition, the predicted accuracy
beside the one that was found, and whether each answer is the predicted one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from head_ablation.common.experiment import Experiment
from head_ablation.common.markup import plain
from head_ablation.common.problems import some
from head_ablation.heads.head import Head, HeadSet
from head_ablation.planted.prediction import predicted_answer, read_facts
from head_ablation.planted.roles import ROLES, Roles
from head_ablation.prompts.prompt import Prompt
from head_ablation.results.published_format import Result, condition_name, entries, experiment_of
from head_ablation.results.scoring import Judge

SHOWN = 10  # answers that are not the predicted ones, shown on the page
PASS, FAIL, OPEN = "pass", "FAIL", "not predicted"
Prompts = Mapping[Experiment, Sequence[Prompt]]
Rankings = Mapping[tuple[str, Experiment], Mapping[str, Any]]


@dataclass(frozen=True)
class TruthTask:
    """What the study says of its ablations and rankings.

    Attributes:
        intervention, positions: what becomes of ablated heads, and where.
        judges: question -> how its answers are judged.
        sources: method -> its detector, or `given`.
        levels: numbers of ablated heads.
    """

    intervention: str
    positions: str
    judges: Mapping[str, Judge]
    sources: Mapping[str, str]
    levels: tuple[int, ...]


@dataclass(frozen=True)
class Answer:
    """What a model answered to one prompt, and what its roles predict."""

    filename: str
    predicted: str | None
    found: str
    would_be_correct: bool
    is_correct: bool

    @property
    def holds(self) -> bool:
        """Whether answer and verdict are the predicted ones."""
        return (self.predicted, self.would_be_correct) == (self.found, self.is_correct)


@dataclass(frozen=True)
class Row:
    """One condition.

    Attributes:
        experiment, method, condition: which; the baseline belongs to no method.
        heads: that were ablated.
        answers: to the prompts that count.
    """

    experiment: Experiment
    method: str
    condition: str
    heads: HeadSet
    answers: tuple[Answer, ...]

    @property
    def verdict(self) -> str:
        """`pass`; `FAIL`, if a predicted answer is another one; `not predicted`, if none fails and one is open."""
        known = [answer for answer in self.answers if answer.predicted is not None]
        if not all(answer.holds for answer in known):
            return FAIL
        return PASS if known and len(known) == len(self.answers) else OPEN

    @property
    def predicted(self) -> float | None:
        """The predicted accuracy; None if an answer is not predicted."""
        if any(answer.predicted is None for answer in self.answers):
            return None
        return sum(answer.would_be_correct for answer in self.answers) / len(self.answers)

    @property
    def found(self) -> float:
        """The accuracy."""
        return sum(answer.is_correct for answer in self.answers) / len(self.answers)


@dataclass(frozen=True)
class Ranked:
    """The first heads of a ranking.

    Attributes:
        method, experiment: of the ranking.
        level: so many heads.
        roles: role -> how many of them have it.
        retrieval: how many retrieval heads the model has.
        tied: heads with the score of the last of them, if others behind it have that score, too; else 0.
    """

    method: str
    experiment: Experiment
    level: int
    roles: Mapping[str, int]
    retrieval: int
    tied: int

    @property
    def precision(self) -> float:
        """The share of retrieval heads among them."""
        return self.roles.get("retrieval", 0) / self.level

    @property
    def recall(self) -> float:
        """The share of the retrieval heads that are among them."""
        return self.roles.get("retrieval", 0) / self.retrieval


def truth_rows(results: Sequence[Result], prompts: Prompts, roles: Mapping[str, Roles], task: TruthTask) -> list[Row]:
    """Every condition of the planted models, the baseline of an experiment once.

    Args:
        results: ablation results.
        prompts: those of each experiment.
        roles: model -> its roles; results of other models are passed over.
        task: what the study says.
    """
    rows: dict[tuple[Experiment, str, str], Row] = {}
    for result in results:
        method, model, question, tokens = experiment_of(result)
        experiment = Experiment(model, question, tokens)
        if experiment.model in roles:
            asked = {prompt.filename: prompt for prompt in prompts[experiment]}
            for arm, level, draw, entry in entries(result):
                owner = "-" if arm == "baseline" else method
                heads = HeadSet(tuple(Head(*pair) for pair in entry.get("heads", [])))
                answers = tuple(_answers(entry, asked, heads, roles[experiment.model], task, experiment.question))
                condition = condition_name(arm, level, draw)
                rows.setdefault((experiment, owner, condition), Row(experiment, owner, condition, heads, answers))
    return list(rows.values())


def _answers(
    entry: Result, asked: Mapping[str, Prompt], heads: HeadSet, roles: Roles, task: TruthTask, question: str
) -> Iterator[Answer]:
    for sample in entry["samples"]:
        prompt = asked[sample["filename"]]
        facts = read_facts(roles, prompt)
        text = predicted_answer(roles, facts, heads.heads, task.intervention, task.positions) if facts else None
        right = text is not None and task.judges[question].verdicts(text, prompt.golds)["correct"]
        yield Answer(prompt.filename, text, sample["text"], right, bool(sample["correct"]))


def ranked_rows(rankings: Rankings, roles: Mapping[str, Roles], levels: Sequence[int]) -> list[Ranked]:
    """The first heads of every ranking of a planted model, at the study's levels and the number of retrieval heads."""
    return [
        row
        for (method, experiment), ranking in rankings.items()
        if experiment.model in roles and ranking["head_rankings"]
        for row in _first_heads(method, experiment, ranking["head_rankings"], roles[experiment.model], levels)
    ]


def _first_heads(
    method: str, experiment: Experiment, ranked: Sequence[Mapping[str, Any]], roles: Roles, levels: Sequence[int]
) -> Iterator[Ranked]:
    of_rank = [roles.by_head[Head.parse(entry["head"])].role for entry in ranked]
    scores, retrieval = [entry["score"] for entry in ranked], len(roles.of_role("retrieval"))
    for level in sorted({*levels, retrieval}):
        if level <= len(ranked):
            is_cut = scores[level - 1 : level] == scores[level : level + 1]
            tied = scores.count(scores[level - 1]) if is_cut else 0
            yield Ranked(method, experiment, level, Counter(of_rank[:level]), retrieval, tied)


def truth_markdown(rows: Sequence[Row], ranked: Sequence[Ranked], task: TruthTask) -> str:
    """The page."""
    return "\n".join(
        [
            "# Truth",
            "",
            _verdict(rows),
            "",
            *_differences(rows),
            "## Rankings",
            "",
            "Precision and recall of retrieval heads among the first k heads; k is each level, and their number.",
            "",
            *_ranked_table(ranked, task),
            "",
            "## Conditions",
            "",
            f"Intervention: `{task.intervention}` at positions: `{task.positions}`. The predicted accuracy follows from"
            " `roles.json` and the prompts' facts alone; a condition passes if each answer is the predicted one.",
            "",
            *_condition_table(rows),
            "",
        ]
    )


def _verdict(rows: Sequence[Row]) -> str:
    counts = Counter(row.verdict for row in rows)
    answers = sum(len(row.answers) for row in rows)
    if counts[FAIL]:
        return f"**FAIL**: {counts[FAIL]} of {len(rows)} conditions have answers that the roles do not predict."
    open_ones = f"; {counts[OPEN]} are not predicted" if counts[OPEN] else ""
    name = PASS.upper() if counts[PASS] else OPEN.upper()
    return f"**{name}**: {counts[PASS]} of {len(rows)} conditions ({answers} answers) are as predicted{open_ones}."


def _differences(rows: Sequence[Row]) -> Iterator[str]:
    """The first answers that are not the predicted ones."""
    wrong = [(row, one) for row in rows for one in row.answers if one.predicted is not None and not one.holds]
    for row, one in wrong[:SHOWN]:
        where = f"{row.experiment}, {row.method}, {row.condition}, {one.filename}"
        yield f"- {plain(where)}: predicted '{plain(one.predicted)}', found '{plain(one.found)}'"
    if len(wrong) > SHOWN:
        yield f"- and {len(wrong) - SHOWN} more answers"
    if wrong:
        yield ""


def _ranked_table(ranked: Sequence[Ranked], task: TruthTask) -> Iterator[str]:
    yield "| method | from | experiment | k | precision | recall | others among them | tied at the cut |"
    yield "| --- | --- | --- | ---: | ---: | ---: | --- | ---: |"
    for row in ranked:
        others = some(f"{row.roles[role]} {role}" for role in ROLES if role != "retrieval" and row.roles.get(role))
        named = f"{plain(row.method)} | {plain(task.sources[row.method])} | {plain(row.experiment)}"
        shares = f"{row.precision:.2f} | {row.recall:.2f}"
        yield f"| {named} | {row.level} | {shares} | {others or '-'} | {row.tied or '-'} |"


def _condition_table(rows: Sequence[Row]) -> Iterator[str]:
    yield "| experiment | method | condition | prompts | predicted | found | other answers | |"
    yield "| --- | --- | --- | ---: | ---: | ---: | ---: | --- |"
    for row in rows:
        known = [one for one in row.answers if one.predicted is not None]
        others = sum(not one.holds for one in known)
        predicted = "-" if row.predicted is None else f"{100 * row.predicted:.1f} %"
        named = f"{plain(row.experiment)} | {plain(row.method)} | {row.condition}"
        found = f"{100 * row.found:.1f} %"
        yield f"| {named} | {len(row.answers)} | {predicted} | {found} | {others} | {row.verdict} |"
