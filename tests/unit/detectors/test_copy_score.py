"""Detection: attention rows equal one full eager pass; copy scores worked out by hand; wrong pairings are caught."""

import contextlib
from types import SimpleNamespace

import pytest
import torch
from byte_tokenizer import BOS_ID, EOS_ID
from tiny_llama import HEADS, LAYERS, tiny_llama
from typed import score_settings

from head_ablation.common.problems import StudyError
from head_ablation.detectors.copy_score import COPY_SCORE
from head_ablation.detectors.detector import Reading
from head_ablation.detectors.passes import Chosen, score_prompts
from head_ablation.detectors.ranking import rank_heads
from head_ablation.detectors.scores import UnitScores
from head_ablation.engine import watching
from head_ablation.engine.prefill import unheard
from head_ablation.engine.watching import Rows, WatchedBatch
from head_ablation.heads.head import Head, ModelShape
from head_ablation.prompts.prompt import Prompt

PROMPT = [BOS_ID, 10, 200, 31, 77, 5, 31, 140, 9, 77, 63, 18]
NEW_TOKENS = 6


def copied(model, prompts, decode=str, needle="passage", on_read=unheard, **run):
    """The copy scores of prompts, as (answer, scores [layers, heads])."""
    settings = score_settings(needle=needle, **{"max_new_tokens": NEW_TOKENS, "stop": (), "batch_size": 4, **run})
    reading = Reading(model, SimpleNamespace(decode=decode), settings)
    return [(one.answer, one.scores) for one in score_prompts(reading, prompts, [Chosen(COPY_SCORE, None)], on_read)]


@pytest.fixture(autouse=True)
def one_thread():
    """Threads that wait for each other take longer than so small a model."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def eager_model():
    return tiny_llama(attention="eager")


@pytest.fixture
def fast_model():
    return tiny_llama(attention="sdpa")


@torch.inference_mode()
def full_rows(model, token_ids):
    """The last position's attention row of every head, and the next token, from one pass over all tokens."""
    output = model(input_ids=torch.tensor([token_ids]), use_cache=False, output_attentions=True)
    rows = torch.stack([weights[0, :, -1] for weights in output.attentions])  # [layers, heads, keys]
    return rows, int(output.logits[0, -1].argmax())


def watched_steps(model, prompts):
    return list(WatchedBatch(model, prompts, NEW_TOKENS, unheard).answer(NEW_TOKENS))


def test_rows_are_those_of_a_full_eager_pass_at_the_position_before_each_token(eager_model, fast_model):
    prompts = [PROMPT, PROMPT[::-1]]
    steps = watched_steps(fast_model, prompts)
    assert len(steps) == NEW_TOKENS
    for place, said in enumerate(map(list, prompts)):
        shifted_agree = []
        for seen in steps:
            rows = torch.stack([layer[place, :, 0] for layer in seen.layers])
            expected, next_token = full_rows(eager_model, said)
            assert (seen.tokens[place], seen.positions) == (next_token, range(len(said) - 1, len(said)))
            assert rows.shape == (LAYERS, HEADS, len(said))
            torch.testing.assert_close(rows, expected, atol=1e-5, rtol=1e-4)
            said.append(next_token)
            shifted = full_rows(eager_model, said)[0].argmax(dim=-1)
            shifted_agree.append(rows.argmax(dim=-1).tolist() == shifted.tolist())
        assert not all(shifted_agree)  # negative control: the rows of the token itself are others


def test_the_models_fast_attention_is_put_back(fast_model):
    watched_steps(fast_model, [PROMPT])
    assert fast_model.config._attn_implementation == "sdpa"
    with contextlib.suppress(RuntimeError), watching.attention(fast_model, "eager"):
        assert fast_model.config._attn_implementation == "eager"
        raise RuntimeError("in the middle")
    assert fast_model.config._attn_implementation == "sdpa"


def test_scores_of_a_real_model_equal_a_plain_recount(eager_model, fast_model):
    prompt = Prompt("1.txt", "1", "gold", PROMPT, (2, 11), (3, 5))
    ((answer, scores),) = copied(fast_model, [prompt])
    said, taken = list(PROMPT), {}
    for _ in range(NEW_TOKENS):
        rows, token = full_rows(eager_model, said)
        for head in ModelShape(LAYERS, HEADS, 0).all_heads():
            place = int(rows[head.layer, head.head].argmax())
            if 2 <= place < 11 and PROMPT[place] == token:
                taken.setdefault(head, set()).add(token)
        said.append(token)
        if token == EOS_ID:
            break
    assert answer == str(said[len(PROMPT) :])
    for head in ModelShape(LAYERS, HEADS, 0).all_heads():
        assert float(scores[head]) == len(taken.get(head, ())) / len({200, 31, 77, 5, 140, 9, 63})


