"""Scoring, worked out by hand: five prompts about years, one of which does not hold its answer."""

import copy
import random
from dataclasses import replace

import pytest
from published_study import RESULTS, load, needs_published_study
from scored_result import ABLATED, BASELINE, IDENTITY, JUDGE, PROMPTS, generation, scored

from head_ablation.common.problems import StudyError
from head_ablation.heads.condition import Condition
from head_ablation.prompts.prompt import Prompt, prompts_digest
from head_ablation.results.key_results import key_results_markdown, key_results_table
from head_ablation.results.rows import levels_table, samples_table
from head_ablation.results.scoring import Judge, answer_problems, gold_problems, score_experiment


def counts(entry):
    return entry["correct"], entry["total"], entry["accuracy"]


def test_only_answerable_prompts_are_asked_and_the_others_are_named():
    result = scored()
    assert counts(result["baseline"]) == (3, 4, 0.75)
    assert (result["test_samples"], result["unanswerable"]) == (4, 1)
    entries = [result["baseline"], *result["top_heads_ablations"], *result["random_heads_ablations"][0]["draws"]]
    for entry in entries:
        assert [sample["filename"] for sample in entry["samples"]] == [f"{n}_1993.txt" for n in range(4)]
    (left_out,) = result["left_out"]
    assert left_out == {"filename": "4_1993.txt", "company": "4", "gold": "1999", "reason": "not stated"}


def test_an_answer_to_a_prompt_that_does_not_count_is_refused():
    condition = {Condition.parse("top-2"): ABLATED["top-2"]}
    with pytest.raises(StudyError, match="answers other prompts"):
        score_experiment(IDENTITY, PROMPTS, BASELINE, condition, JUDGE)


def test_every_verdict_stands_beside_what_the_model_said():
    sample, *_ = scored()["baseline"]["samples"]
    assert sample == {
        "filename": "0_1993.txt",
        "company": "0",
        "gold": "1929",
        "text": " 1929\n",
        "answerable": True,
        "counted": True,
        "ambiguous": False,
        "alternatives": [],
        "correct": True,
        "correct_published": True,
    }


def test_a_drop_is_baseline_minus_ablated():
    result = scored()
    assert result["ablation_levels"] == [2, 3]
    assert [counts(entry) for entry in result["top_heads_ablations"]] == [(1, 4, 0.25), (0, 4, 0.0)]
    assert [entry["accuracy_drop"] for entry in result["top_heads_ablations"]] == [0.5, 0.75]


def test_draws_are_pooled_and_kept():
    two, three = scored()["random_heads_ablations"]
    assert counts(two) == (6, 8, 0.75)
    assert two["accuracy_drop"] == 0.0
    assert [(draw["draw"], *counts(draw)) for draw in two["draws"]] == [(0, 2, 4, 0.5), (1, 4, 4, 1.0)]
    assert [draw["accuracy_drop"] for draw in two["draws"]] == [0.25, -0.25]
    assert two["heads_str"] == two["draws"][0]["heads_str"] == ["L1H5", "L2H0"]
    assert counts(three) == (6, 8, 0.75)
    assert three["correct_published"] == sum(draw["correct_published"] for draw in three["draws"])


def test_heads_are_listed_in_layer_major_order():
    _, three = scored()["top_heads_ablations"]
    assert three["heads"] == [[0, 7], [2, 2], [3, 1]]
    assert three["heads_str"] == ["L0H7", "L2H2", "L3H1"]
    assert three["num_heads"] == 3


def test_all_prompts_count_if_the_study_counts_them_and_are_still_flagged():
    result = scored(Judge("year", "typed", count="all"))
    assert counts(result["baseline"]) == (4, 5, 0.8)  # the fifth was answered rightly
    assert (result["test_samples"], result["unanswerable"]) == (5, 0)
    listed = result["baseline"]["samples"]
    assert [sample["answerable"] for sample in listed] == [True, True, True, True, False]
    assert all(sample["counted"] for sample in listed)
    assert result["left_out"] == []


def test_a_study_without_the_random_arm_has_no_random_entries():
    result = scored(ablated={name: made for name, made in ABLATED.items() if name.startswith("top")})
    assert [entry["num_heads"] for entry in result["top_heads_ablations"]] == [2, 3]
    assert result["random_heads_ablations"] == []


def test_levels_are_sorted_as_numbers():
    top = generation(["1929"] * 5, [f"L9H{head}" for head in range(10)])
    drawn = generation(["1929"] * 5, [f"L8H{head}" for head in range(10)])
    ablated = {"top-10": top, "random-10-0": drawn, **ABLATED}
    result = scored(ablated=dict(random.Random(0).sample(sorted(ablated.items()), len(ablated))))
    assert [entry["num_heads"] for entry in result["top_heads_ablations"]] == [2, 3, 10]
    assert [entry["num_heads"] for entry in result["random_heads_ablations"]] == [2, 3, 10]


