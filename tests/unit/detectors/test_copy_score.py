"""Detection: attention rows equal one full eager pass; copy scores worked out by hand; wrong pairings are caught."""

import contextlib
from types import SimpleNamespace

import pytest
import torch
from byte_tokenizer import BOS_ID, EOS_ID
from tiny_llama import HEADS, LAYERS, tiny_llama

from head_ablation.common.problems import StudyError
from head_ablation.detectors.copy_score import Copies, rank_heads, watch_copies
from head_ablation.engine import watching
from head_ablation.engine.generation import GenerationSettings
from head_ablation.engine.prefill import unheard
from head_ablation.heads.head import Head, ModelShape
from head_ablation.prompts.prompt import Prompt

PROMPT = [BOS_ID, 10, 200, 31, 77, 5, 31, 140, 9, 77, 63, 18]
NEW_TOKENS = 6


def settings(max_new_tokens=NEW_TOKENS, stop=(), batch_size=4):
    return GenerationSettings(max_new_tokens, tuple(stop), batch_size)


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


@torch.inference_mode()
def watched_steps(model, monkeypatch, prompts):
    """The steps of `answer_steps`, with the rows it saw: [(tokens, winners, rows [prompts, layers, heads, keys])]."""
    seen = []
    plain = watching._most_attended

    def spy(model, attentions):
        seen.append(torch.stack([weights[:, :, -1] for weights in attentions], dim=1))
        return plain(model, attentions)

    monkeypatch.setattr(watching, "_most_attended", spy)
    steps = list(watching.answer_steps(model, prompts, NEW_TOKENS, unheard))
    return [(tokens, winners, rows) for (tokens, winners), rows in zip(steps, seen, strict=True)]


def test_rows_are_those_of_a_full_eager_pass_at_the_position_before_each_token(eager_model, fast_model, monkeypatch):
    prompts = [PROMPT, PROMPT[::-1]]
    steps = watched_steps(fast_model, monkeypatch, prompts)
    assert len(steps) == NEW_TOKENS
    for place, said in enumerate(map(list, prompts)):
        shifted_agree = []
        for tokens, winners, rows in steps:
            expected, next_token = full_rows(eager_model, said)
            assert tokens[place] == next_token
            assert rows[place].shape == (LAYERS, HEADS, len(said))
            torch.testing.assert_close(rows[place], expected, atol=1e-5, rtol=1e-4)
            assert winners[place].tolist() == expected.argmax(dim=-1).tolist()
            said.append(next_token)
            shifted_agree.append(winners[place].tolist() == full_rows(eager_model, said)[0].argmax(dim=-1).tolist())
        assert not all(shifted_agree)  # negative control: the rows of the token itself are others


def test_the_models_fast_attention_is_put_back(fast_model, monkeypatch):
    watched_steps(fast_model, monkeypatch, [PROMPT])
    assert fast_model.config._attn_implementation == "sdpa"
    with contextlib.suppress(RuntimeError), watching.attention(fast_model, "eager"):
        assert fast_model.config._attn_implementation == "eager"
        raise RuntimeError("in the middle")
    assert fast_model.config._attn_implementation == "sdpa"


def test_scores_of_a_real_model_equal_a_plain_recount(eager_model, fast_model):
    prompt = Prompt("1.txt", "1", "gold", PROMPT, (2, 11), (3, 5))
    (copies,) = watch_copies(fast_model, str, [prompt], "passage", settings())
    said, copied = list(PROMPT), {}
    for _ in range(NEW_TOKENS):
        rows, token = full_rows(eager_model, said)
        for head in ModelShape(LAYERS, HEADS, 0).all_heads():
            place = int(rows[head.layer, head.head].argmax())
            if 2 <= place < 11 and PROMPT[place] == token:
                copied.setdefault(head, set()).add(token)
        said.append(token)
        if token == EOS_ID:
            break
    assert copies.copied == copied
    assert copies.needle == {200, 31, 77, 5, 140, 9, 63}


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


def by_hand(monkeypatch, steps=None, prompt=HAND_PROMPT, needle="passage", stop=(), ends=END):
    (copies,) = several_by_hand(monkeypatch, [steps or STEPS], prompt, needle, stop, ends)
    return copies


def several_by_hand(monkeypatch, scripts, prompt=HAND_PROMPT, needle="passage", stop=(), ends=END):
    """Copies of as many equal prompts as there are scripts, read in one batch."""
    scripted = [
        ([token for token, _ in step], torch.tensor([winners for _, winners in step]))
        for step in zip(*scripts, strict=True)
    ]
    monkeypatch.setattr(watching, "answer_steps", lambda _model, _ids, count, _read: iter(scripted[:count]))
    model = SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=ends))
    decode = lambda ids: " ".join(map(str, ids))  # noqa: E731
    return list(watch_copies(model, decode, [prompt] * len(scripts), needle, settings(10, stop)))


