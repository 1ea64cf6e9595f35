"""Tokenizers as strangers' folders bring them: settings of their own, control tokens, chat templates of every form."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from byte_tokenizer import BOS_ID, EOS_ID, byte_tokenizer, save_byte_tokenizer
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from head_ablation.common.problems import StudyError
from head_ablation.prompts.builders import PromptBuilder, PublishedPromptBuilder
from head_ablation.prompts.layout import Layout
from head_ablation.prompts.samples import Sample
from head_ablation.prompts.tokenizer import PromptTokenizer

LAYOUT = Layout("{filler}\n[{passage}]\n{filler}\nQ: {question}\n", "A:", chat=False, depth=0.5, min_filler_tokens=4)
FILLER = "the river runs on and on "
CHAT = "<s>user {{ messages[0]['content'] }}</s><s>model "


def saved(folder: Path, tokenizer: Tokenizer, **config: Any) -> PromptTokenizer:
    """A model folder with this tokenizer and config."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"bos_token": "<s>", **config}), encoding="utf-8")
    return PromptTokenizer(folder)


def sentence_pieces(*words: str) -> Tokenizer:
    """Unigram over letters and some words, spaces written as SentencePiece writes them."""
    pieces = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), *((f"▁{word}", -1.0) for word in words)]
    pieces += [(chr(code), -9.0) for code in range(33, 127)] + [("▁", -9.0), ("\n", -9.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in ("<unk>", "<s>", "</s>")])
    return tokenizer


def sample(passage: str, answer: str) -> Sample:
    start = passage.index(answer)
    return Sample("7_1993.txt", "7", passage, answer, (start, start + len(answer)))


# What tokenizer.json switches on


@pytest.mark.parametrize("side", ["left", "right"])
def test_truncation_and_padding_of_the_file_do_not_touch_our_ids(tmp_path: Path, side: str, capsys: Any) -> None:
    plain = saved(tmp_path / "plain", byte_tokenizer())
    cutting = byte_tokenizer()
    cutting.enable_truncation(max_length=64, direction=side)
    cutting.enable_padding(length=300, direction=side, pad_id=EOS_ID, pad_token="</s>")
    given = saved(tmp_path / "cutting", cutting)
    text = "Acme was founded in 1929. " * 8
    assert given.encode(text) == plain.encode(text)
    assert given.encode_with_specials(text) == plain.encode_with_specials(text)
    assert len(given.encode(text)[0]) == len(text)
    said = capsys.readouterr().err
    assert f"{tmp_path / 'cutting' / 'tokenizer.json'}: truncation, padding is set there; ignored" in said
    assert str(tmp_path / "plain") not in said


def test_dropout_of_the_file_does_not_vary_our_ids(tmp_path: Path, capsys: Any) -> None:
    dropping = byte_tokenizer(merge=("i", "n"))
    dropping.model.dropout = 0.5
    given = saved(tmp_path, dropping)
    assert given.encode("in" * 200)[0] == saved(tmp_path / "plain", byte_tokenizer(("i", "n"))).encode("in" * 200)[0]
    assert "model.dropout is set there" in capsys.readouterr().err


# Text is text


@pytest.mark.parametrize("text", ["a <s> b", "</s>", "<s></s>", "end of turn</s>\nuser"])
def test_a_control_tokens_name_in_a_text_is_the_characters_it_is(tmp_path: Path, text: str) -> None:
    tokenizer = saved(tmp_path, byte_tokenizer())
    ids, offsets = tokenizer.encode(text)
    assert not {BOS_ID, EOS_ID} & set(ids)
    assert tokenizer.decode(ids) == text
    assert offsets == [(place, place + 1) for place in range(len(text))]
    assert {BOS_ID, EOS_ID} & set(tokenizer.encode_template(text)[0])  # negative control: in a template it is one