def test_the_rule_decides_accuracy_and_both_verdicts_are_kept():
    hedged = generation(["1929", "1993 or 1954", "1960", "1929", "no"])
    typed, published = scored(baseline=hedged), scored(Judge("year", "published"), baseline=hedged)
    assert counts(typed["baseline"]) == (3, 4, 0.75)
    assert typed["baseline"]["correct_published"] == 4  # it takes the hedged 1954
    assert counts(published["baseline"]) == (4, 4, 1)
    assert [s["correct"] for s in typed["baseline"]["samples"][:4]] == [True, False, True, True]
    assert [s["correct"] for s in published["baseline"]["samples"][:4]] == [True, True, True, True]
    assert (typed["scoring_rule"], published["scoring_rule"]) == ("typed", "published")


def test_answers_that_the_evidence_allows_are_right_and_ambiguous_prompts_are_counted_apart():
    first, second, third, *others = PROMPTS
    allowed = [first, replace(second, ambiguous=True), replace(third, alternatives=("1993",), ambiguous=True), *others]
    result, plain = scored(prompts=allowed), scored()
    assert counts(plain["baseline"]) == (3, 4, 0.75) and plain["ambiguous"] == 0  # negative control
    assert counts(result["baseline"]) == (4, 4, 1.0)  # the third was answered with 1993
    assert (result["ambiguous"], result["unanswerable"]) == (2, 1)
    listed = result["baseline"]["samples"]
    assert [sample["ambiguous"] for sample in listed] == [False, True, True, False]
    assert (listed[2]["alternatives"], listed[2]["correct"], listed[2]["correct_published"]) == (["1993"], True, True)
    levels = levels_table([result | {"model_key": "tiny"}])
    top = levels[(levels["arm"] == "top") & (levels["level"] == 2)].iloc[0]
    assert (top["ambiguous"], top["ambiguous_correct"]) == (2, 1)  # of 1954 and 1960, 1993 and 1993 were said
    samples = samples_table([result | {"model_key": "tiny"}])
    assert samples.groupby("ambiguous")["filename"].nunique().to_dict() == {False: 2, True: 2}
    page = key_results_markdown(key_results_table(levels, samples))
    assert "prompts that count: 4 (1 unanswerable left out, 2 ambiguous)" in page


def test_the_majority_answer_is_of_the_prompts_that_count():
    assert scored()["majority_answer"] == {"answer": "1929", "accuracy": 0.5}
    others = [Prompt(p.filename, p.company, p.gold, p.token_ids, (0, 2), (0, 1)) for p in PROMPTS]
    assert scored(prompts=others)["majority_answer"] == {"answer": "1929", "accuracy": 0.4}


def test_the_protocol_is_the_baselines():
    protocol = scored()["protocol"]
    assert protocol["prompts_sha256"] == prompts_digest(PROMPTS)
    assert set(protocol) == {"protocol_version", "model", "prompts_sha256", "settings"}


def test_scores_do_not_depend_on_the_order_of_the_files():
    assert scored(ablated=dict(reversed(ABLATED.items()))) == scored()


@needs_published_study
def test_readers_of_published_results_find_their_keys():
    ours = scored()
    for file in RESULTS:
        published = load(file)
        # The rest of the identity comes from the config; times would make equal results differ in bytes.
        missing = set(published) - set(ours) - {"model_name", "question_prompt", "heads_source", "timestamp"}
        assert not missing
        assert set(published["baseline"]) <= set(ours["baseline"])
        for arm in ("top_heads_ablations", "random_heads_ablations"):
            assert set(published[arm][0]) <= set(ours[arm][0])


@needs_published_study
def test_published_drops_are_baseline_minus_ablated_as_ours():
    for file in RESULTS:
        published = load(file)
        for arm in ("top_heads_ablations", "random_heads_ablations"):
            for entry in published[arm]:
                drop = published["baseline"]["accuracy"] - entry["accuracy"]
                assert entry["accuracy_drop"] == pytest.approx(drop)
                assert entry["accuracy"] == entry["correct"] / entry["total"]


def damaged(change):
    made = copy.deepcopy(BASELINE)
    change(made)
    return [(problem.field, problem.found) for problem in answer_problems("top-2.json", made)]


def test_generations_without_answers_are_named_by_field():
    assert list(answer_problems("top-2.json", BASELINE)) == []
    assert damaged(lambda made: made.pop("generations")) == [("generations", "None")]
    assert damaged(lambda made: made["generations"][1].pop("text")) == [("generations[1].text", "None")]
    assert damaged(lambda made: made["generations"].append("x"))[0] == ("generations[5].filename", "'x'")


def test_a_gold_answer_that_the_matcher_does_not_read_is_named():
    assert list(gold_problems("prompts.jsonl", PROMPTS, "year")) == []
    (problem,) = gold_problems("prompts.jsonl", [*PROMPTS, replace(PROMPTS[0], gold="soon")], "year")
    assert (problem.field, problem.found) == ("gold of 0_1993.txt", "'soon'")
    assert problem.expected == "a year from 1600 to 2099"
