"""Prompts: exactly T tokens, one BOS, spans that hold what they say, continuous filler. One byte is one token here."""

import json
from dataclasses import replace

import pytest
from byte_tokenizer import BOS_ID, CHAT_TEMPLATE, save_byte_tokenizer

from head_ablation.common.problems import StudyError
from head_ablation.prompts.builders import PromptBuilder, build_prompts, prompt_builder, refuse_beyond
from head_ablation.prompts.layout import Layout, pieces
from head_ablation.prompts.prompt import Prompt, prompts_digest, read_prompts
from head_ablation.prompts.prompt_text import PromptText, prompt_text
from head_ablation.prompts.samples import Sample
from head_ablation.prompts.tokenizer import PromptTokenizer

TEMPLATE = "{filler}\n[{passage}]\n{filler}\nQ: {question}\n"
QUESTION, STEM = "What year?", "A:"
FILLER = "abcdefghijklmnopqrstuvwxyz"
PASSAGE = "Acme was founded in 1929 in Ohio."
ANSWER = (20, 24)
FRAME = 1 + len("\n[") + len("]\n") + len("\nQ: What year?\nA:")  # tokens besides passage and filler: BOS first


def sample(passage=PASSAGE, span=ANSWER, gold="1929"):
    return Sample("7_1993.txt", "7", passage, gold, span)


def layout(**changes):
    return replace(Layout(TEMPLATE, STEM, chat=False, depth=0.5, min_filler_tokens=4), **changes)


@pytest.fixture
def tokenizer(tmp_path):
    return PromptTokenizer(save_byte_tokenizer(tmp_path / "model"))


@pytest.fixture
def chat_tokenizer(tmp_path):
    """A model whose chat template writes BOS itself."""
    folder = save_byte_tokenizer(tmp_path / "chat", {"bos_token": "<s>", "chat_template": CHAT_TEMPLATE})
    return PromptTokenizer(folder)


def built(tokenizer, tokens=160, given=None, filler=FILLER, **changes):
    return PromptBuilder(tokenizer, layout(**changes), QUESTION, filler, tokens).build(given or sample())


def text(tokenizer, prompt, span=None):
    return tokenizer.decode(prompt.token_ids[slice(*(span or (0, None)))])


@pytest.mark.parametrize("tokens", [100, 101, 160, 500])
@pytest.mark.parametrize("depth", [0, 0.3, 0.5, 1])
def test_a_prompt_is_exactly_as_long_as_asked_with_one_bos(tokenizer, tokens, depth):
    prompt = built(tokenizer, tokens, depth=depth)
    assert len(prompt.token_ids) == tokens
    assert prompt.token_ids.index(BOS_ID) == 0
    assert prompt.token_ids.count(BOS_ID) == 1


def test_the_whole_prompt_worked_out_by_hand(tokenizer):
    prompt = built(tokenizer, tokens=FRAME + len(PASSAGE) + 10)
    assert text(tokenizer, prompt) == f"abcde\n[{PASSAGE}]\nfghij\nQ: What year?\nA:"
    assert prompt.passage_span == (1 + 5 + 2, 1 + 5 + 2 + len(PASSAGE))
    assert prompt.answer_span == (8 + 20, 8 + 24)
    assert (prompt.answerable, prompt.reason) == (True, "")


@pytest.mark.parametrize("passage", [PASSAGE, f"Café Zürich — {PASSAGE}"])
def test_spans_decode_to_passage_and_answer(tokenizer, passage):
    start = passage.index("1929")
    prompt = built(tokenizer, tokens=300, given=sample(passage, (start, start + 4)))
    assert text(tokenizer, prompt, prompt.passage_span) == passage
    assert text(tokenizer, prompt, prompt.answer_span) == "1929"


def test_the_answer_span_is_of_the_place_told_not_of_the_first_equal_text(tokenizer):
    passage = "In 1929 rain. Founded in 1929."
    prompt = built(tokenizer, given=sample(passage, (25, 29)))
    assert prompt.answer_span == (prompt.passage_span[0] + 25, prompt.passage_span[0] + 29)


@pytest.mark.parametrize("depth", [0, 0.25, 0.5, 0.77, 1])
def test_filler_runs_on_around_the_passage_and_repeats_if_too_short(tokenizer, depth):
    prompt = built(tokenizer, tokens=FRAME + len(PASSAGE) + 60, depth=depth)
    shown = text(tokenizer, prompt)
    before, after = shown.split(f"\n[{PASSAGE}]\n")
    around = before + after.removesuffix("\nQ: What year?\nA:")
    assert around == (FILLER * 3)[:60]
    assert len(before) == round(depth * 60)


def test_depth_places_the_passage_first_or_last(tokenizer):
    first, last = built(tokenizer, depth=0), built(tokenizer, depth=1)
    assert text(tokenizer, first).startswith("\n[Acme")
    assert text(tokenizer, last).endswith("]\n\nQ: What year?\nA:")