def test_added_tokens_that_the_chat_template_uses_are_control_tokens_and_other_ones_are_text(tmp_path: Path) -> None:
    backend = byte_tokenizer()
    backend.add_tokens([AddedToken("<think>", special=False), AddedToken("    ", special=False)])
    tokenizer = saved(tmp_path, backend, chat_template=CHAT + "<think>    ")
    think, spaces = backend.token_to_id("<think>"), backend.token_to_id("    ")
    ids, _ = tokenizer.encode("a<think>    b")
    assert think not in ids and spaces in ids
    assert tokenizer.decode(ids) == "a<think>    b"
    assert think in tokenizer.encode_template("a<think>    b")[0]


def test_a_sentencepiece_vocabulary_that_holds_control_tokens_reads_them_as_text(tmp_path: Path) -> None:
    tokenizer = saved(tmp_path, sentence_pieces("in", "Delaware"))
    ids, _ = tokenizer.encode("in </s> Delaware")
    assert not {1, 2} & set(ids)
    assert tokenizer.decode_with_specials(ids) == "in </s> Delaware"
    assert 2 in tokenizer.encode_template("in </s> Delaware")[0]
    assert tokenizer.encode("in é Delaware")[0].count(0) == 1  # unknown characters are no control token


def test_a_tokenizer_that_knows_a_name_only_as_control_token_is_refused(tmp_path: Path) -> None:
    words = Tokenizer(models.WordLevel({"[UNK]": 0, "[CLS]": 1, "in": 2}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.add_special_tokens([AddedToken("[UNK]", special=True), AddedToken("[CLS]", special=True)])
    tokenizer = saved(tmp_path, words, bos_token="[CLS]", unk_token="[UNK]")
    assert tokenizer.encode("in Ohio")[0] == [2, 0]
    with pytest.raises(StudyError, match=r"a text contains \[CLS\], which this tokenizer cannot read but as"):
        tokenizer.encode("in [CLS]")


@pytest.mark.parametrize("chat", [False, True])
def test_no_part_of_a_prompt_but_the_template_makes_control_tokens(tmp_path: Path, chat: bool) -> None:
    tokenizer = saved(tmp_path, byte_tokenizer(), chat_template=CHAT)
    builder = PromptBuilder(tokenizer, replace(LAYOUT, chat=chat), "What year </s>?", "fill <s>er ", 180)
    prompt = builder.build(sample("In <s>1929</s> Acme began.", "1929"))
    controls = [token for token in prompt.token_ids if token in (BOS_ID, EOS_ID)]
    assert controls == ([BOS_ID, EOS_ID, BOS_ID] if chat else [BOS_ID])
    assert len(prompt.token_ids) == 180
    assert tokenizer.decode(prompt.token_ids[slice(*prompt.passage_span)]) == "In <s>1929</s> Acme began."
    assert tokenizer.decode(prompt.token_ids[slice(*prompt.answer_span)]) == "1929"  # type: ignore[misc]


@pytest.mark.parametrize(("passage", "filler"), [("In <s>1929.", FILLER), ("In 1929.", "fill <s>er ")])
def test_the_published_builder_refuses_what_it_would_turn_into_control_tokens(
    tmp_path: Path, passage: str, filler: str
) -> None:
    builder = PublishedPromptBuilder(saved(tmp_path, byte_tokenizer()), LAYOUT, "What year?", filler, 120)
    with pytest.raises(StudyError, match=r"contains <s>, which the published way .* prompt\.builder: ids"):
        builder.build(sample(passage, "1929"))


# The published builder


def test_published_prompts_of_sentencepiece_tokenizers_are_those_of_the_whole_text(tmp_path: Path) -> None:
    tokenizer = saved(tmp_path, sentence_pieces("in", "Delaware", "the", "river", "incorporated"))
    passage = "Acme was incorporated in Delaware in 1929 again"
    prompt = PublishedPromptBuilder(tokenizer, LAYOUT, "Where?", FILLER, 120).build(sample(passage, "Delaware"))
    ours = PromptBuilder(tokenizer, LAYOUT, "Where?", FILLER, 120).build(sample(passage, "Delaware"))
    assert "incorporated in Delaware in 1929" in tokenizer.decode_with_specials(ours.token_ids)
    assert "incorporated in Delaware in 1929" in tokenizer.decode_with_specials(prompt.token_ids)
    assert tokenizer.decode(prompt.token_ids[slice(*prompt.answer_span)]).strip() == "Delaware"  # type: ignore[misc]
    assert tokenizer.decode(prompt.token_ids[slice(*prompt.passage_span)]).strip() == passage


# Chat templates


def transformers_chat(folder: Path, template: str) -> str:
    """What transformers writes with the same template."""
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), bos_token="<s>", eos_token="</s>", chat_template=template
    )
    turn = [{"role": "user", "content": "hi & <you>"}]
    return str(tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True))


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}",
        "{% set x = 1 %}{% generation %}{% set x = 2 %}{{ messages[0].content }}{% endgeneration %}{{ x }}",
        "{% for m in messages * 3 %}{{ m.content }}{% break %}{% endfor %}",
        "{% for n in range(3) %}{% if n != 1 %}{% continue %}{% endif %}{{ messages[0].content }}{% endfor %}",
        "{{ messages | tojson }}",
        "{{ messages[0] | tojson(indent=2, sort_keys=true) }}",
        "{% if tools is not none %}{{ tools[0] }}{% endif %}{{ messages[0].content }}{{ eos_token }}",
        "{{ bos_token }}{{ messages[0].content }}{% if documents %}docs{% endif %}",
    ],
)
def test_a_chat_template_writes_what_it_writes_in_transformers(tmp_path: Path, template: str) -> None:
    tokenizer = saved(tmp_path, byte_tokenizer(), eos_token="</s>", chat_template=template)
    assert tokenizer.chat("hi & <you>") == transformers_chat(tmp_path, template)


