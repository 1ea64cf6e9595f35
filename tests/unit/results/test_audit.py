"""The audit reaches every verdict, finds every kind of contradiction and only that one, and hides nothing."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from project import PROJECT
from published_study import RANKINGS, RESULTS, load, needs_published_study
from published_study import experiment_of as split_path
from results_factory import answers, result
from test_published_format import RANDOM, TOP, given, set_heads, write_study
from typed import arms

from head_ablation.common.problems import StudyError
from head_ablation.common.settings import to_text
from head_ablation.heads.arms import ARMS
from head_ablation.heads.condition import Condition
from head_ablation.heads.head import Head, HeadSet, ModelShape
from head_ablation.heads.head_sets import choose_head_sets
from head_ablation.heads.rankings import ranked_heads
from head_ablation.results.audit import audit_markdown, find
from head_ablation.results.claims import Claim, Verdict, claims_problems, read_claims
from head_ablation.results.contradictions import Contradiction, Kind, checks, head_set_agreement
from head_ablation.results.key_results import key_results_table
from head_ablation.results.published_format import experiment_of
from head_ablation.results.rows import levels_table, samples_table
from head_ablation.study.loading import read_resolved
from head_ablation.study.tasks import audit_rankings, audit_task

WU24 = PROJECT / "studies" / "claims" / "wu24.yaml"
Made = dict[str, Any]

# claims


def drops(*top: str, **identity: Any) -> list[Made]:
    """An experiment for each text of answers at level 2; with the baseline 1111 and top 0111, the drop is 25 points."""
    lengths = range(1024, 1024 * (len(top) + 1), 1024)
    return [given(top=(text, "0000"), tokens=tokens, **identity) for text, tokens in zip(top, lengths, strict=True)]


def claim_in(folder: Path, text: str) -> Claim:
    """The claim that a file with this text for it makes."""
    path = folder / "claims.yaml"
    path.write_text(f"source: a talk\nclaims:\n  - {{method: wu24, level: 2, {text}}}\n", encoding="utf-8")
    return read_claims(path).claims[0]


def found(claim: Claim, results: list[Made]) -> Any:
    return find(claim, levels_table(results), samples_table(results))


VERDICTS = [
    (Verdict.HOLDS, "arm: top, mean_drop_points: 25.0"),
    (Verdict.HOLDS, "arm: top, mean_drop_points: 25.0, experiments: 2"),
    (Verdict.HOLDS, "arm: top, mean_drop_points: 25"),
    (Verdict.HOLDS, "arm: random, mean_drop_points: 0.00"),
    (Verdict.HOLDS, "arm: gap, mean_drop_points: 25.0, tokens: 1024, experiments: 1"),
    (Verdict.DOES_NOT_HOLD, "arm: top, mean_drop_points: 25.1"),
    (Verdict.DOES_NOT_HOLD, "arm: top, mean_drop_points: -25.0, experiments: 2"),
    (Verdict.OPEN, "arm: top, mean_drop_points: 26.0, experiments: 4"),
    (Verdict.UNLIKELY, "arm: random, mean_drop_points: 49.0, experiments: 4"),
    (Verdict.IMPOSSIBLE, "arm: random, mean_drop_points: 51.0, experiments: 4"),
    (Verdict.AMBIGUOUS, "arm: top, mean_drop_points: 25.0, experiments: 1"),
    (Verdict.NO_DATA, "arm: top, mean_drop_points: 25.0, question: hq_state"),
    (Verdict.NO_DATA, "arm: top, mean_drop_points: 25.0, model: base, experiments: 2"),
    (Verdict.NO_DATA, "arm: top, mean_drop_points: 25.0, tokens: 8192"),
]


@pytest.mark.parametrize(("verdict", "text"), VERDICTS)
def test_each_verdict_is_reached(tmp_path: Path, verdict: Verdict, text: str) -> None:
    assert found(claim_in(tmp_path, text), drops("0111", "0111")).verdict is verdict


def test_no_verdict_is_left_out() -> None:
    assert {verdict for verdict, _ in VERDICTS} == set(Verdict)


@pytest.mark.parametrize(("printed", "holds"), [("17", True), ("16.7", True), ("16.67", True), ("16.70", False)])
def test_a_claim_is_as_exact_as_it_is_printed(tmp_path: Path, printed: str, holds: bool) -> None:
    six = [given(baseline="111111", top=("011111", "000000"))]
    claim = claim_in(tmp_path, f"arm: top, mean_drop_points: {printed}")
    assert (found(claim, six).verdict is Verdict.HOLDS) is holds


def test_what_the_rest_would_need_is_worked_out_by_hand(tmp_path: Path) -> None:
    """(30.0 x 5 - 25 x 2) / 3, and half of the last decimal, 0.05 x 5 / 3, either way."""
    claim = claim_in(tmp_path, "arm: top, mean_drop_points: 30.0, experiments: 5")
    assert found(claim, drops("0111", "0111")).needed == pytest.approx((100 / 3, 0.05 * 5 / 3))


def test_rounding_alone_makes_no_claim_impossible(tmp_path: Path) -> None:
    """Means of 0, 100 and 100 points are printed as 66.7, although (66.7 x 3 - 0) / 2 is above 100."""
    for printed, impossible in (("66.7", False), ("66.8", True)):
        finding = found(claim_in(tmp_path, f"arm: random, mean_drop_points: {printed}, experiments: 3"), drops("0111"))
        assert finding.needed[0] > 100
        assert (finding.verdict is Verdict.IMPOSSIBLE) is impossible


def test_found_values_are_the_key_results(tmp_path: Path) -> None:
    results = drops("0111", "0011", "0101")
    row = key_results_table(levels_table(results), samples_table(results)).iloc[0]
    for arm, name in (("top", "top_drop"), ("random", "random_drop"), ("gap", "gap")):
        finding = found(claim_in(tmp_path, f"arm: {arm}, mean_drop_points: 1.0"), results)
        assert finding.points == tuple(row[f"{name}_points{end}"] for end in ("", "_low", "_high"))
        assert finding.experiments == row["experiments"] == 3


def test_other_methods_have_no_part_in_a_claim(tmp_path: Path) -> None:
    claim = claim_in(tmp_path, "arm: top, mean_drop_points: 25.0, experiments: 1")
    others = drops("0000", method="qrhead") + drops("0000", "0000", method="summed_attention")
    assert found(claim, drops("0111") + others).verdict is Verdict.HOLDS


def test_an_experiment_without_the_claimed_arm_is_not_given(tmp_path: Path) -> None:
    one, other = drops("0111", "0111")
    del other[RANDOM]
    claims = {arm: claim_in(tmp_path, f"arm: {arm}, mean_drop_points: 25.0") for arm in ("top", "random", "gap")}
    experiments = {arm: found(claim, [one, other]).experiments for arm, claim in claims.items()}
    assert experiments == {"top": 2, "random": 1, "gap": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("arm: top, mean_drop: 7.2", "claims[0].mean_drop: found an unknown key; expected a known one. Did you mean"),
        ("arm: tops, mean_drop_points: 7.2", "claims[0].arm: found 'tops'; expected one of ['top', 'random', 'gap']"),
        ("arm: top, mean_drop_points: 172.0", "claims[0].mean_drop_points: found 172.0; expected percentage points"),
        ("arm: top, mean_drop_points: .nan", "claims[0].mean_drop_points: found '.nan'; expected percentage points"),
        ("arm: top, mean_drop_points: much", "claims[0].mean_drop_points: found 'much'; expected percentage points"),
        ("arm: top", "claims[0].mean_drop_points: found nothing; expected this key"),
        ("arm: top, mean_drop_points: 7.2, experiments: 3.5", "claims[0].experiments: found 3.5; expected how many"),
        ("arm: top, mean_drop_points: 7.2, tokens: 2k", "claims[0].tokens: found '2k'; expected the claim is about"),
        ("arm: top, mean_drop_points: [", "file: found broken YAML"),
    ],
)
def test_a_claim_with_a_mistake_is_refused_in_words(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(StudyError) as refused:
        claim_in(tmp_path, text)
    assert f"claims.yaml: {said}" in str(refused.value)


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text("claims:\n - {method: wu24, arm: tops, level: 0}\n - {}\n", encoding="utf-8")
    problems = [problem.field for problem in claims_problems(path)]
    fields = ["source", "claims[0].arm", "claims[0].level", "claims[0].mean_drop_points"]
    assert sorted(problems) == sorted(
        [*fields, *(f"claims[1].{key}" for key in ("method", "arm", "level", "mean_drop_points"))]
    )
    assert [problem.field for problem in claims_problems(tmp_path / "none.yaml")] == ["file"]
    path.write_text("- a list\n", encoding="utf-8")
    assert [problem.field for problem in claims_problems(path)] == ["source", "claims"]


def test_the_studys_claims_are_readable() -> None:
    assert claims_problems(WU24) == []
    claims = read_claims(WU24).claims
    assert len(claims) == 12 and {claim.experiments for claim in claims} == {32}
    assert {claim.half_unit for claim in claims} == {0.05}


# contradictions


def contradictions(results: list[Made], rankings: Any, excluded: int, stated: Any = None) -> list[Contradiction]:
    return [contradiction for _, contradiction in checks(results, rankings, excluded, stated or {}) if contradiction]


def stated_by(results: list[Made]) -> dict[Any, dict[str, str]]:
    """What each result says of itself, as what it should say."""
    return {experiment_of(one): {key: one[key] for key in ("model_name", "question_prompt")} for one in results}


RANKED = [Head(0, head) for head in range(8)]
EXCLUDED = 5


def made_up() -> list[Made]:
    """Two experiments, whose top heads are those of RANKED; two draws each."""
    return [given(draws=2), given(draws=2, tokens=4096)]


def published() -> list[Made]:
    """The published results; the last one may be changed."""
    *others, last = _published()
    return [*others, copy.deepcopy(last)]


@cache
def _published() -> list[Made]:
    return [load(file) | {"ranking_method": "wu24"} for file in RESULTS]


@cache
def published_rankings() -> dict[Any, list[Head]]:
    return {("wu24", "instruct", *split_path(file)): ranked_heads(load(file)) for file in RANKINGS}


def kinds(results: list[Made], rankings: Any, excluded: int = EXCLUDED) -> list[Kind]:
    return [one.kind for one in contradictions(results, rankings, excluded)]


def rankings_of(results: list[Made]) -> dict[Any, list[Head]]:
    return {experiment_of(one): RANKED for one in results}


def entry_change(arm: str, place: int, **changes: Any) -> Callable[[Made], None]:
    """A change of an entry, or of its last draw: of keys, by a function of the old value."""

    def change(made: Made) -> None:
        entry = made[arm][place]
        entry = entry.get("draws", [entry])[-1]
        for key, new in changes.items():
            entry[key] = new(entry[key])

    return change


def head_change(arm: str, place: int, at: int, new: Callable[[Made], list[int]]) -> Callable[[Made], None]:
    """A change that puts another head into an entry, or its last draw, in both of its lists."""

    def change(made: Made) -> None:
        entry = made[arm][place]
        entry = entry.get("draws", [entry])[-1]
        heads = copy.deepcopy(entry["heads"])
        heads[at] = new(made)
        set_heads(entry, heads)

    return change


def baseline_change(**changes: Any) -> Callable[[Made], None]:
    def change(made: Made) -> None:
        for key, new in changes.items():
            made["baseline"][key] = new(made["baseline"][key])

    return change


def less(number: float) -> float:
    return number - type(number)(1) / (1 if isinstance(number, int) else 3)


def another_first(heads: list[Any]) -> list[Any]:
    return [[31, 31], *heads[1:]]


def first_twice(heads: list[Any]) -> list[Any]:
    return [heads[0], heads[0], *heads[2:]]


def twice_as_many(number: int) -> int:
    return 2 * number


def other_head(_: Made) -> list[int]:
    return [31, 31]  # among no top heads, here or in the published study


INJECTED: list[tuple[Kind, Callable[[Made], None]]] = [
    (Kind.ACCURACY, entry_change(TOP, 0, correct=lambda correct: correct - 1)),
    (Kind.DROP, entry_change(TOP, 0, accuracy_drop=lambda drop: drop + 0.01)),
    (Kind.COUNT, entry_change(TOP, 0, num_heads=lambda number: number + 1)),
    (Kind.NAMES, entry_change(RANDOM, 1, heads_str=lambda names: ["L31H30", *names[1:]])),
    (Kind.NAMES, entry_change(TOP, 1, heads_str=lambda names: names[::-1])),
    (Kind.REPEATED, head_change(TOP, -1, -1, lambda made: made[TOP][-1]["heads"][0])),
    (ARMS["top"].rule, head_change(TOP, 0, 0, other_head)),
    (ARMS["random"].rule, head_change(RANDOM, 0, 0, lambda made: made[TOP][-1]["heads"][0])),
    (Kind.TOTAL, entry_change(TOP, 1, correct=twice_as_many, total=twice_as_many)),
    (Kind.TOTAL, lambda made: made.update(test_samples=99)),
    (Kind.TOTAL, entry_change(TOP, 0, total=lambda total: total + 1)),
    (Kind.TOTAL, baseline_change(total=lambda total: total + 1)),
    (Kind.ACCURACY, entry_change(TOP, 0, accuracy=less)),
    (Kind.ACCURACY, entry_change(RANDOM, 1, accuracy=less)),
    (Kind.ACCURACY, baseline_change(accuracy=lambda accuracy: accuracy - 0.012)),
    (Kind.ACCURACY, baseline_change(correct=less)),
    (Kind.DROP, entry_change(RANDOM, 1, accuracy_drop=lambda drop: drop + 0.01)),
    (Kind.NAMES, entry_change(TOP, 0, heads=another_first)),
    (Kind.NAMES, entry_change(RANDOM, 1, heads=another_first)),
    (Kind.REPEATED, entry_change(TOP, -1, heads=first_twice)),
    (Kind.LEVELS, lambda made: made["ablation_levels"].append(99)),
    (Kind.MODEL, lambda made: made.update(model_name="another/model")),
    (Kind.QUESTION, lambda made: made.update(question_prompt="Why?")),
    (Kind.PROMPTS, lambda made: made.update(unanswerable=3)),
]
GIVEN = [pytest.param(made_up, id="made_up"), pytest.param(published, id="published", marks=needs_published_study)]


@pytest.mark.parametrize("ranked", [True, False])
def test_good_results_contradict_nothing(ranked: bool) -> None:
    results = made_up()
    assert kinds(results, rankings_of(results) if ranked else {}) == []


@needs_published_study
def test_the_published_results_contradict_nothing() -> None:
    assert contradictions(published(), published_rankings(), 50) == []
    assert contradictions(published(), {}, 50) == []


@pytest.mark.parametrize("ranked", [True, False])
@pytest.mark.parametrize("make", GIVEN)
@pytest.mark.parametrize(("kind", "change"), INJECTED)
def test_every_kind_of_contradiction_is_found_and_only_that_one(
    kind: Kind, change: Callable[[Made], None], make: Callable[[], list[Made]], ranked: bool
) -> None:
    results = make()
    rankings = (published_rankings() if make is published else rankings_of(results)) if ranked else {}
    stated = stated_by(results)
    results[-1] = copy.deepcopy(results[-1])
    change(results[-1])
    found = contradictions(results, rankings, 50 if make is published else EXCLUDED, stated)
    assert [one.kind for one in found] == [kind]
    assert found[0].experiment == "/".join(map(str, experiment_of(results[-1])))


@needs_published_study
@pytest.mark.parametrize("level", range(6))
def test_a_top_set_that_is_none_of_the_ranking_is_one_contradiction_without_the_ranking_too(level: int) -> None:
    results = published()
    head_change(TOP, level, 0, other_head)(results[-1])
    for rankings in (published_rankings(), {}):
        (one,) = contradictions(results, rankings, 50)
        assert one.kind == ARMS["top"].rule


def test_baselines_that_differ_between_methods_are_found() -> None:
    results = [given(), given(method="qrhead"), given(method="summed_attention", baseline="1101")]
    (one,) = contradictions(results, {}, EXCLUDED)
    assert (one.kind, one.experiment) == (Kind.BASELINE, "summed_attention/instruct/inc_year/2048")
    assert (one.found, one.expected) == ("3 of 4 correct", "4 of 4 correct")


def test_no_kind_of_contradiction_is_left_out() -> None:
    assert {kind for kind, _ in INJECTED} | {Kind.BASELINE} == set(Kind.all())


def test_the_drop_of_several_draws_is_the_mean_of_theirs() -> None:
    results = made_up()
    draws = results[0][RANDOM][0]["draws"]
    draws[0] |= {"correct": 2, "accuracy": 0.5, "accuracy_drop": 0.5}
    pooled = results[0][RANDOM][0] | {"correct": 6, "accuracy": 0.75}
    for drop, expected in ((0.25, []), (0.5, [Kind.DROP])):
        results[0][RANDOM][0] = pooled | {"accuracy_drop": drop}
        assert kinds(results, {}) == expected


def test_accuracies_may_be_rounded_to_four_decimals() -> None:
    made = given(baseline="111", top=("011", "001"))
    for entry in made[TOP]:
        entry |= {key: round(entry[key], 4) for key in ("accuracy", "accuracy_drop")}
    assert kinds([made], {}) == []


def test_random_heads_beyond_the_excluded_are_no_contradiction() -> None:
    results = made_up()
    head_change(RANDOM, 0, 0, lambda _: list(RANKED[EXCLUDED]))(results[0])
    assert kinds(results, rankings_of(results)) == []
    assert kinds(results, rankings_of(results), EXCLUDED + 1) == [ARMS["random"].rule]


def test_results_without_a_random_arm_are_audited() -> None:
    made = given()
    del made[RANDOM]
    assert kinds([made], {}) == []
    made_kinds = {kind for kind, _ in checks([made], {}, EXCLUDED)}
    assert ARMS["random"].rule not in made_kinds and ARMS["top"].rule in made_kinds


def test_results_with_samples_are_audited() -> None:
    made = result(answers("111-"), {2: answers("011-")})
    set_heads(made[TOP][0], [[0, 0], [0, 1]])
    assert kinds([made | {"test_samples": 3}], {}) == []


# head sets


def chosen(seed: int = 42) -> dict[Any, dict[str, HeadSet]]:
    """The published study's head sets, by this study's hand."""
    conditions = [Condition("top", level) for level in (5, 10, 20, 30, 40, 50)]
    conditions += [Condition("random", one.level, 0) for one in conditions]
    arm = arms(draws=1, seed=seed, sampler="published", exclude_top=50)
    shape = ModelShape(32, 32, 8192)
    return {
        key: {str(one): heads for one, heads in choose_head_sets(conditions, ranked, shape, arm, "any").items()}
        for key, ranked in published_rankings().items()
    }


@needs_published_study
def test_the_published_head_sets_are_those_this_study_chooses() -> None:
    assert head_set_agreement(published(), chosen()) == {"top": (96, 96, []), "random": (96, 96, [])}
    otherwise = head_set_agreement(published(), chosen(seed=1))
    assert otherwise["top"] == (96, 96, []) and otherwise["random"][:2] == (0, 96)
    assert len(otherwise["random"].others) == 96


@needs_published_study
def test_a_random_head_swapped_for_another_allowed_one_is_named_with_its_place() -> None:
    results = published()
    allowed = next(head for head in range(32) if Head(9, head) not in published_rankings()[experiment_of(results[-1])])
    before = results[-1][RANDOM][2]["heads_str"][0]
    head_change(RANDOM, 2, 0, lambda _: [9, allowed])(results[-1])
    agreement = head_set_agreement(results, chosen())
    assert {arm: found[:2] for arm, found in agreement.items()} == {"top": (96, 96), "random": (95, 96)}
    (one,) = agreement["random"].others
    place = "/".join(map(str, experiment_of(results[-1])))
    assert (one.experiment, one.condition) == (place, "random-20-0")
    assert (one.found, one.expected) == (f"L9H{allowed}", before)
    assert contradictions(results, published_rankings(), 50) == []
    page = page_of(results, rankings=published_rankings(), head_sets=chosen())
    assert f"| {place} | random-20-0 | L9H{allowed} | {before} |" in page.splitlines()


@needs_published_study
def test_a_head_set_that_a_contradiction_names_is_not_named_twice() -> None:
    results = published()
    head_change(TOP, 2, 0, other_head)(results[-1])
    page = page_of(results, rankings=published_rankings(), head_sets=chosen())
    assert "top 95 of 96" in page and page.count("| top-20 |") == 1


@needs_published_study
def test_an_arm_that_was_drawn_otherwise_is_said_once() -> None:
    page = page_of(published(), rankings=published_rankings(), head_sets=chosen(seed=1))
    assert "All random heads were chosen otherwise" in page and "| random-" not in page


def test_only_conditions_with_expected_heads_are_compared() -> None:
    made = given(draws=2)
    sets = {"top-2": HeadSet.parse(["L0H1", "L0H0"]), "random-2-1": HeadSet.parse(["L9H0", "L2H1"])}
    agreement = head_set_agreement([made], {experiment_of(made): sets})
    assert {arm: found[:2] for arm, found in agreement.items()} == {"top": (1, 1), "random": (0, 1)}
    assert head_set_agreement([made], {}) == {}


# page


def page_of(results: list[Made], claims: Path | None = None, rankings: Any = None, head_sets: Any = None) -> str:
    said = read_claims(claims) if claims else None
    return audit_markdown(results, said, rankings or {}, head_sets or {}, 50)


@pytest.mark.slow
@needs_published_study
def test_the_page_of_the_published_study_says_what_was_found() -> None:
    page = page_of(published(), WU24, published_rankings(), chosen())
    assert "Results files: 16 (16 with their ranking); methods: wu24; experiments: 16; conditions: 208" in page
    assert page.count("| 16 of 32 | open |") == 12
    row = "| wu24 | top | 50 | 30.9 | 19.5 | -1.6 to 38.4 | 16 of 32 | open | 42.3 ± 0.1 |"
    assert row in page.splitlines()
    assert "n = 36 companies" in page and "unpaired" in page
    assert "chooses: top 96 of 96, random 96 of 96." in page
    assert [line for line in page.splitlines() if line.startswith("- ")] == [
        "- open: only some of the claimed experiments are given; the claim lies inside their interval"
    ]
    assert page.endswith("\n\nNone found.\n")


def test_the_page_has_a_row_for_every_claim_check_and_contradiction(tmp_path: Path) -> None:
    results = made_up()
    for _, change in INJECTED[:3]:
        change(results[0])
    results[0][TOP][0]["num_heads"] = 2
    entry_change(RANDOM, 1, heads_str=lambda names: names[::-1])(results[1])
    lines = [f"  - {{method: {name}, arm: gap, level: 2, mean_drop_points: 1.25}}" for name in ("wu24", "other")]
    (tmp_path / "claims.yaml").write_text("\n".join(["source: a talk", "claims:", *lines]), encoding="utf-8")
    page = page_of(results, tmp_path / "claims.yaml")
    assert "Source: a talk" in page
    assert "| wu24 | gap | 2 | 1.25 |" in page and "| 2 of 2 | does not hold |\n" in page
    assert "| other | gap | 2 | 1.25 | - | - | 0 of 0 | no data |\n" in page and "the rest would need" not in page
    explained = [line.split(":")[0] for line in page.splitlines() if line.startswith("- ")]
    assert explained == ["- does not hold", "- no data"]
    assert all(f"| {kind} | " in page for kind in Kind.all())
    made = contradictions(results, {}, 50)
    assert {one.kind for one in made} == {Kind.ACCURACY, Kind.DROP, Kind.NAMES}
    rows = [line for line in page.splitlines() if line.count("|") == 6]
    assert len(rows) == 2 + len(made)
    assert "## Head sets" not in page


def test_a_page_without_claims_has_no_section_about_them() -> None:
    assert "## Claims" not in page_of(made_up())


def test_results_that_no_table_can_be_made_of_are_refused_in_words() -> None:
    with pytest.raises(StudyError, match=r"tokens_2048.json: top-2: found two results of it; expected one"):
        page_of([given(), given()], WU24)


NAME = "meta-llama/Meta-Llama-3-8B-Instruct"


def audited(folder: Path, said: Made | None = None, **own: Any) -> str:
    """The page that the script writes of a study with one result."""
    said = said or {}
    study = read_resolved(write_study(folder, {"inc_year": given()}, **own))
    taken, page = folder / "taken.json", folder / "audit.md"
    asked = {"model_key": "llama3", "model_name": NAME, "question_prompt": "What year was the company incorporated?"}
    taken.write_text(json.dumps(given() | asked | said), encoding="utf-8")
    task = ["--task", to_text(audit_task(study)), "--rankings", to_text(audit_rankings(study))]
    claims = ["--claims", study.claims] if study.claims else []
    command = [sys.executable, "scripts/audit.py", *task, "--results", taken, *claims, "--output", page]
    subprocess.run(command, cwd=PROJECT, check=True)
    return page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_studys_audit_reads_its_rankings_claims_and_grid(tmp_path: Path) -> None:
    ranking = {"head_rankings": [{"head": str(head), "score": 1 - place / 99} for place, head in enumerate(RANKED)]}
    (tmp_path / "ranking.json").write_text(json.dumps(ranking), encoding="utf-8")
    grid = {"source": "a/model", "model_dir": "instruct", "shape": {"layers": 4, "heads": 8}}
    own = {"rankings": {"wu24": str(tmp_path / "ranking.json")}, "claims": str(WU24), "models": {"llama3": grid}}
    page = audited(tmp_path, **own, random={"exclude_top": 5})
    assert "1 with their ranking" in page and "top 2 of 2, random 0 of 2" in page and "no data" in page


@pytest.mark.slow
def test_a_studys_audit_needs_neither_claims_nor_rankings_nor_a_grid(tmp_path: Path) -> None:
    page = audited(tmp_path)
    assert "0 with their ranking" in page and "None found." in page
    assert "Claims" not in page and "Head sets" not in page


@pytest.mark.slow
def test_a_studys_audit_finds_another_models_name_and_another_question(tmp_path: Path) -> None:
    lines = audited(tmp_path, {"model_name": "b/model", "question_prompt": "Why?"}).splitlines()
    place = "wu24/llama3/inc_year/2048"
    assert f"| {Kind.MODEL} | {place} |  | b/model | {NAME} |" in lines
    assert f"| {Kind.QUESTION} | {place} |  | Why? | What year was the company incorporated? |" in lines