def test_a_passage_too_long_is_cut_at_its_end_and_flagged_if_the_answer_falls_off(tokenizer):
    tokens = FRAME + 4 + 20  # room for 20 passage tokens: "Acme was founded in "
    prompt = built(tokenizer, tokens)
    assert len(prompt.token_ids) == tokens
    assert text(tokenizer, prompt, prompt.passage_span) == "Acme was founded in "
    assert (prompt.answer_span, prompt.answerable, prompt.reason) == (None, False, "cut off")


@pytest.mark.parametrize(("room", "reason"), [(23, "cut off"), (24, "")])
def test_an_answer_counts_only_if_all_of_it_stands_in_the_prompt(tokenizer, room, reason):
    prompt = built(tokenizer, FRAME + 4 + room)
    assert prompt.reason == reason
    assert prompt.answerable is not bool(reason)


def test_the_cut_leaves_the_least_filler_asked_for(tokenizer):
    prompt = built(tokenizer, tokens=FRAME + 6 + 20, min_filler_tokens=6)
    assert text(tokenizer, prompt) == "abc\n[Acme was founded in ]\ndef\nQ: What year?\nA:"


def test_an_answer_that_is_not_stated_is_flagged(tokenizer):
    prompt = built(tokenizer, given=sample(span=None))
    assert (prompt.answer_span, prompt.answerable, prompt.reason) == (None, False, "not stated")


def test_too_little_room_is_refused_with_the_numbers(tokenizer):
    taken = FRAME + 4
    with pytest.raises(StudyError) as refusal:
        built(tokenizer, tokens=taken)
    assert f"{taken} tokens cannot hold a passage" in str(refusal.value)
    assert f"4 tokens of filler take {taken}" in str(refusal.value)
    assert built(tokenizer, tokens=taken + 1).passage_span == (1 + 2 + 2, 1 + 2 + 2 + 1)


def test_an_empty_filler_is_refused(tokenizer):
    with pytest.raises(StudyError, match="filler holds no text"):
        built(tokenizer, filler="")


@pytest.fixture
def llama_like(tmp_path):
    """A tokenizer that adds BOS by itself and joins the filler's e to a line break."""
    return PromptTokenizer(save_byte_tokenizer(tmp_path / "llama", merge=("e", "Ċ"), adds_bos=True))


def study_built(tokenizer, tokens, **changes):
    return prompt_builder(tokenizer, layout(builder="published", **changes), QUESTION, FILLER, tokens).build(sample())


def test_the_studys_prompts_begin_with_two_bos_and_their_filler_anew_behind_the_passage(llama_like):
    prompt = study_built(llama_like, tokens=FRAME + len(PASSAGE) + 10)
    assert prompt.token_ids[:2] == [llama_like.bos_id] * 2
    assert prompt.token_ids.count(llama_like.bos_id) == 2
    assert text(llama_like, prompt) == f"abcde\n[{PASSAGE}]\nabcde\nQ: What year?\nA:"


@pytest.mark.parametrize(("filler_tokens", "merged"), [(10, 2), (8, 0), (9, 1)])
def test_the_studys_prompts_drift_from_the_length_asked_for(llama_like, filler_tokens, merged):
    tokens = FRAME + len(PASSAGE) + filler_tokens
    assert len(study_built(llama_like, tokens).token_ids) == tokens + 1 - merged  # one more BOS, "e" + line break
    ours = prompt_builder(llama_like, layout(), QUESTION, FILLER, tokens).build(sample())
    assert len(ours.token_ids) == tokens  # negative control


@pytest.mark.parametrize("filler_tokens", [8, 9, 10])
def test_spans_are_found_again_in_the_studys_prompts(llama_like, filler_tokens):
    prompt = study_built(llama_like, FRAME + len(PASSAGE) + filler_tokens)
    assert text(llama_like, prompt, prompt.passage_span) == PASSAGE
    assert text(llama_like, prompt, prompt.answer_span) == "1929"


def test_a_cut_answer_is_flagged_in_the_studys_prompts_too(llama_like):
    prompt = study_built(llama_like, tokens=FRAME + 4 + 22)
    assert (prompt.answerable, prompt.reason) == (False, "cut off")
    assert text(llama_like, prompt, prompt.passage_span) == PASSAGE[:22]


def test_the_studys_prompts_have_one_bos_with_a_tokenizer_that_adds_none(tokenizer):
    assert study_built(tokenizer, tokens=160).token_ids.count(BOS_ID) == 1