def test_scores_are_the_share_of_the_needles_distinct_tokens(monkeypatch):
    copies = by_hand(monkeypatch)
    assert copies.needle == {5, 6, 7}
    assert copies.copied == {A: {5, 6, 7}, B: {5}, C: {5, 7}, D: {5, 7}}
    assert [copies.score(head) for head in (A, B, C, D)] == [1, 1 / 3, 2 / 3, 2 / 3]
    assert copies.score(Head(7, 7)) == 0
    assert copies.text == "6 5 5 7 8"


def test_a_token_copied_twice_counts_once(monkeypatch):
    assert by_hand(monkeypatch).score(B) == 1 / 3
    repeats = sum(token == 5 and winners[0][1] == 4 for token, winners in STEPS)
    assert repeats / 3 != 1 / 3  # negative control: counting repeats, as the released code does, gives 2/3


def test_pairing_a_token_with_the_row_after_it_would_give_other_scores(monkeypatch):
    tokens, rows = [token for token, _ in STEPS], [winners for _, winners in STEPS]
    shifted = list(zip(tokens, [*rows[1:], rows[0]], strict=True))
    right, wrong = by_hand(monkeypatch), by_hand(monkeypatch, steps=shifted)
    assert [wrong.score(head) for head in (A, B, C, D)] != [right.score(head) for head in (A, B, C, D)]
    assert wrong.score(A) == 1 / 3


def test_the_needle_may_be_the_answer_alone(monkeypatch):
    copies = by_hand(monkeypatch, needle="answer")
    assert copies.needle == {6, 7}
    assert [copies.score(head) for head in (A, B, C, D)] == [1, 0, 0.5, 0.5]


def test_an_unknown_answer_place_is_refused_by_filing(monkeypatch):
    nowhere = Prompt("7.txt", "7", "x", HAND_IDS, (1, 5), None)
    with pytest.raises(StudyError, match=r"7\.txt: the answer's place"):
        by_hand(monkeypatch, prompt=nowhere, needle="answer")
    assert by_hand(monkeypatch, prompt=nowhere).score(A) == 1


@pytest.mark.parametrize("ends", [END, [3, END]])
def test_watching_ends_with_the_answer(monkeypatch, ends):
    steps = [STEPS[0], (END, [[0, 0], [0, 0]]), *STEPS[1:]]
    assert by_hand(monkeypatch, steps, ends=ends).copied == {A: {6}}
    assert by_hand(monkeypatch, stop=["5"]).copied == {A: {5, 6}, B: {5}, C: {5}, D: {5}}


def test_a_prompt_that_has_ended_copies_no_more_while_others_go_on(monkeypatch):
    short = [STEPS[0], (END, [[0, 0], [0, 0]]), *STEPS[2:]]
    one, other = several_by_hand(monkeypatch, [short, STEPS])
    assert (one.copied, one.text) == ({A: {6}}, f"6 {END}")
    assert other == by_hand(monkeypatch)


def test_a_batch_gives_what_its_prompts_give_alone(fast_model):
    prompts = [Prompt(f"{n}.txt", str(n), "", [BOS_ID, 30 + n, *PROMPT[2:]], (2, 11), None) for n in range(5)]
    read = []
    together = list(watch_copies(fast_model, str, prompts, "passage", settings(batch_size=3), read.append))
    assert sum(read) == len(prompts)
    alone = [found for prompt in prompts for found in watch_copies(fast_model, str, [prompt], "passage", settings())]
    assert together == alone
    assert len({found.text for found in alone}) > 1


def test_a_heads_score_is_its_mean_over_all_successes_zeros_included():
    one = Copies("", {A: {5, 6}, C: {5}}, needle={5, 6})
    two = Copies("", {C: {7}}, needle={7, 8, 9, 10})
    ranking = rank_heads([A, B, C, D], [one, two])
    assert [(entry["head"], entry["score"], entry["rank"]) for entry in ranking] == [
        ("L0H0", 0.5, 1),  # (1 + 0) / 2
        ("L1H0", 0.375, 2),  # (1/2 + 1/4) / 2
        ("L0H1", 0.0, 3),
        ("L1H1", 0.0, 4),
    ]
    assert [entry["hits"] for entry in ranking] == [1, 2, 0, 0]
    assert {entry["num_samples"] for entry in ranking} == {2}


def test_ties_are_broken_by_layer_then_head():
    copies = Copies("", {D: {5}, B: {5}, C: {5}}, needle={5})
    for order in ([A, B, C, D], [D, C, B, A]):
        assert [entry["head"] for entry in rank_heads(order, [copies])] == ["L0H1", "L1H0", "L1H1", "L0H0"]


def test_without_any_success_no_head_is_ranked():
    assert rank_heads([A], []) == []


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
        watching._most_attended(shaped_model(), attentions)


def test_a_row_that_is_not_a_number_is_refused_in_any_layer():
    good, bad = torch.full((1, 2, 1, 4), 0.25), torch.full((1, 2, 1, 4), float("nan"))
    for attentions in ([good, bad], [bad, good]):
        with pytest.raises(StudyError, match="miss the sum 1 by nan"):
            watching._most_attended(shaped_model(layers=2), attentions)
