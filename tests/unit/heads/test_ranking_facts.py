"""A level that a ranking does not decide is found: a part of equals is taken, or heads that never scored."""

import pytest
from published_study import RANKINGS, load, needs_published_study

from head_ablation.heads.ranking_facts import Cut, RankingFacts, ranking_facts


def ranking(*scores, **other):
    entries = [{"head": f"L0H{n}", "score": score} for n, score in enumerate(scores)]
    return {"head_rankings": entries, **other}


CASES = {
    "all different": ((0.9, 0.5, 0.1), [1, 2, 3], []),
    "a tie inside the level": ((0.9, 0.5, 0.5, 0.1), [3], []),
    "a tie behind the level": ((0.9, 0.5, 0.1, 0.1), [2], []),
    "a tie at the cut": ((0.9, 0.5, 0.5, 0.5, 0.1), [1, 2, 3, 4], [Cut(2, 3, 1, 0), Cut(3, 3, 2, 0)]),
    "heads that never scored": ((0.9, 0.5, 0, 0, 0), [2, 3], [Cut(3, 3, 1, 1)]),
    "all heads, some of which never scored": ((0.9, 0, 0), [3], [Cut(3, 0, 0, 2)]),
    "0 between negative scores is a score": ((0.9, 0, -0.1), [2], []),
    "levels in any order": ((0.9, 0.5, 0, 0), [4, 3], [Cut(3, 2, 1, 1), Cut(4, 0, 0, 2)]),
}


@pytest.mark.parametrize("case", CASES)
def test_levels_that_the_ranking_does_not_decide_are_counted_by_hand(case):
    scores, levels, cuts = CASES[case]
    assert list(ranking_facts(ranking(*scores), levels).cuts) == cuts


@pytest.mark.parametrize(
    ("other", "prompts"),
    [
        ({"successful_retrievals": 18, "samples_processed": 20}, 18),
        ({"samples_processed": 20}, 20),
        ({}, None),
    ],
)
def test_the_prompts_behind_a_ranking_are_those_that_it_states(other, prompts):
    assert ranking_facts(ranking(0.9, **other), [1]).prompts == prompts


def test_the_prompts_behind_a_ranking_are_the_heads_own_where_nothing_else_says():
    content = ranking(0.9, 0.5)
    content["head_rankings"][0]["num_samples"] = 121
    content["head_rankings"][1]["num_samples"] = 8
    assert ranking_facts(content, [1]).prompts == 121


def test_warnings_say_how_many_heads_and_prompts():
    facts = RankingFacts(1, (Cut(30, 245, 5, 5), Cut(3, 3, 2, 0), Cut(4, 0, 0, 2)))
    assert list(facts.warnings()) == [
        "the ranking rests on few prompts: 1; fewer than 5 say little",
        "level 30 is not decided by the ranking: 5 of 245 heads of equal score are taken"
        " and 5 of its heads never scored",
        "level 3 is not decided by the ranking: 2 of 3 heads of equal score are taken",
        "level 4 is not decided by the ranking: 2 of its heads never scored",
    ]
    assert list(RankingFacts(5, ()).warnings()) == []
    assert list(RankingFacts(None, ()).warnings()) == []


@needs_published_study
def test_one_published_level_parts_a_tie_and_none_reaches_heads_that_never_scored():
    facts = {path: ranking_facts(load(path), [5, 10, 20, 30, 40, 50]) for path in RANKINGS}
    assert all(one.prompts == load(path)["successful_retrievals"] for path, one in facts.items())
    cuts = {(path.parent.name, path.stem): one.cuts for path, one in facts.items() if one.cuts}
    assert cuts == {("inc_year", "tokens_2048"): (Cut(20, tied=2, taken=1, unscored=0),)}
