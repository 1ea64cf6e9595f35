"""Filings from EDGAR-CORPUS: the wanted ones, to the character, each fetched once, and nothing missing unsaid."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from project import PROJECT

from head_ablation.common.files import read_jsonl, sha256_file
from head_ablation.common.problems import StudyError
from head_ablation.prompts.edgar import Corpus, fetch_filings, write_filings
from head_ablation.prompts.filings import FILING_FIELDS, read_filing_texts

# Line ends that Python's splitlines() knows and JSON does not, characters outside the basic plane, a quote.
ODD = "Acme\u2028was\x85founded\r\nin\rOhio\t\U0001f600 “é” \u00a0\\n\x0c"
BROKEN = b"PAR1 this is no parquet PAR1"


def filing(number, text=None, **others):
    text = f"{ODD} Company {number}. " * 20 if text is None else text
    row = {"filename": f"{number}_1993.txt", "cik": str(number), "year": "1993", "section_1": text}
    return {**row, "section_1A": f"risks of {number}", "section_7": f"money of {number} " * 50, **others}


FILINGS = [filing(number) for number in range(30)]
NAMES = [row["filename"] for row in FILINGS]


def needed(rows):
    return {row["filename"]: {field: row[field] for field in FILING_FIELDS} for row in rows}


def parquet(folder, split, rows):
    file = folder / "year_1993" / split / "0000.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    if rows == BROKEN:
        file.write_bytes(BROKEN)
    else:
        strings = pa.schema([(column, pa.string()) for column in rows[0]])  # also where all are null
        pq.write_table(pa.Table.from_pylist(rows, strings), file, row_group_size=5, compression="none")
    return file


def parquet_corpus(folder, train=FILINGS[:20], validation=FILINGS[20:], **other_splits):
    for split, rows in {"train": train, "validation": validation, **other_splits}.items():
        parquet(folder, split, rows)
    return Corpus(str(folder), None, None)


def jsonl_corpus(folder, train=FILINGS[:20], validation=FILINGS[20:]):
    for split, rows in {"train": train, "validation": validation}.items():
        file = folder / "year_1993" / f"{split}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return Corpus(str(folder), None, None)


def silent(_line):
    pass


def fetch(corpus, wanted, cache, report=silent):
    return fetch_filings(corpus, wanted, cache, report)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "caches" / "edgar.jsonl"


@pytest.fixture
def corpus(tmp_path):
    return parquet_corpus(tmp_path / "corpus")


def refusal(function, *arguments):
    with pytest.raises(StudyError) as error:
        function(*arguments)
    return error.value


# What is fetched


@pytest.mark.parametrize("lay_out", [parquet_corpus, jsonl_corpus])
@pytest.mark.parametrize("data_dir", [None, "year_1993"])
def test_only_wanted_filings_are_fetched_and_equal_the_corpus_to_the_character(tmp_path, cache, lay_out, data_dir):
    folder = lay_out(tmp_path / "corpus").source
    wanted = [NAMES[25], NAMES[3], NAMES[3], NAMES[19]]
    found = fetch(Corpus(folder, None, data_dir), wanted, cache)
    assert found == needed([FILINGS[25], FILINGS[3], FILINGS[19]])
    assert list(found) == [NAMES[25], NAMES[3], NAMES[19]]
    assert ODD in found[NAMES[3]]["section_1"]


def test_data_dir_chooses_the_folder_that_is_read(tmp_path, corpus, cache):
    other = tmp_path / "corpus" / "year_1994" / "train.parquet"
    other.parent.mkdir()
    pq.write_table(pa.Table.from_pylist([filing(99)]), other)
    name = filing(99)["filename"]
    assert fetch(Corpus(corpus.source, None, "year_1993"), [name], cache) == {}
    assert set(fetch(Corpus(corpus.source, None, "year_1994"), [name], tmp_path / "other.jsonl")) == {name}


def test_numbers_in_a_corpus_become_strings(tmp_path, cache):
    corpus = jsonl_corpus(tmp_path / "corpus", train=[filing(1, cik=1, year=1993)])
    assert fetch(corpus, [NAMES[1]], cache) == needed([FILINGS[1]])


def test_of_a_parquet_corpus_the_other_sections_are_not_read(corpus, cache):
    file = Path(corpus.source) / "year_1993" / "train" / "0000.parquet"
    spoil_column(file, "section_7")
    with pytest.raises(OSError, match="deserialize"):  # negative control: whoever reads that section fails
        pq.read_table(file)
    assert fetch(corpus, [NAMES[7]], cache) == needed([FILINGS[7]])
    spoil_column(file, "section_1")  # negative control: this one is read
    refusal(fetch, corpus, [NAMES[8]], cache)


def spoil_column(file, name):
    content = bytearray(file.read_bytes())
    metadata = pq.ParquetFile(file).metadata
    place = metadata.schema.names.index(name)
    for group in range(metadata.num_row_groups):
        column = metadata.row_group(group).column(place)
        start = column.dictionary_page_offset or column.data_page_offset
        content[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    file.write_bytes(content)


@pytest.mark.parametrize("texts", [["", "first", "second"], [" \n", "first"], [None, "first"], ["first", ""]])
def test_of_filings_with_one_name_the_first_with_a_section_1_wins(tmp_path, cache, texts):
    rows = [filing(1, text, section_1=text) for text in texts]
    corpus = parquet_corpus(tmp_path / "corpus", train=rows[:1], validation=rows[1:])
    assert fetch(corpus, [NAMES[1]], cache)[NAMES[1]]["section_1"] == "first"


# What is kept


def test_a_second_call_opens_nothing(corpus, cache, monkeypatch):
    wanted = [NAMES[2], NAMES[22], "404_1993.txt"]
    first = fetch(corpus, wanted, cache)
    shutil.rmtree(corpus.source)
    monkeypatch.setitem(sys.modules, "datasets", None)  # its import fails from now on
    assert fetch(corpus, wanted, cache) == first == needed([FILINGS[2], FILINGS[22]])
    with pytest.raises((StudyError, ImportError)):  # negative control
        fetch(corpus, [*wanted, NAMES[5]], cache)


def test_nothing_wanted_opens_nothing(tmp_path, cache):
    assert fetch(Corpus(str(tmp_path / "none"), None, None), [], cache) == {}


def test_filings_that_the_whole_corpus_lacks_are_remembered_but_not_those_it_was_not_read_for(corpus, cache):
    assert fetch(corpus, ["404_1993.txt", NAMES[0]], cache) == needed([FILINGS[0]])
    assert {"filename": "404_1993.txt", "absent": True} in read_jsonl(cache)
    parquet(Path(corpus.source), "train", BROKEN)
    refusal(fetch, corpus, ["405_1993.txt"], cache)
    assert "405_1993.txt" not in cache.read_text()


KILLED = """
import json, os, signal, sys
from pathlib import Path
from head_ablation.prompts import edgar

