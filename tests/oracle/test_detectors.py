"""Each detector equals its equation on whole attention matrices in float64, in four families; wrong ones are caught."""

from __future__ import annotations

import gc
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from oracle_report import OracleTable
from plain_detectors import PLAIN, Case
from plain_model import PlainModel
from tiny_models import FAMILIES, VOCABULARY, tiny_model
from typed import score_settings

from head_ablation.common.problems import StudyError
from head_ablation.detectors import DETECTORS
from head_ablation.detectors.core import documents
from head_ablation.detectors.detector import Reading
from head_ablation.detectors.induction import induction_scores, repeated_tokens
from head_ablation.detectors.passes import Chosen, score_prompts
from head_ablation.engine import watching
from head_ablation.prompts.layout import Layout, PromptSettings
from head_ablation.prompts.prompt import Prompt

TOLERANCE, NOTICED = 1e-4, 1e-3
NEW_TOKENS, LENGTH, BOS = 4, 9, 1
WINDOW = 52  # ends within the needles, as the prompts' last tokens see them
ASKED = PromptSettings(Layout("{filler} {passage} {filler} Q: {question} ", "A:", False, 0.5, 1), "Which year?")
PASSAGES = {"1987": "it was 1987, not 1993.", "2001": "in 2001 (or 1999) in 1999"}
DISTRACTORS = {"1987": ["1993"], "2001": ["1999"]}
FAMILY = {name: FAMILIES[name] for name in ("llama", "qwen3", "mistral", "gpt_neox")}