@pytest.mark.parametrize(("filler_tokens", "kept"), [(4, len(PASSAGE)), (0, len(PASSAGE)), (-1, len(PASSAGE) - 5)])
def test_the_study_cuts_a_passage_only_when_it_leaves_no_room_at_all(llama_like, filler_tokens, kept):
    prompt = study_built(llama_like, FRAME + len(PASSAGE) + filler_tokens)
    assert text(llama_like, prompt, prompt.passage_span) == PASSAGE[:kept]


def test_a_model_without_bos_gets_none(tmp_path):
    plain = PromptTokenizer(save_byte_tokenizer(tmp_path / "plain", {"eos_token": "</s>"}))
    prompt = built(plain, tokens=FRAME - 1 + len(PASSAGE) + 10)
    assert plain.bos_id is None
    assert prompt.token_ids.count(BOS_ID) == 0
    assert text(plain, prompt) == f"abcde\n[{PASSAGE}]\nfghij\nQ: What year?\nA:"


def test_bos_written_as_an_object_is_understood(tmp_path):
    folder = save_byte_tokenizer(tmp_path / "object", {"bos_token": {"content": "<s>", "special": True}})
    assert PromptTokenizer(folder).bos_id == BOS_ID


def test_a_chat_template_that_writes_bos_gives_one_bos(chat_tokenizer):
    prompt = built(chat_tokenizer, tokens=200, chat=True)
    assert len(prompt.token_ids) == 200
    assert prompt.token_ids[0] == BOS_ID
    assert prompt.token_ids.count(BOS_ID) == 1


def test_a_chat_template_without_bos_still_gives_one_bos(tmp_path):
    template = CHAT_TEMPLATE.removeprefix("{{ bos_token }}")
    folder = save_byte_tokenizer(tmp_path / "bare", {"bos_token": "<s>", "chat_template": template})
    prompt = built(PromptTokenizer(folder), tokens=200, chat=True)
    assert prompt.token_ids.count(BOS_ID) == 1
    assert prompt.token_ids[0] == BOS_ID


def test_the_chats_turns_stand_around_the_template_and_the_stem_opens_the_models(chat_tokenizer):
    tokens = len("<user>") + len("\n<model>") + FRAME + len(PASSAGE) + 10
    prompt = built(chat_tokenizer, tokens, chat=True)
    shown = text(chat_tokenizer, prompt)
    assert shown == f"<user>abcde\n[{PASSAGE}]\nfghij\nQ: What year?\n\n<model>A:"
    assert text(chat_tokenizer, prompt, prompt.passage_span) == PASSAGE


def test_a_chat_template_file_comes_before_the_one_in_the_config(chat_tokenizer):
    with_file = PromptTokenizer(chat_tokenizer.folder)
    (with_file.folder / "chat_template.jinja").write_text(
        "U:{{ messages[0]['content'] }}{% if add_generation_prompt %}M:{% endif %}", encoding="utf-8"
    )
    assert with_file.chat("hello") == "U:helloM:"
    (with_file.folder / "chat_template.jinja").unlink()
    assert with_file.chat("hello") == "<s><user>hello\n<model>"


def test_a_model_without_chat_template_says_what_to_set(tokenizer):
    with pytest.raises(
        StudyError, match=r"chat_template: found nothing; expected a chat template, since prompt\.chat is true"
    ):
        built(tokenizer, chat=True)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ messages[0]['content'] }}{{ messages[0]['content'] }}", "2 times"),
        ("{{ bos_token }}", "0 times"),
        ("{% for message in %}", "cannot be rendered"),
        ("{{ raise_exception('no user turns') }}", "cannot be rendered"),
    ],
)
def test_a_chat_template_that_cannot_serve_is_refused_with_its_folder(tmp_path, template, message):
    folder = save_byte_tokenizer(tmp_path / "odd", {"chat_template": template})
    with pytest.raises(StudyError, match=message) as refusal:
        built(PromptTokenizer(folder), chat=True)
    assert str(folder) in str(refusal.value)


def test_a_folder_without_fast_tokenizer_is_refused_by_name(tmp_path):
    with pytest.raises(StudyError, match=r"tokenizer\.json"):
        built(PromptTokenizer(tmp_path))


@pytest.mark.parametrize(
    "template",
    [
        "{passage}{filler}{filler}{question}",
        "{filler}{passage}{question}",
        "{filler}{passage}{filler}",
        "{filler}{passage}{filler}{question}{question}",
        "{filler}{passage}{filler}{question}{filler}",
        "{filler}{filler}{passage}{filler}{question}",
        "",
    ],
)
def test_a_template_without_the_slots_in_order_is_refused(template):
    with pytest.raises(ValueError, match="slots"):
        pieces(template)
    with pytest.raises(ValueError, match="slots"):
        layout(template=template)


def test_a_template_falls_into_the_text_around_its_slots():
    assert pieces("a{filler}b{passage}c{filler}d{question}e {other}") == ["a", "b", "c", "d", "e {other}"]


