"""A protocol states all that decides an answer, for people too; of what is there for people only, nothing counts."""

from dataclasses import replace

import pytest
from typed import level_settings, score_settings

from head_ablation import PROTOCOL_VERSION
from head_ablation.common.files import canonical_json, sha256_text
from head_ablation.common.software import software_at_hand
from head_ablation.detectors.copy_score import COPY_SCORE
from head_ablation.detectors.settings import DetectorChoice
from head_ablation.heads.head import HeadSet, ModelShape
from head_ablation.jobs.protocol import deciding, generation_protocol, protocol_digest, score_protocol
from head_ablation.models.pointer import Pointer
from head_ablation.prompts.matchers import MATCHERS
from head_ablation.prompts.prompt import Prompt, prompts_digest

POINTER = Pointer("org/model", "abc123", "/models/one", "f1", ModelShape(layers=2, heads=4, positions=512))
PROMPT = Prompt("1_1993.txt", "1", "1929", [1, 2, 3], (0, 2), (0, 1))
SETTINGS = level_settings(device="cuda:1", memory_gb=80)


SCORING = score_settings(device="cuda:1", memory_gb=80)


def scores(name="copy_score", prompt=PROMPT, settings=SCORING, **options):
    return score_protocol(POINTER, DetectorChoice(name, options), prompt, settings)


def protocol(heads=("L1H0", "L0H3")):
    return generation_protocol(POINTER, "d1", HeadSet.parse(heads), SETTINGS)


def test_a_generations_protocol_says_all_that_decides_it_and_not_where_it_ran():
    assert protocol() == {
        "protocol_version": PROTOCOL_VERSION,
        "software": software_at_hand("minor"),
        "model": {"name": "org/model", "revision": "abc123", "fingerprint": "f1"},
        "prompts_sha256": "d1",
        "heads": ["L0H3", "L1H0"],
        "settings": {
            "dtype": "float32",
            "attention": "sdpa",
            "trust_remote_code": False,
            "batch_size": 2,
            "max_new_tokens": 3,
            "stop": ["\n"],
            "intervention": {"name": "zero_output", "version": 1},
            "positions": "all",
        },
    }


def test_the_baseline_is_the_protocol_without_heads():
    assert protocol(heads=()) == {**protocol(), "heads": []}


def test_a_prompts_scores_have_a_protocol_with_the_detectors_version():
    made = scores()
    assert made["detector"] == {"name": "copy_score", "version": COPY_SCORE.version}
    assert made.keys() == {"protocol_version", "detector", "software", "model", "settings"}
    assert (made["model"], made["software"]) == (protocol()["model"], protocol()["software"])
    run = {key: value for key, value in protocol()["settings"].items() if key not in ("intervention", "positions")}
    asked = {"needle": "passage", "prompts_sha256": sha256_text(canonical_json(PROMPT.to_json()))}
    assert made["settings"] == {**run, **asked}
    assert protocol_digest(made) != protocol_digest(protocol())


def test_answers_are_decided_by_filenames_and_tokens_and_scores_by_the_whole_prompt():
    other = replace(PROMPT, gold="1930")
    assert prompts_digest([PROMPT]) == prompts_digest([other])
    assert prompts_digest([PROMPT]) != prompts_digest([replace(PROMPT, filename="2_1993.txt")])
    assert scores() != scores(prompt=other)


def test_the_question_the_matcher_and_options_count_where_a_detector_reads_them():
    reworded = replace(SCORING, asked=replace(SCORING.asked, question="In what year?"))
    of_states = replace(SCORING, matcher="us_state")
    for name, asks, measures in (("copy_score", False, False), ("qrhead", True, False), ("attribution", True, True)):
        assert (scores(name) != scores(name, settings=reworded)) is asks
        assert (scores(name) != scores(name, settings=of_states)) is measures
    assert scores("qrhead") != scores("qrhead", query="published")
    assert scores("attribution")["settings"]["matcher"] == MATCHERS["year"].stated()


def test_an_option_that_only_chooses_prompts_decides_no_score():
    assert scores("single_head", prompts=2) == scores("single_head", prompts=9)
    assert scores("single_head", distractors=2) != scores("single_head", distractors=3)


def test_draws_are_the_same_whatever_the_question():
    reworded = replace(SCORING, asked=replace(SCORING.asked, question="In what year?"), matcher="us_state")
    assert scores("induction", None) == scores("induction", None, replace(reworded, needle="answer"))
    assert scores("induction", None) != scores("induction", None, seed=1)


def test_the_models_name_is_stated_and_decides_nothing():
    assert deciding(protocol()) == {**protocol(), "model": {"fingerprint": "f1"}}
    assert deciding({**protocol(), "model": None})["model"] is None


@pytest.mark.parametrize(
    ("model", "same"), [({"name": "x", "revision": None}, True), ({"fingerprint": "f2"}, False), ({"extra": 1}, False)]
)
def test_equal_fingerprints_are_equal_models(model, same):
    changed = {**protocol(), "model": {**protocol()["model"], **model}}
    assert (protocol_digest(changed) == protocol_digest(protocol())) is same


def test_the_order_of_keys_decides_nothing():
    turned = {key: protocol()[key] for key in reversed(protocol())}
    assert list(turned) != list(protocol())
    assert canonical_json(turned) == canonical_json(protocol())
    assert protocol_digest(turned) == protocol_digest(protocol())
