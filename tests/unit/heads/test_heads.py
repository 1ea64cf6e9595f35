"""Heads, conditions and how heads are chosen: nested, canonical, stable, and exactly as the published study drew."""

import random
from itertools import pairwise

import pytest
from published_study import RANKINGS, RESULTS, experiment_of, load, needs_published_study
from typed import arms

from head_ablation.heads.arms import ARMS
from head_ablation.heads.condition import Condition
from head_ablation.heads.head import Head, HeadSet, ModelShape
from head_ablation.heads.head_sets import choose_heads

SHAPE = ModelShape(layers=4, heads=8, positions=128)  # 32 heads
RANKED = [Head(3, 1), Head(0, 7), Head(2, 2), Head(1, 0), Head(3, 6), Head(2, 5)]
SEEDS = range(60)


def random_arm(sampler="permutation", seed=42, exclude_top=6, draws=3):
    return arms(draws=draws, seed=seed, sampler=sampler, exclude_top=exclude_top)


def chosen(text, ranked=RANKED, arm=None, experiment="smollm2/inc_year/tokens_384", shape=SHAPE):
    return choose_heads(Condition.parse(text), ranked, shape, arm or random_arm(), experiment)


def test_a_head_is_written_as_it_is_read():
    assert Head.parse("L15H30") == Head(15, 30)
    assert [str(Head.parse(name)) for name in ("L0H0", "L31H5")] == ["L0H0", "L31H5"]


@pytest.mark.parametrize(
    "text", ["", "15-30", "L15", "L15H", "l15h30", "L-1H0", "L015H30", "L15H30 ", "L1H2\n", "xL1H2"]
)
def test_a_malformed_head_is_refused_with_its_text(text):
    with pytest.raises(ValueError, match="heads are written like L15H30") as refusal:
        Head.parse(text)
    assert repr(text)[1:-1] in repr(str(refusal.value))


def test_heads_are_ordered_by_layer_then_head():
    assert sorted([Head(10, 0), Head(2, 11), Head(2, 9)]) == [Head(2, 9), Head(2, 11), Head(10, 0)]


def test_a_shape_holds_exactly_its_grid():
    shape = ModelShape(layers=2, heads=3, positions=8)
    assert list(map(str, shape.all_heads())) == ["L0H0", "L0H1", "L0H2", "L1H0", "L1H1", "L1H2"]
    assert Head(1, 2) in shape
    assert Head(2, 0) not in shape
    assert Head(0, 3) not in shape
    assert Head(0, -1) not in shape


def test_a_head_set_has_one_canonical_order():
    one, other = HeadSet.parse(["L10H0", "L2H11", "L2H9"]), HeadSet.parse(["L2H9", "L10H0", "L2H11"])
    assert one == other
    assert one.names() == ["L2H9", "L2H11", "L10H0"]
    assert one.by_layer() == {2: [9, 11], 10: [0]}
    assert len(one) == 3
    assert list(HeadSet(())) == []


def test_a_head_set_refuses_repetition_and_says_both_numbers():
    with pytest.raises(ValueError, match="3 heads, only 2 of them differ"):
        HeadSet.parse(["L0H0", "L0H1", "L0H0"])


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("top-5", Condition("top", 5)),
        ("random-50-12", Condition("random", 50, 12)),
        ("random-5-0", Condition("random", 5, 0)),
    ],
)
def test_a_condition_is_written_as_it_is_read(text, condition):
    assert Condition.parse(text) == condition
    assert str(condition) == text


@pytest.mark.parametrize(
    "text", ["", "top", "top-", "top-0", "top-5-1", "random-5", "random--5-0", "bottom-5", "baseline"]
)
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(ValueError, match=r"not a condition|at least 1 head"):
        Condition.parse(text)


@pytest.mark.parametrize("parts", [("top", 5, 0), ("random", 5, None), ("top", 0, None)])
def test_a_condition_cannot_contradict_itself(parts):
    with pytest.raises(ValueError, match=r"draw|at least 1"):
        Condition(*parts)


def test_top_heads_are_the_rankings_first():
    assert chosen("top-1").names() == ["L3H1"]
    assert chosen("top-3").names() == ["L0H7", "L2H2", "L3H1"]
    assert set(chosen("top-6")) == set(RANKED)


@pytest.mark.parametrize(
    ("text", "arm", "numbers"),
    [("top-7", random_arm(), "7 heads, there are 6"), ("random-27-0", random_arm(), "27 heads, there are 26")],
)
def test_too_few_heads_are_refused_with_both_numbers(text, arm, numbers):
    with pytest.raises(ValueError, match=numbers):
        chosen(text, arm=arm)