class Characters:
    """A tokenizer with a token for each printable character."""

    bos_id = BOS

    def encode_template(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        return [ord(character) - 30 for character in text], [(place, place + 1) for place in range(len(text))]

    encode = encode_template

    def decode(self, ids: list[int]) -> str:
        return "".join(chr(token + 30) for token in ids)

    def named_control_tokens(self, _text: str) -> list[str]:
        return []

    def text_ids(self) -> list[int]:
        return list(range(2, 97))


@cache
def model(name: str) -> Any:
    family = FAMILY[name]
    longer = {"max_position_embeddings": 128, **({"sliding_window": WINDOW} if name == "mistral" else {})}
    made = tiny_model(replace(family, settings={**family.settings, **longer}))
    others = sorted({*range(VOCABULARY)} - {*encoded("".join(PASSAGES.values()))})
    with torch.no_grad():  # so that answers hold the passages' tokens, which heads may then copy
        made.get_output_embeddings().weight[others] *= 0.01
    return made


def encoded(text: str) -> list[int]:
    return Characters().encode_template(text)[0]


@cache
def prompts() -> tuple[Prompt, ...]:
    made = []
    for gold, passage in PASSAGES.items():
        lead = [BOS, *encoded("a long river" + "s" * len(made) + " ")]
        ids = [*lead, *encoded(passage), *encoded(" and slow willows of 24 Q: Which year? A:")]
        span, at = (len(lead), len(lead) + len(passage)), len(lead) + passage.index(gold)
        made.append(Prompt(f"{gold}.txt", gold, gold, ids, span, (at, at + len(gold))))
    return tuple(made)


def reading(name: str, **changes: Any) -> Reading:
    settings = score_settings(max_new_tokens=NEW_TOKENS, stop=("!",), **changes)
    return Reading(model(name), Characters(), replace(settings, asked=ASKED))  # type: ignore[arg-type]


def scores_of(name: str, detectors: list[str], **options: Any) -> dict[str, list[torch.Tensor]]:
    """Of each detector the scores of each prompt, all detectors in one pass."""
    chosen = [Chosen(DETECTORS[one], DETECTORS.chosen_options(one, options)) for one in detectors]
    found: dict[str, list[torch.Tensor]] = {one: [] for one in detectors}
    for scored in score_prompts(reading(name), prompts(), chosen):
        found[detectors[scored.chosen]].append(scored.scores)
    return found


def case(prompt: Prompt) -> Case:
    ids = prompt.token_ids
    tail, null = encoded("Which year? A:"), encoded("N/A A:")
    start = len(ids) - len(tail)
    assert ids[start:] == tail
    null_ids = [*ids[:start], *null]
    return Case(
        ids=ids,
        needle=range(*prompt.passage_span),
        query=range(start, len(ids)),
        null_ids=null_ids,
        null_query=range(start, len(null_ids)),
        new_tokens=NEW_TOKENS,
        gold=encoded(f" {prompt.gold}!"),
        distractors=[encoded(f" {other}!") for other in DISTRACTORS[prompt.gold]],
        documents=[range(*some) for some in documents(prompt.passage_span, start)],
        repeated=repeated_tokens(list(range(2, 97)), BOS, LENGTH, "0-0"),
    )


WATCHED = [one.name for one in DETECTORS if one.watch]
OWN_PASSES = ["attribution", "single_head"]


@pytest.mark.parametrize("family", FAMILY)
def test_watching_equals_the_equations_in_float64(family: str, oracle_table: OracleTable) -> None:
    found, plain = scores_of(family, WATCHED), PlainModel(model(family))
    for place, prompt in enumerate(prompts()):
        for name, scores in found.items():
            truth = PLAIN[name](plain, case(prompt))
            oracle_table.agree(f"4 families, {name} = equation", off(scores[place], truth), TOLERANCE)
            if name != "copy_score":
                oracle_table.differ(f"4 families, {name} = nothing", off(torch.zeros_like(truth), truth), NOTICED)


@pytest.mark.parametrize("family", FAMILY)
def test_attribution_and_single_heads_equal_their_equations_in_float64(family: str, oracle_table: OracleTable) -> None:
    found, plain, asked = scores_of(family, OWN_PASSES), PlainModel(model(family)), case(prompts()[0])
    truth = {name: PLAIN[name](plain, asked) for name in OWN_PASSES}
    for name in OWN_PASSES:
        oracle_table.agree(f"4 families, {name} = equation", off(found[name][0], truth[name]), TOLERANCE)
    oracle_table.differ("attribution = single_head", off(found["attribution"][0], truth["single_head"]), NOTICED)
    alone = PLAIN["attribution"](plain, replace(asked, distractors=[]))
    oracle_table.differ("attribution without distractors", off(found["attribution"][0], alone), NOTICED)


@pytest.mark.parametrize("family", FAMILY)
def test_induction_equals_its_equation_in_float64(family: str, oracle_table: OracleTable) -> None:
    ids = case(prompts()[0]).repeated
    ours = induction_scores(model(family), ids, LENGTH)
    plain = PlainModel(model(family))
    oracle_table.agree(
        "4 families, induction = equation", off(ours, PLAIN["induction"](plain, case(prompts()[0]))), TOLERANCE
    )
    late = induction_scores(model(family), [*ids[:-1], ids[1]], LENGTH - 1)  # negative control: one token off
    oracle_table.differ("induction one token off", off(late, PLAIN["induction"](plain, case(prompts()[0]))), NOTICED)


def test_copying_is_seen_at_all() -> None:
    assert any(float(scores.max()) > 0 for name in FAMILY for scores in scores_of(name, ["copy_score"])["copy_score"])


# Wrong ones


@pytest.mark.parametrize("name", [name for name in WATCHED if name != "copy_score"])
def test_scores_without_rotation_are_caught(name: str, oracle_table: OracleTable) -> None:
    for family in FAMILY:
        wrong = PLAIN[name](PlainModel(model(family), rotated=False), case(prompts()[0]))
        oracle_table.differ(f"{name} without rotation", off(scores_of(family, [name])[name][0], wrong), NOTICED)


@pytest.mark.parametrize("name", [name for name in WATCHED if name not in ("copy_score", "core")])
def test_a_needle_that_is_one_token_off_is_caught(name: str, oracle_table: OracleTable) -> None:
    asked = case(prompts()[0])
    needle = range(asked.needle.start + 1, asked.needle.stop + 1)
    wrong = PLAIN[name](PlainModel(model("llama")), replace(asked, needle=needle))
    oracle_table.differ(f"{name}, needle one token off", off(scores_of("llama", [name])[name][0], wrong), NOTICED)


@pytest.mark.parametrize("name", [name for name in WATCHED if name != "copy_score"])
def test_scores_of_key_value_heads_in_the_place_of_query_heads_are_caught(name: str, oracle_table: OracleTable) -> None:
    truth = PLAIN[name](PlainModel(model("llama")), case(prompts()[0]))
    groups = truth.view(len(truth), 2, -1).mean(dim=-1, keepdim=True).expand(-1, -1, truth.shape[1] // 2)
    wrong = groups.reshape(truth.shape)
    oracle_table.differ(f"{name} of key-value heads", off(scores_of("llama", [name])[name][0], wrong), NOTICED)


def test_a_null_prompt_that_is_filled_up_again_is_caught(oracle_table: OracleTable) -> None:
    asked = case(prompts()[0])
    missing = len(asked.ids) - len(asked.null_ids)
    refilled = [asked.ids[0], *asked.ids[1 : 1 + missing], *asked.null_ids[1:]]
    shifted = range(asked.null_query.start + missing, asked.null_query.stop + missing)
    wrong = PLAIN["qrhead"](PlainModel(model("llama")), replace(asked, null_ids=refilled, null_query=shifted))
    oracle_table.differ(
        "qrhead, null prompt refilled", off(scores_of("llama", ["qrhead"])["qrhead"][0], wrong), NOTICED
    )


# Options, and what they share


def test_the_published_query_ends_with_the_question(oracle_table: OracleTable) -> None:
    asked = case(prompts()[0])
    behind = len(" A:")
    ended = replace(asked, query=asked.query[:-behind], null_query=asked.null_query[:-behind])
    truth = PLAIN["qrhead"](PlainModel(model("llama")), ended)
    ours = scores_of("llama", ["qrhead"], query="published")["qrhead"][0]
    oracle_table.agree("qrhead, published query", off(ours, truth), TOLERANCE)
    oracle_table.differ("qrhead, the other query", off(scores_of("llama", ["qrhead"])["qrhead"][0], truth), NOTICED)


def test_the_temperature_of_core_is_an_option(oracle_table: OracleTable) -> None:
    truth = PLAIN["core"](PlainModel(model("llama")), case(prompts()[0]), tau=0.5)  # type: ignore[call-arg]
    oracle_table.agree("core, another tau", off(scores_of("llama", ["core"], tau=0.5)["core"][0], truth), TOLERANCE)


def drawn(**options: Any) -> dict[str, torch.Tensor]:
    chosen = Chosen(DETECTORS["induction"], DETECTORS.chosen_options("induction", options))
    return {scored.unit: scored.scores for scored in score_prompts(reading("llama"), [], [chosen])}


def test_draws_of_induction_are_as_many_as_long_and_as_seeded_as_its_options_say() -> None:
    plain, known = PlainModel(model("llama")), Characters().text_ids()
    found = drawn(length=LENGTH, draws=2, seed=3)
    assert list(found) == ["draw-0", "draw-1"]
    for draw, scores in found.items():
        repeated = repeated_tokens(known, BOS, LENGTH, f"3-{draw[-1]}")
        assert len(set(repeated)) == LENGTH + 1
        assert off(scores, PLAIN["induction"](plain, replace(case(prompts()[0]), repeated=repeated))) < TOLERANCE
    assert off(found["draw-0"], found["draw-1"]) > NOTICED
    assert off(found["draw-0"], drawn(length=LENGTH, draws=1, seed=4)["draw-0"]) > NOTICED


def test_more_random_tokens_than_there_are_is_refused() -> None:
    with pytest.raises(StudyError, match="length 96; expected at most 95"):
        drawn(length=96)


def test_a_lone_gold_answer_and_fewer_prompts_are_options(oracle_table: OracleTable) -> None:
    plain, asked = PlainModel(model("llama")), replace(case(prompts()[0]), distractors=[])
    for name in OWN_PASSES:
        ours = scores_of("llama", [name], distractors=0)[name][0]
        oracle_table.agree(f"{name} of the gold answer alone", off(ours, PLAIN[name](plain, asked)), TOLERANCE)
    few = DETECTORS["single_head"].prompts_of(prompts(), DETECTORS.chosen_options("single_head", {"prompts": 1}))
    assert list(few) == [prompts()[0]]


def test_a_detector_sees_the_same_alone_and_among_others() -> None:
    together = scores_of("llama", WATCHED)
    for name in WATCHED:
        alone = scores_of("llama", [name])[name]
        assert all(torch.equal(one, other) for one, other in zip(alone, together[name], strict=True))


@pytest.mark.parametrize("watched_bytes", [1, 20_000])
def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch, watched_bytes: int) -> None:
    whole = scores_of("qwen3", ["qrhead", "core"])
    monkeypatch.setattr(watching, "WATCHED_BYTES", watched_bytes)
    for name, scores in scores_of("qwen3", ["qrhead", "core"]).items():
        assert all(off(one, other) < 1e-6 for one, other in zip(scores, whole[name], strict=True))


def test_the_models_weights_and_layers_are_as_before_a_pass_back() -> None:
    made = model("llama")
    weights = {name: weight.clone() for name, weight in made.state_dict().items()}
    scores_of("llama", ["attribution"])
    assert all(torch.equal(weight, weights[name]) for name, weight in made.state_dict().items())
    assert all(weight.requires_grad and weight.grad is None for weight in made.parameters())
    assert not any("forward" in vars(module) for module in made.modules())


def test_a_pass_back_leaves_no_tensor_behind_that_only_the_garbage_collector_frees() -> None:
    """Else the layers that are run again would all stay, each with what it made."""
    scores_of("llama", ["attribution"])  # what is made once
    gc.collect()
    gc.disable()
    try:
        before = _tensors()
        scores_of("llama", ["attribution"])
        assert _tensors() <= before + 1
    finally:
        gc.enable()


def _tensors() -> int:
    return sum(issubclass(type(one), torch.Tensor) for one in gc.get_objects())


def off(ours: torch.Tensor, truth: torch.Tensor) -> float:
    """The largest difference, as a share of the largest score where that is more than 1."""
    assert ours.shape == truth.shape
    return float((ours.double() - truth).abs().max() / truth.abs().max().clamp(min=1))