# A case by hand: 2 layers x 2 heads. Positions 1-4 are the passage, 2-3 the answer; token 5 stands at 1 and 4.
HAND_IDS = [9, 5, 6, 7, 5, 8]
HAND_PROMPT = Prompt("1.txt", "1", "6 7", HAND_IDS, (1, 5), (2, 4))
END = 99
STEPS = [
    (6, [[2, 0], [3, 5]]),  # L0H0 copies 6; L0H1 looks outside, L1H0 at a 7, L1H1 outside
    (5, [[1, 4], [4, 1]]),  # all copy 5, from either place
    (5, [[4, 4], [0, 0]]),  # L0H0 and L0H1 copy 5 again
    (7, [[3, 2], [3, 3]]),  # all but L0H1 copy 7
    (8, [[5, 5], [5, 5]]),  # token 8 stands at 5, outside the passage
]
A, B, C, D = Head(0, 0), Head(0, 1), Head(1, 0), Head(1, 1)


def by_hand(monkeypatch, steps=None, prompt=HAND_PROMPT, **how):
    """The answer and the scores of A, B, C, D."""
    (found,) = several_by_hand(monkeypatch, [steps or STEPS], prompt, **how)
    return found


def several_by_hand(monkeypatch, scripts, prompt=HAND_PROMPT, needle="passage", stop=(), ends=END):
    """Of as many equal prompts as there are scripts, read in one batch."""
    monkeypatch.setattr(
        watching, "WatchedBatch", lambda *_: SimpleNamespace(answer=lambda count: _script(scripts, count))
    )
    text_config = SimpleNamespace(num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=8)
    config = SimpleNamespace(get_text_config=lambda: text_config)
    model = SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=ends), config=config)
    decode = lambda ids: " ".join(map(str, ids))  # noqa: E731
    prompts = [prompt] * len(scripts)
    found = copied(model, prompts, decode, needle, max_new_tokens=10, stop=stop)
    return [(answer, [float(scores[head]) for head in (A, B, C, D)]) for answer, scores in found]


def _script(scripts, count):
    for step in list(zip(*scripts, strict=True))[:count]:
        winners = torch.tensor([heads for _, heads in step])  # [prompts, layers, heads]
        rows = torch.nn.functional.one_hot(winners, 10).float()[:, :, :, None]  # one position, ten keys
        yield Rows(range(len(step)), 5, list(rows.unbind(dim=1)), [], [token for token, _ in step])


def test_scores_are_the_share_of_the_needles_distinct_tokens(monkeypatch):
    assert by_hand(monkeypatch) == ("6 5 5 7 8", [1, 1 / 3, 2 / 3, 2 / 3])


def test_a_token_copied_twice_counts_once(monkeypatch):
    assert by_hand(monkeypatch)[1][1] == 1 / 3
    repeats = sum(token == 5 and winners[0][1] == 4 for token, winners in STEPS)
    assert repeats / 3 != 1 / 3  # negative control: counting repeats, as the released code does, gives 2/3


def test_pairing_a_token_with_the_row_after_it_would_give_other_scores(monkeypatch):
    tokens, rows = [token for token, _ in STEPS], [winners for _, winners in STEPS]
    shifted = list(zip(tokens, [*rows[1:], rows[0]], strict=True))
    assert by_hand(monkeypatch, steps=shifted)[1] != by_hand(monkeypatch)[1]
    assert by_hand(monkeypatch, steps=shifted)[1][0] == 1 / 3


def test_the_needle_may_be_the_answer_alone(monkeypatch):
    assert by_hand(monkeypatch, needle="answer")[1] == [1, 0, 0.5, 0.5]


def test_an_unknown_answer_place_is_refused_by_filing(monkeypatch):
    nowhere = Prompt("7.txt", "7", "x", HAND_IDS, (1, 5), None)
    with pytest.raises(StudyError, match=r"7\.txt: the answer's place"):
        by_hand(monkeypatch, prompt=nowhere, needle="answer")
    assert by_hand(monkeypatch, prompt=nowhere)[1][0] == 1