def rows(corpus, real=edgar._rows):
    for number, row in enumerate(real(corpus)):
        if number == 12:
            os.kill(os.getpid(), signal.SIGKILL)
        yield row

edgar._rows = rows
edgar.fetch_filings(edgar.Corpus(**json.loads(sys.argv[1])), json.loads(sys.argv[2]), Path(sys.argv[3]), print)
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_with_what_it_has(corpus, cache):
    arguments = [json.dumps(vars(corpus)), json.dumps(NAMES), str(cache)]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], cwd=PROJECT, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert [row["filename"] for row in read_jsonl(cache)[1:]] == NAMES[:12]
    # What was found before is not looked for again: the corpus now says something else about it.
    parquet(Path(corpus.source), "train", [filing(number, "changed") for number in range(20)])
    found = fetch(corpus, NAMES, cache)
    changed = {row["filename"] for row in found.values() if row["section_1"] == "changed"}
    assert changed == set(NAMES[12:20])
    assert {name: found[name] for name in NAMES[:12]} == needed(FILINGS[:12])
    assert set(found) == set(NAMES)


def test_a_run_that_failed_goes_on_with_what_it_has(corpus, cache):
    spoiled = parquet(Path(corpus.source), "validation", BROKEN)
    refusal(fetch, corpus, NAMES, cache)
    spoiled.unlink()
    parquet(Path(corpus.source), "validation", FILINGS[20:])
    shutil.rmtree(Path(corpus.source) / "year_1993" / "train")
    assert fetch(corpus, NAMES, cache) == needed(FILINGS)
    assert len(read_jsonl(cache)) == 1 + len(NAMES)


def test_a_half_written_last_line_is_mended(corpus, cache):
    wanted = NAMES[:3]
    first = fetch(corpus, wanted, cache)
    whole = cache.read_bytes()
    start = whole.rstrip(b"\n").rfind(b"\n") + 1
    inside_a_character = whole.index("é".encode(), start) + 1
    for end in (5, start, start + 1, inside_a_character, len(whole) - 1):
        cache.write_bytes(whole[:end])
        if end == inside_a_character:
            with pytest.raises(StudyError):  # negative control: as it is, the file cannot be read
                read_jsonl(cache)
        assert fetch(corpus, wanted, cache) == first
        assert cache.read_bytes() == whole
    shutil.rmtree(corpus.source)
    cache.write_bytes(whole[:-1])
    refusal(fetch, corpus, wanted, cache)  # negative control: a half line's filing is fetched again


