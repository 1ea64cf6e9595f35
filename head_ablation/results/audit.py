"""The audit of finished ablation results as a page: claims about them, their head sets, their contradictions.

Found values and intervals are the key results', never computed a second way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from head_ablation.common.experiment import Experiment
from head_ablation.common.markup import plain
from head_ablation.heads.arms import ARMS
from head_ablation.heads.condition import ArmSettings
from head_ablation.heads.head import Head, HeadSet, ModelShape
from head_ablation.heads.head_sets import HeadSetSettings
from head_ablation.results.claims import Claim, Claims, Finding, Verdict
from head_ablation.results.contradictions import Agreement, Check, Contradiction, Kind, checks, head_set_agreement
from head_ablation.results.key_results import contrasts, key_results_table
from head_ablation.results.published_format import Key, Result, entries, experiment_of
from head_ablation.results.rows import EXPERIMENT, levels_table, samples_table

FEW = 5  # head sets that are named one by one even if all of an arm differ


@dataclass(frozen=True)
class AuditTask:
    """What results are held against, besides rankings and claims.

    Attributes:
        conditions: names of all conditions of the study.
        arms: its arms.
        shapes: model -> its grid of heads; None where that is not known without fetching.
        names: model -> its full name.
        questions: `{model}/{question}` -> the question as that model is asked it.
    """

    conditions: tuple[str, ...]
    arms: ArmSettings
    shapes: Mapping[str, ModelShape | None]
    names: Mapping[str, str]
    questions: Mapping[str, str]

    def stated(self, results: Sequence[Result]) -> dict[Key, dict[str, str]]:
        """For each result what it should say of itself: model_name and question_prompt."""
        keys = [experiment_of(result) for result in results]
        return {
            key: {"model_name": self.names[key[1]], "question_prompt": self.questions[f"{key[1]}/{key[2]}"]}
            for key in keys
        }

    def head_sets(self, rankings: Mapping[Key, Sequence[Head]]) -> dict[Key, dict[str, HeadSet]]:
        """For each method and experiment with ranked heads: condition -> the heads that the study chooses."""
        found = {}
        for key, ranked in rankings.items():
            experiment = Experiment(*key[1:])
            settings = HeadSetSettings(str(experiment), self.conditions, self.arms)
            shape = self.shapes[experiment.model]
            if shape and ranked:
                sets = settings.choose(ranked, shape)
                found[key] = {str(condition): heads for condition, heads in sets.items()}
        return found


@dataclass(frozen=True)
class AuditRankings:
    """The files of the rankings: method, model, question, tokens and path of each."""

    files: tuple[tuple[str, str, str, int, str], ...]


def audit_markdown(
    results: Sequence[Result],
    claims: Claims | None,
    rankings: Mapping[Key, Sequence[Head]],
    head_sets: Mapping[Key, Mapping[str, HeadSet]],
    excluded: int,
    stated: Mapping[Key, Mapping[str, str]] = MappingProxyType({}),
) -> str:
    """The audit as a Markdown page.

    Args:
        results: checked ones.
        claims: what is printed about them, if anything.
        rankings, excluded, stated: as `contradictions.checks`.
        head_sets: as `head_set_agreement`.

    Raises:
        StudyError: results that no table can be made of.
    """
    page = ["# Audit", "", *_given(results, rankings)]
    page += _claims_section(claims, results) if claims else []
    made = [*checks(results, rankings, excluded, stated)]
    page += _agreement_section(head_set_agreement(results, head_sets), [one for _, one in made if one])
    return "\n".join([*page, *_contradictions_section(made), ""])


def _given(results: Sequence[Result], rankings: Mapping[Key, Sequence[Head]]) -> list[str]:
    keys = [experiment_of(result) for result in results]
    conditions = sum(1 for result in results for _ in entries(result))
    methods = ", ".join(map(plain, sorted({key[0] for key in keys})))
    return [
        f"Results files: {len(results)} ({sum(key in rankings for key in keys)} with their ranking); methods: "
        f"{methods}; experiments: {len({key[1:] for key in keys})}; conditions: "
        f"{conditions}, each file's baseline included."
    ]


def _claims_section(claims: Claims, results: Sequence[Result]) -> list[str]:
    levels, samples = levels_table(results), samples_table(results)
    findings = [find(claim, levels, samples) for claim in claims.claims]
    header = ["claim about", "arm", "heads", "claimed", "found", "95 % interval", "experiments", "verdict"]
    header += ["the rest would need"] if any(finding.needed for finding in findings) else []
    reached = {finding.verdict for finding in findings}
    return [
        *("", "## Claims", "", f"Source: {plain(claims.source)}", "", "Drops of accuracy in percentage points."),
        *("", *_table(header, (_claim_row(finding)[: len(header)] for finding in findings)), ""),
        *(f"- {verdict.value}: {verdict.meaning}" for verdict in Verdict if verdict in reached),
        *("", _basis(findings)),
    ]


def _claim_row(finding: Finding) -> list[str]:
    claim = finding.claim
    subject = ", ".join(str(part) for part in (claim.method, claim.model, claim.question, claim.tokens) if part)
    found = [f"{value:z.1f}" for value in finding.points] if finding.row else ["-"] * 3
    given = f"{finding.experiments} of {claim.experiments or finding.experiments}"
    needed = "{:z.1f} ± {:.1f}".format(*finding.needed) if finding.needed else "-"
    interval = f"{found[1]} to {found[2]}" if finding.row else "-"
    cells = [subject, claim.arm, claim.level, claim.mean_drop_points, found[0], interval, given]
    return [*map(str, cells), finding.verdict.value, needed]


def _basis(findings: Sequence[Finding]) -> str:
    rows = [finding.row for finding in findings if finding.row]
    if not rows:
        return "No given result is about a claim."
    numbers = sorted({row["companies"] for row in rows})
    n = "-".join(map(str, dict.fromkeys([numbers[0], numbers[-1]])))
    return (
        "Found values are those of the key results, means over the given experiments with random draws averaged first;"
        f" their intervals: Newcombe 1998, from Wilson limits with n = {n} companies (prompts of an experiment, where"
        f" results have no samples), {' or '.join(sorted({row['interval'] for row in rows}))}."
    )


def _agreement_section(agreement: Mapping[str, Agreement], contradictions: Sequence[Contradiction]) -> list[str]:
    """How many head sets are the study's own, and every other one by name; of an arm that was drawn otherwise as a
    whole, that is said once."""
    said = ", ".join(f"{arm} {found.same} of {found.compared}" for arm, found in agreement.items())
    if not said:
        return []
    page = ["", "## Head sets", "", f"Exactly the heads that this study chooses: {said}."]
    named = {(one.experiment, one.condition) for one in contradictions}
    rows: list[list[str]] = []
    for arm, found in agreement.items():
        if not found.same and found.compared > FEW:
            page += [
                "",
                f"All {arm} heads were chosen otherwise: by another ranking, seed or sampler than this study's.",
            ]
            continue
        others = [one for one in found.others if (one.experiment, one.condition) not in named]
        rows += [[one.experiment, one.condition, one.found, one.expected] for one in others]
    header = ["experiment", "condition", "only in the result", "only as this study chooses"]
    return [*page, *(["", *_table(header, rows)] if rows else [])]


def _contradictions_section(made: Sequence[Check]) -> list[str]:
    found = [contradiction for _, contradiction in made if contradiction]
    number, failed = Counter(kind for kind, _ in made), Counter(one.kind for one in found)
    rows = [[one.kind, one.experiment, one.condition, one.found, one.expected] for one in found]
    header = ["should be", "experiment", "condition", "found", "expected"]
    counts = [[kind, str(number[kind]), str(failed[kind])] for kind in Kind.all()]
    return [
        *("", "## Contradictions", "", *_table(["should be", "checks", "contradictions"], counts), ""),
        *(_table(header, rows) if rows else ["None found."]),
    ]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(map(plain, line))} |" for line in lines]


def find(claim: Claim, levels: pd.DataFrame, samples: pd.DataFrame) -> Finding:
    """What the tables of the given results have about a claim."""
    own, arms = _rows_of(claim, levels), set(contrasts(ARMS.names)[claim.contrast]) - {"baseline"}
    there = own[(own["level"] == claim.level) & own["arm"].isin(arms)]
    experiments = int((there.groupby(EXPERIMENT)["arm"].nunique() == len(arms)).sum())
    if not experiments:
        return Finding(claim, 0, {})
    rows = key_results_table(own, _rows_of(claim, samples))
    return Finding(claim, experiments, rows[rows["level"] == claim.level].iloc[0].to_dict())


def _rows_of(claim: Claim, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a levels or samples table that the claim is about, whatever their level."""
    rows = table[(table["method"] == claim.method) | table["method"].isna()]
    for column in EXPERIMENT:
        wanted = getattr(claim, column)
        rows = rows if wanted is None else rows[rows[column] == wanted]
    return rows