def test_all_prompts_of_an_experiment_share_their_beginning(tokenizer):
    builder = PromptBuilder(tokenizer, layout(), QUESTION, FILLER, 160)
    short, long = builder.build(sample()), builder.build(sample(PASSAGE + " It makes anvils.", ANSWER))
    assert short.token_ids[:20] == long.token_ids[:20]
    assert len(short.token_ids) == len(long.token_ids)


def test_a_prompt_comes_back_from_json_as_it_was(tokenizer, tmp_path):
    prompts = [built(tokenizer), built(tokenizer, given=sample(span=None)), built(tokenizer, FRAME + 24)]
    lines = "".join(json.dumps(prompt.to_json()) + "\n" for prompt in prompts)
    (tmp_path / "prompts.jsonl").write_text(lines, encoding="utf-8")
    assert read_prompts(tmp_path / "prompts.jsonl") == prompts
    assert [json.loads(line)["answerable"] for line in lines.splitlines()] == [True, False, False]


def test_a_prompt_refuses_a_span_outside_itself():
    with pytest.raises(ValueError, match="passage span 2-9 in a prompt of 5 tokens"):
        Prompt("f", "c", "g", [1, 2, 3, 4, 5], (2, 9), None)


def test_the_digest_changes_with_any_token_and_with_nothing_else(tokenizer):
    prompts = [built(tokenizer), built(tokenizer, depth=0)]
    digest = prompts_digest(prompts)
    assert prompts_digest([replace_tokens(prompt) for prompt in prompts]) == digest
    for which in range(2):
        for place in (0, 80, 159):
            changed = list(prompts)
            changed[which] = replace_tokens(prompts[which], place)
            assert prompts_digest(changed) != digest
    assert prompts_digest(prompts[::-1]) != digest
    assert prompts_digest(prompts[:1]) != digest


def replace_tokens(prompt, place=None):
    """The prompt with another gold answer, and with one token changed if `place` is given."""
    ids = [token + (index == place) for index, token in enumerate(prompt.token_ids)]
    return Prompt(prompt.filename, prompt.company, "other", ids, prompt.passage_span, prompt.answer_span)


def test_no_samples_are_refused(tokenizer):
    builder = PromptBuilder(tokenizer, layout(), QUESTION, FILLER, 160)
    with pytest.raises(StudyError, match="no sample has an answer"):
        build_prompts(builder, [])


def test_prompts_without_any_answer_are_refused_with_the_reasons(tokenizer):
    builder = PromptBuilder(tokenizer, layout(), QUESTION, FILLER, FRAME + 4 + 20)
    hopeless = [sample(), sample(span=None)]
    with pytest.raises(StudyError, match=r"none of 2 prompts of \d+ tokens holds its answer \(cut off, not stated\)"):
        build_prompts(builder, hopeless)
    early = sample("1929 saw Acme begin.", (0, 4))
    assert [prompt.answerable for prompt in build_prompts(builder, [*hopeless, early])] == [False, False, True]


def test_prompts_longer_than_the_model_are_refused_with_both_numbers():
    refuse_beyond(64, positions=64)
    with pytest.raises(StudyError, match=r"65 tokens.*at most 64"):
        refuse_beyond(65, positions=64)


# --- the text beside the ids ---


def test_the_text_of_a_prompt_is_what_its_ids_decode_to(tokenizer):
    prompt = built(tokenizer, tokens=FRAME + len(PASSAGE) + 10)
    made = prompt_text(prompt, tokenizer)
    assert made.text == f"<s>abcde\n[{PASSAGE}]\nfghij\nQ: What year?\nA:"
    assert made.text[slice(*made.passage_span)] == PASSAGE
    assert made.text[slice(*made.answer_span)] == "1929"


@pytest.mark.parametrize("passage", ["Zürich, since 1929. \U0001f4c8 Grown.", "\U0001f4c8\U0001f4c81929 \u00e9"])
def test_characters_of_several_tokens_shift_no_span(tokenizer, passage):
    start = passage.index("1929")
    for tokens in range(FRAME + 30, FRAME + 60):  # the passage is cut within a character, too
        prompt = built(tokenizer, tokens, sample(passage, (start, start + 4)))
        made = prompt_text(prompt, tokenizer)
        shown = made.text[slice(*made.passage_span)]
        assert passage.startswith(shown.rstrip("\ufffd")) and len(shown) > start
        assert made.answer_span is None or made.text[slice(*made.answer_span)] == "1929"


def test_a_prompt_without_its_answer_has_a_text_without_its_place(tokenizer):
    made = prompt_text(built(tokenizer, given=sample(span=None)), tokenizer)
    assert made.answer_span is None and PASSAGE in made.text


def test_texts_come_back_from_json(tokenizer):
    made = prompt_text(built(tokenizer), tokenizer)
    assert PromptText.from_json(json.loads(json.dumps(made.to_json()))) == made