@pytest.mark.parametrize("other", [{"source": "elsewhere"}, {"revision": "main"}, {"data_dir": "year_1993"}])
def test_a_cache_of_another_corpus_is_refused(corpus, cache, other):
    fetch(corpus, NAMES[:1], cache)
    before = cache.read_bytes()
    message = str(refusal(fetch, Corpus(**{**vars(corpus), **other}), NAMES[:1], cache))
    assert str(cache) in message and "corpus" in message and "delete" in message
    assert f'"{next(iter(other.values()))}"' in message and corpus.source in message  # both, expected and found
    assert cache.read_bytes() == before
    assert fetch(corpus, NAMES[:1], cache) == needed(FILINGS[:1])  # negative control


def test_studies_that_ask_at_once_fetch_each_filing_once(corpus, cache):
    asked = [NAMES[:20], NAMES[10:], NAMES]
    found = {}
    threads = [threading.Thread(target=lambda n=n: found.update({n: fetch(corpus, asked[n], cache)})) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert [set(found[number]) for number in range(3)] == [set(names) for names in asked]
    assert sorted(row["filename"] for row in read_jsonl(cache)[1:]) == sorted(NAMES)


# How far it reads, and what it says


def test_streaming_stops_with_the_last_wanted_filing(tmp_path, cache):
    corpus = parquet_corpus(tmp_path / "corpus", test=BROKEN)
    assert fetch(corpus, NAMES, cache) == needed(FILINGS)
    message = str(refusal(fetch, corpus, ["404_1993.txt"], cache))  # negative control: now it reads on
    assert corpus.source in message and "split test" in message and "ArrowInvalid" in message


def test_a_log_has_few_lines_and_says_what_was_found(corpus, cache, capsys):
    said = []
    fetch(corpus, [*NAMES, "404_1993.txt"], cache, said.append)
    assert [line.removeprefix(corpus.source) for line in said] == [
        ": looking for 31 filings of 31; the others are cached",
        ": 30 filings of 31 are there",
    ]
    progress = capsys.readouterr().err
    assert "30 rows read" in progress and "30 of 31 filings found" in progress
    assert progress.count("\n") == 1 and "\r" not in progress


# What is missing


def lacking(tmp_path, cache):
    rows = [*FILINGS[:5], filing(5, "  \n"), filing(6, None, section_1=None), *FILINGS[7:20]]
    corpus = parquet_corpus(tmp_path / "corpus", train=rows)
    wanted = ["404_1993.txt", *NAMES[8:2:-1], "405_1993.txt"]
    return corpus, wanted, fetch(corpus, wanted, cache)


def test_all_missing_filings_are_refused_at_once(tmp_path, cache):
    corpus, wanted, found = lacking(tmp_path, cache)
    output = tmp_path / "filings.jsonl"
    error = refusal(write_filings, corpus, found, wanted, "refuse", output)
    assert [problem.found for problem in error.problems] == [
        "no '404_1993.txt'",
        "an empty section_1 in '6_1993.txt'",
        "an empty section_1 in '5_1993.txt'",
        "no '405_1993.txt'",
    ]
    assert {(problem.file, problem.field) for problem in error.problems} == {(corpus.source, "filename")}
    assert all("leave_out" in problem.fix for problem in error.problems)
    assert not output.exists()


def test_missing_filings_are_left_out_and_named(tmp_path, cache):
    corpus, wanted, found = lacking(tmp_path, cache)
    output = tmp_path / "filings.jsonl"
    left_out = write_filings(corpus, found, wanted, "leave_out", output)
    assert [line.split("'")[1] for line in left_out] == [wanted[0], NAMES[6], NAMES[5], wanted[-1]]
    kept = [NAMES[8], NAMES[7], NAMES[4], NAMES[3]]
    assert [row["filename"] for row in read_jsonl(output)] == kept
    assert read_filing_texts(output, kept) == {name: needed(FILINGS)[name]["section_1"] for name in kept}


@pytest.mark.parametrize("absent", ["refuse", "leave_out"])
def test_nothing_is_left_out_if_nothing_is_missing(tmp_path, corpus, cache, absent):
    found = fetch(corpus, NAMES, cache)
    output = tmp_path / "filings.jsonl"
    assert write_filings(corpus, found, NAMES[::-1], absent, output) == []
    assert read_jsonl(output) == list(needed(FILINGS[::-1]).values())


# What cannot be read


@pytest.mark.parametrize("lay_out", [parquet_corpus, jsonl_corpus])
def test_a_missing_column_is_named_with_those_that_are_there(tmp_path, cache, lay_out):
    rows = [{("item_1" if key == "section_1" else key): value for key, value in row.items()} for row in FILINGS]
    corpus = lay_out(tmp_path / "corpus", train=rows[:20], validation=rows[20:])
    (problem, *_) = refusal(fetch, corpus, NAMES, cache).problems
    assert problem.field == "section_1" and problem.file == corpus.source
    assert "item_1" in problem.found and "filename" in problem.found


def test_a_column_that_only_a_later_split_lacks_is_an_error_too(tmp_path, cache):
    rows = [{key: value for key, value in row.items() if key != "section_1"} for row in FILINGS[20:]]
    corpus = parquet_corpus(tmp_path / "corpus", validation=rows)
    message = str(refusal(fetch, corpus, NAMES, cache))
    assert "split validation" in message and "section_1" in message


@pytest.mark.parametrize("folder", ["empty", "not-there"])
def test_a_folder_without_data_files_is_told(tmp_path, cache, folder):
    (tmp_path / "empty").mkdir()
    source = str(tmp_path / folder)
    message = str(refusal(fetch, Corpus(source, None, "year_1993"), NAMES, cache))
    assert source in message and "year_1993/train/0000.parquet" in message
    assert "hf download" not in message  # the advice for a hub that cannot be reached


@pytest.mark.parametrize("source", ["no dataset/name", "too/many/parts"])
def test_what_is_neither_a_folder_nor_a_name_of_the_hub_is_told(cache, source):
    message = str(refusal(fetch, Corpus(source, None, None), NAMES, cache))
    assert message.startswith(f"- {source}: source: found ") and "hf download" in message


# As a script, without a network


def run_script(folder, corpus, wanted, absent, **environment):
    truth = folder / "truth.csv"
    truth.write_text("filename,cik\n" + "".join(f"{name},1\n" for name in wanted))
    places = ["--cache", folder / "cache.jsonl", "--output", folder / "filings.jsonl", "--ground-truth", truth]
    request = {"corpus": corpus, "absent": absent, "ground_truth_sha256": sha256_file(truth)}
    places += ["--index", folder / "index.json", "--request", json.dumps(request)]
    command = [sys.executable, PROJECT / "scripts" / "fetch_filings.py", *places]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "HF_HOME": str(folder / "hf"), **environment}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.slow