@pytest.mark.parametrize("ends", [END, [3, END]])
def test_watching_ends_with_the_answer(monkeypatch, ends):
    steps = [STEPS[0], (END, [[0, 0], [0, 0]]), *STEPS[1:]]
    assert by_hand(monkeypatch, steps, ends=ends)[1] == [1 / 3, 0, 0, 0]
    assert by_hand(monkeypatch, stop=["5"])[1] == [2 / 3, 1 / 3, 1 / 3, 1 / 3]


def test_a_prompt_that_has_ended_copies_no_more_while_others_go_on(monkeypatch):
    short = [STEPS[0], (END, [[0, 0], [0, 0]]), *STEPS[2:]]
    one, other = several_by_hand(monkeypatch, [short, STEPS])
    assert one == (f"6 {END}", [1 / 3, 0, 0, 0])
    assert other == by_hand(monkeypatch)


def test_a_batch_gives_what_its_prompts_give_alone(fast_model):
    prompts = [Prompt(f"{n}.txt", str(n), "", [BOS_ID, 30 + n, *PROMPT[2:]], (2, 11), None) for n in range(5)]
    read = []
    together = copied(fast_model, prompts, on_read=read.append, batch_size=3)
    assert sum(read) == len(prompts)
    alone = [found for prompt in prompts for found in copied(fast_model, [prompt])]
    for (text, scores), (own_text, own_scores) in zip(together, alone, strict=True):
        assert text == own_text and torch.equal(scores, own_scores)
    assert len({text for text, _ in alone}) > 1


def ranked(heads, *scores):
    return rank_heads(COPY_SCORE, heads, [UnitScores(str(place), of_all) for place, of_all in enumerate(scores)])


def test_a_heads_score_is_its_mean_over_all_successes_zeros_included():
    ranking = ranked([A, B, C, D], [1, 0, 1 / 2, 0], [0, 0, 1 / 4, 0])
    assert [(entry["head"], entry["score"], entry["rank"]) for entry in ranking] == [
        ("L0H0", 0.5, 1),  # (1 + 0) / 2
        ("L1H0", 0.375, 2),  # (1/2 + 1/4) / 2
        ("L0H1", 0.0, 3),
        ("L1H1", 0.0, 4),
    ]
    assert [entry["hits"] for entry in ranking] == [1, 2, 0, 0]
    assert {entry["num_samples"] for entry in ranking} == {2}


def test_ties_are_broken_by_layer_then_head():
    assert [entry["head"] for entry in ranked([A, B, C, D], [0, 1, 1, 1])] == ["L0H1", "L1H0", "L1H1", "L0H0"]
    assert [entry["head"] for entry in ranked([D, C, B, A], [1, 1, 1, 0])] == ["L0H1", "L1H0", "L1H1", "L0H0"]


def test_without_any_success_no_head_is_ranked():
    assert ranked([A]) == []


def shaped_model(layers=1):
    text_config = SimpleNamespace(num_hidden_layers=layers, num_attention_heads=2, max_position_embeddings=8)
    return SimpleNamespace(config=SimpleNamespace(get_text_config=lambda: text_config))


@pytest.mark.parametrize(
    ("attentions", "message"),
    [
        (None, "no attention weights"),
        ([None], "no attention weights"),
        ([torch.full((1, 2, 1, 4), 0.2)], "miss the sum 1 by 0.2"),
        ([torch.full((1, 2, 1, 4), float("nan"))], "miss the sum 1 by nan"),
        ([torch.full((1, 3, 1, 4), 0.25)], "expected 1 x 2 heads"),
        ([torch.full((1, 2, 1, 4), 0.25)] * 2, "rows of 2 layers; expected 1 x 2"),
    ],
)
def test_rows_that_are_no_attention_are_refused(attentions, message):
    with pytest.raises(StudyError, match=message):
        watching.checked_rows(shaped_model(), attentions)


def test_a_row_that_is_not_a_number_is_refused_in_any_layer():
    good, bad = torch.full((1, 2, 1, 4), 0.25), torch.full((1, 2, 1, 4), float("nan"))
    for attentions in ([good, bad], [bad, good]):
        with pytest.raises(StudyError, match="miss the sum 1 by nan"):
            watching.checked_rows(shaped_model(layers=2), attentions)
