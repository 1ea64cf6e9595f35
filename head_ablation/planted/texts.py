"""What the planted model reads: the files in resources/planted/, their words, and which of them are facts.

A word is a run of letters and digits, or a run of other marks; case counts.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from head_ablation.common.files import read_jsonl, read_text
from head_ablation.common.problems import Problem, refuse
from head_ablation.common.yaml_files import read_yaml

FOLDER = Path(__file__).parents[2] / "resources" / "planted"
FILES = ("companies.csv", "filings.jsonl", "filler.txt", "passages.yaml", "questions.yaml")
BOS, EOS, NOT_KNOWN = "<s>", "</s>", "<unk>"
UNKNOWN, STOP = "unknown", "."
TEMPLATE = "Question:"  # what prompts say besides
WORD = re.compile(r"\w+|[^\w\s]+")
MOST_VALUES = 56  # words of facts, each of which takes a component of a head's value
VALUE = "{value}"


def words(text: str) -> list[str]:
    """The words of a text, as the model's tokenizer cuts them."""
    return WORD.findall(text)


@dataclass(frozen=True)
class PlantedTexts:
    """The words of the texts, and what those that matter are.

    Attributes:
        vocabulary: all words, the special ones first, then sorted.
        first_words: column of the facts -> the first words of its values, sorted.
        continuing: words of values that follow another one, sorted.
        cues: the last word of a question's stem -> the word before the subsidiary's value of that kind.
    """

    vocabulary: tuple[str, ...]
    first_words: Mapping[str, tuple[str, ...]]
    continuing: tuple[str, ...]
    cues: Mapping[str, str]

    @property
    def values(self) -> list[str]:
        """The words of facts, the stop included."""
        return [*sorted(word for some in self.first_words.values() for word in some), *self.continuing, STOP]


def planted_files(folder: Path = FOLDER) -> list[Path]:
    """The files that decide a planted model's words."""
    return [folder / name for name in FILES]


@cache
def read_texts(folder: Path = FOLDER) -> PlantedTexts:
    """The texts of a folder.

    Raises:
        StudyError: facts that no answer could be told by, with file, field, found and expected.
    """
    rows = read_rows(folder / "companies.csv")
    sentences = read_yaml(folder / "passages.yaml")["facts"]
    questions = read_yaml(folder / "questions.yaml")
    values = {column: [row[one] for row in rows for one in (column, f"subsidiary_{column}")] for column in sentences}
    first = {column: tuple(sorted({words(value)[0] for value in some})) for column, some in values.items()}
    later = sorted({word for some in values.values() for value in some for word in words(value)[1:]})
    cues = {words(asked["stem"])[-1]: _cue(sentences[asked["column"]]["subsidiary"]) for asked in questions.values()}
    texts = PlantedTexts(tuple(_vocabulary(folder, questions)), first, tuple(later), cues)
    refuse([*_cue_problems(folder, sentences, questions), *_word_problems(folder, texts)])
    return texts


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of companies.csv."""
    return list(csv.DictReader(read_text(path, "a CSV file").splitlines()))


def _cue(sentence: str) -> str:
    """The word before the value."""
    return words(sentence.partition(VALUE)[0])[-1]


def _vocabulary(folder: Path, questions: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    filings = [row["section_1"] for row in read_jsonl(folder / "filings.jsonl")]
    asked = [text for question in questions.values() for text in (question["text"], question["stem"])]
    said = [*filings, read_text(folder / "filler.txt", "a text file"), *asked, TEMPLATE, UNKNOWN, STOP]
    facts = [value for row in read_rows(folder / "companies.csv") for value in row.values()]
    yield from (BOS, EOS, NOT_KNOWN)
    yield from sorted({word for text in (*said, *facts) for word in words(text)})


def _cue_problems(
    folder: Path, sentences: Mapping[str, Mapping[str, str]], questions: Mapping[str, Mapping[str, Any]]
) -> Iterator[Problem]:
    """Questions that do not ask for the company's fact, and cues that do not single it out."""
    for key, asked in questions.items():
        cue, wanted = words(asked["stem"])[-1], _cue(sentences[asked["column"]]["company"])
        if cue != wanted:
            yield Problem(folder / "questions.yaml", f"{key}.stem", f"'{cue}' at its end", f"'{wanted}', the cue")
    cues = [_cue(sentence) for of_column in sentences.values() for sentence in of_column.values()]
    for cue, times in Counter(cues).items():
        if times > 1:
            yield Problem(folder / "passages.yaml", "facts", f"'{cue}' before {times} values", "a cue for each")


def _word_problems(folder: Path, texts: PlantedTexts) -> Iterator[Problem]:
    """Words of facts that stand for two things, or too many of them."""
    file = folder / "companies.csv"
    counts = Counter(texts.values)
    twice = [word for word, times in counts.items() if times > 1]
    if twice:
        wanted = "each word of a value in one place: first in values of one column, or behind another word"
        yield Problem(file, "values", ", ".join(sorted(twice)), wanted)
    if len(counts) > MOST_VALUES:
        yield Problem(file, "values", f"{len(counts)} words", f"at most {MOST_VALUES}")
    others = Counter(words(_around(folder)))
    for word in sorted({*counts, *texts.cues, *texts.cues.values()} - {STOP}):
        if others[word]:
            yield Problem(folder, "texts", f"'{word}' {others[word]} times besides", "facts and cues nowhere else")


def _around(folder: Path) -> str:
    """What stands in prompts besides the sentences about facts, and the last words of stems."""
    passages, questions = read_yaml(folder / "passages.yaml"), read_yaml(folder / "questions.yaml")
    names = " ".join(row["name"] for row in read_rows(folder / "companies.csv"))
    kept = {key: part for key, part in passages.items() if key != "facts"}
    asked = " ".join(f"{one['text']} {one['stem'].rpartition(' ')[0]}" for one in questions.values())
    return " ".join([read_text(folder / "filler.txt", "a text file"), json.dumps(kept), names, asked, TEMPLATE])


def joined(parts: Iterable[str]) -> str:
    """Words as the model's tokenizer writes them."""
    return " ".join(parts)