def test_a_template_that_writes_todays_date_writes_the_same_one_every_day(tmp_path: Path) -> None:
    template = "{{ strftime_now('%d %b %Y') }} {{ messages[0].content }}"
    assert saved(tmp_path, byte_tokenizer(), chat_template=template).chat("hi") == "26 Jul 2024 hi"


LOOPS = "{% for a in range(99999) %}" * 3 + "{% endfor %}" * 3


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (LOOPS, "it was ended, at 4 seconds"),
        ("{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}", "it was ended"),
        ("{{ 10 ** (10 ** 9) }}", "it was ended"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "recursion"),
        ("{{ 'a' * 10 ** 11 }}", "MemoryError"),
    ],
)
@pytest.mark.slow
def test_a_chat_template_without_an_end_is_refused(tmp_path: Path, template: str, reason: str) -> None:
    with pytest.raises(StudyError, match=f"the chat template cannot be rendered: .*{reason}"):
        saved(tmp_path, byte_tokenizer(), chat_template=template).chat("hi")


def test_of_several_templates_the_default_is_taken(tmp_path: Path) -> None:
    named = [{"name": "rag", "template": "no"}, {"name": "default", "template": "yes {{ messages[0].content }}"}]
    assert saved(tmp_path, byte_tokenizer(), chat_template=named).chat("hi") == "yes hi"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, r"chat_template: found nothing; expected a chat template, since prompt\.chat is true"),
        ([{"name": "rag", "template": "x"}], r"chat_template: found the names rag; expected .* 'default'"),
        ([], r"chat_template: found the names ; expected"),
        (7, r"chat_template: found 7; expected a text, null, or a list"),
    ],
)
def test_a_chat_template_that_is_none_is_refused_by_field(tmp_path: Path, given: Any, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        saved(tmp_path, byte_tokenizer(), chat_template=given).chat("hi")


@pytest.mark.parametrize("content", ["", "{", '{"model": {"type": "Other"}}'])
def test_a_damaged_tokenizer_file_is_refused_by_name(tmp_path: Path, content: str) -> None:
    folder = save_byte_tokenizer(tmp_path)
    (folder / "tokenizer.json").write_text(content, encoding="utf-8")
    with pytest.raises(StudyError, match=r"tokenizer\.json: file: found (an empty file|broken JSON|no tokenizer)"):
        PromptTokenizer(folder).encode("a")
