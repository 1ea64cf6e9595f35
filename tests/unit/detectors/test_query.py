"""The prompts' end, the null query in its place, and answers behind it, with byte tokens and with merged ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from byte_tokenizer import BOS, CHAT_TEMPLATE, EOS, save_byte_tokenizer

from head_ablation.common.problems import StudyError
from head_ablation.detectors.answers import AnswerWriter
from head_ablation.detectors.core import documents
from head_ablation.detectors.query import NULL_QUESTION, Query
from head_ablation.prompts.builders import prompt_builder
from head_ablation.prompts.layout import Layout, PromptSettings
from head_ablation.prompts.prompt import Prompt
from head_ablation.prompts.samples import Sample
from head_ablation.prompts.tokenizer import PromptTokenizer

QUESTION, FILLER = "What year was it?", "A slow river. "
PASSAGE = "Founded in 1929, it moved in 1950, sold out in 1950 and closed in 1931."
LAYOUT = Layout("{filler}\n{passage}\n{filler}\nQuestion: {question}\n", "Answer: in", False, 0.5, 8)
SAMPLE = Sample("1.txt", "1", PASSAGE, "1929", answer_span=(11, 15))
SPACE_N, SPACE_W = ("Ġ", "N"), ("Ġ", "W")  # merged: " N" of " N/A", " W" of " What"


def tokenizer_of(folder: Path, **kind: Any) -> PromptTokenizer:
    config = {"bos_token": BOS, "eos_token": EOS, "chat_template": CHAT_TEMPLATE}
    return PromptTokenizer(save_byte_tokenizer(folder, config, **kind))


def built(tokenizer: PromptTokenizer, layout: Layout, question: str = QUESTION, tokens: int = 200) -> Prompt:
    return prompt_builder(tokenizer, layout, question, FILLER, tokens).build(SAMPLE)


LAYOUTS = {
    "plain": LAYOUT,
    "stemless": replace(LAYOUT, stem=""),
    "chat": replace(LAYOUT, chat=True),
    "published": replace(LAYOUT, builder="published"),
    "question last": replace(LAYOUT, template="{filler}{passage}{filler}{question}", stem=""),
}


@pytest.mark.parametrize("merge", [None, SPACE_N, SPACE_W], ids=str)
@pytest.mark.parametrize("name", LAYOUTS)
def test_real_and_null_prompt_share_every_id_before_the_place_where_they_part(
    tmp_path: Path, name: str, merge: tuple[str, str] | None
) -> None:
    tokenizer, layout = tokenizer_of(tmp_path, merge=merge), LAYOUTS[name]
    query, prompt = Query.of(tokenizer, PromptSettings(layout, QUESTION)), built(tokenizer, layout)
    start = query.start(prompt)
    null = [*prompt.token_ids[:start], *query.null.token_ids]
    text, null_text = tokenizer.decode(prompt.token_ids), tokenizer.decode(null)
    assert null_text == text.replace(QUESTION, NULL_QUESTION)
    assert query.real.token_ids[0] != query.null.token_ids[0]  # no later place would do
    for end, question in ((query.real, QUESTION), (query.null, NULL_QUESTION)):
        asked = tokenizer.decode(end.token_ids[slice(*end.question)])
        assert asked.strip() == question
        assert end.positions(to_end=True) == (end.question[0], len(end.token_ids))
        assert end.positions(to_end=False) == end.question


def test_a_merged_space_belongs_to_the_question(tmp_path: Path) -> None:
    query = Query.of(tokenizer_of(tmp_path, merge=SPACE_W), PromptSettings(LAYOUT, QUESTION))
    assert query.real.question[0] == 0 and query.null.question[0] == 1  # " W" is one token, " " and "N" are two
    assert len(query.real.token_ids) == len(" " + QUESTION + "\nAnswer: in") - 1


def test_a_prompt_that_ends_otherwise_is_refused_by_name(tmp_path: Path) -> None:
    tokenizer = tokenizer_of(tmp_path)
    query = Query.of(tokenizer, PromptSettings(LAYOUT, QUESTION))
    with pytest.raises(StudyError, match=r"1\.txt: its last \d+ tokens are not those of the question"):
        query.start(built(tokenizer, LAYOUT, question="When was it?"))


# Answers behind the prompt


def writer(tokenizer: PromptTokenizer, layout: Layout = LAYOUT, matcher: str = "year", ending: str = "\n") -> Any:
    return AnswerWriter(tokenizer, PromptSettings(layout, QUESTION), matcher, ending)


def test_distractors_are_the_passages_other_values_the_most_frequent_first(tmp_path: Path) -> None:
    tokenizer = tokenizer_of(tmp_path)
    prompt = built(tokenizer, LAYOUT)
    assert writer(tokenizer).values(prompt) == ("1929", ["1950", "1931"])
    gold, *others = writer(tokenizer).answers(prompt, 1)
    assert [tokenizer.decode(ids) for ids in (gold, *others)] == [" 1929\n", " 1950\n"]
    right = replace(prompt, alternatives=("1950",))
    assert writer(tokenizer).values(right) == ("1929", ["1931"])


def test_values_are_written_as_the_passage_writes_them(tmp_path: Path) -> None:
    tokenizer = tokenizer_of(tmp_path)
    sample = Sample("1.txt", "1", "It had 14,200 employees and 3,000 shops.", "14200", answer_span=(7, 13))
    prompt = prompt_builder(tokenizer, LAYOUT, QUESTION, FILLER, 200).build(sample)
    assert writer(tokenizer, matcher="integer").values(prompt) == ("14,200", ["3,000"])


def test_a_kind_without_mentions_has_the_gold_answer_alone(tmp_path: Path) -> None:
    tokenizer = tokenizer_of(tmp_path)
    assert writer(tokenizer, matcher="text").values(built(tokenizer, LAYOUT)) == ("1929", [])


@pytest.mark.parametrize(
    ("stem", "written"), [("Answer: in", " 1929\n"), ("Answer: in ", "1929\n"), ("Answer:\n", "1929\n")]
)
def test_an_answer_follows_a_space_unless_one_is_there(tmp_path: Path, stem: str, written: str) -> None:
    tokenizer = tokenizer_of(tmp_path)
    assert tokenizer.decode(writer(tokenizer, replace(LAYOUT, stem=stem)).token_ids("1929")) == written


def test_an_answer_that_would_merge_with_the_prompts_last_token_is_read_alone(tmp_path: Path) -> None:
    tokenizer = tokenizer_of(tmp_path, merge=("Ġ", "1"))
    ids = writer(tokenizer, replace(LAYOUT, stem="Answer: in ")).token_ids("1929")
    assert tokenizer.decode(ids) == "1929\n" and len(ids) == 5
    assert len(writer(tokenizer).token_ids("1929")) == 5  # here " 1" is one token


def test_an_answer_ends_with_a_stop_string_if_there_is_one(tmp_path: Path) -> None:
    assert tokenizer_of(tmp_path).decode(writer(tokenizer_of(tmp_path), ending="").token_ids("1929")) == " 1929"


# Documents


def test_documents_cover_all_but_the_first_token_and_the_query_without_overlap() -> None:
    found = documents((40, 60), 127)
    assert found[0] == (40, 60)
    assert sorted(place for span in found for place in range(*span)) == list(range(1, 127))
    lengths = [end - start for start, end in found]
    assert all(14 <= length <= 30 for length in lengths) and len(found) == 1 + 2 + 3
    assert documents((1, 60), 60) == [(1, 60)]  # no filler at all