def test_the_study_sampler_also_says_how_many_heads_are_left():
    with pytest.raises(ValueError, match="27 heads, there are 26"):
        chosen("random-27-0", arm=random_arm("published", draws=1))


def test_a_draws_levels_are_nested():
    for seed in SEEDS:
        sets = [set(chosen(f"random-{level}-1", arm=random_arm(seed=seed))) for level in (1, 5, 10, 26)]
        for smaller, larger in pairwise(sets):
            assert smaller < larger


def test_excluded_heads_are_never_drawn_and_all_others_can_be():
    for seed in SEEDS:
        assert not set(chosen("random-26-0", arm=random_arm(seed=seed))) & set(RANKED)
    reachable = {head for seed in SEEDS for head in chosen("random-5-0", arm=random_arm(seed=seed))}
    assert reachable == set(SHAPE.all_heads()) - set(RANKED)
    unbound = {head for seed in SEEDS for head in chosen("random-26-0", arm=random_arm(seed=seed, exclude_top=0))}
    assert unbound == set(SHAPE.all_heads())  # negative control: it is the exclusion that keeps them out


def largest_change(sampler):
    """How many heads of a draw change at most when one excluded head is replaced by any other head."""
    changes = []
    for seed in SEEDS:
        arm = random_arm(sampler, seed=seed)
        before = set(chosen("random-10-0", arm=arm))
        for newcomer in set(SHAPE.all_heads()) - set(RANKED):
            after = set(chosen("random-10-0", ranked=[*RANKED[:-1], newcomer], arm=arm))
            changes.append(len(before - after))
    return max(changes)


def test_replacing_one_excluded_head_changes_at_most_one_head_of_a_draw():
    assert largest_change("permutation") == 1


def test_the_published_sampler_lacks_that_stability():
    assert largest_change("published") > 1  # negative control


def test_draws_seeds_and_experiments_are_independent():
    sets = {
        str(chosen(f"random-5-{draw}", arm=random_arm(seed=seed), experiment=experiment).names())
        for draw in range(5)
        for seed in (1, 2)
        for experiment in ("smollm2/inc_year/tokens_384", "smollm2/inc_year/tokens_512")
    }
    assert len(sets) == 5 * 2 * 2


def test_the_same_draw_is_the_same_set_whatever_the_rankings_order():
    shuffled = list(reversed(RANKED))
    assert chosen("random-10-0") == chosen("random-10-0", ranked=shuffled)


def published_draw(ranked, layers, heads, exclude, level):
    """The published study's sampler, written again from its description; heads as (layer, head)."""
    taken = [tuple(head) for head in ranked[:exclude]]
    rest = [(layer, head) for layer in range(layers) for head in range(heads) if (layer, head) not in taken]
    random.seed(42)
    return set(random.sample(rest, level))


@pytest.mark.parametrize("level", [1, 5, 10, 20])
def test_the_published_sampler_draws_as_the_published_study_did(level):
    arm = random_arm("published", draws=1)
    drawn = {tuple(head) for head in chosen(f"random-{level}-0", arm=arm)}
    assert drawn == published_draw(RANKED, layers=4, heads=8, exclude=6, level=level)
    assert drawn != published_draw(RANKED, layers=4, heads=8, exclude=5, level=level) or level == 1


@needs_published_study
def test_all_192_published_head_sets_are_reproduced():
    llama = ModelShape(layers=32, heads=32, positions=8192)
    arm = random_arm("published", exclude_top=50, draws=1)
    compared = 0
    for ranking_file, result_file in zip(RANKINGS, RESULTS, strict=True):
        assert experiment_of(ranking_file) == experiment_of(result_file)
        ranked = [Head.parse(entry["head"]) for entry in load(ranking_file)["head_rankings"]]
        result = load(result_file)
        for arm_key, name in (("top_heads_ablations", "top-{}"), ("random_heads_ablations", "random-{}-0")):
            for entry in result[arm_key]:
                ours = chosen(name.format(entry["num_heads"]), ranked, arm, "any", llama)
                assert ours == HeadSet.parse(entry["heads_str"]), (result_file, arm_key, entry["num_heads"])
                assert {tuple(head) for head in ours} == {tuple(head) for head in entry["heads"]}
                compared += 1
    assert compared == 16 * 6 * 2


def test_every_arm_has_a_contrast_of_its_own():
    gaps = [arm.gap for arm in ARMS if arm.gap]
    assert len(gaps) == len(set(gaps)) == len(ARMS) - 1  # all but the top arm, which they are compared with