def test_the_script_writes_the_filings_and_names_what_it_leaves_out(tmp_path, corpus):
    wanted = [NAMES[29], "404_1993.txt", NAMES[1]]
    refused = run_script(tmp_path, vars(corpus), wanted, "refuse")
    assert refused.returncode == 1 and "no '404_1993.txt'" in refused.stderr
    assert not (tmp_path / "filings.jsonl").exists() and not (tmp_path / "index.json").exists()
    done = run_script(tmp_path, vars(corpus), wanted, "leave_out")
    assert done.returncode == 0, done.stderr
    assert "left out: no '404_1993.txt'" in done.stderr
    asked = {"corpus": vars(corpus), "absent": "leave_out", "ground_truth_sha256": sha256_file(tmp_path / "truth.csv")}
    assert json.loads((tmp_path / "index.json").read_text()) == asked
    assert read_jsonl(tmp_path / "filings.jsonl") == list(needed([FILINGS[29], FILINGS[1]]).values())


OFFLINE = {"HF_HUB_OFFLINE": "1"}
LOAD = "import sys, datasets; print(len(datasets.load_dataset(sys.argv[1], split='train')))"


@pytest.mark.slow
def test_an_unreachable_hub_is_one_message_even_if_something_of_that_name_was_loaded_once(tmp_path, corpus):
    """What `datasets` once loaded under a name may be another year: it must not stand in for the corpus."""
    environment = {**os.environ, **OFFLINE, "HF_HOME": str(tmp_path / "hf")}
    for folder in (
        tmp_path,
        tmp_path / "hf",
    ):  # where there is a folder `corpus`, then, as control, where there is none
        folder.mkdir(exist_ok=True)
        loaded = subprocess.run(
            [sys.executable, "-c", LOAD, "corpus"], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert loaded.stdout.strip() == "20", loaded.stderr
    shutil.rmtree(corpus.source)
    asked = {"source": "corpus", "revision": None, "data_dir": None}
    done = run_script(tmp_path, asked, NAMES, "refuse", **OFFLINE)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    message = done.stderr[done.stderr.index("error: ") :].strip()
    assert "\n" not in message.removeprefix("error: ")
    assert "Couldn't reach 'corpus' on the Hub" in message and "network" in message and "folder" in message
    assert "absent" not in (tmp_path / "cache.jsonl").read_text()
