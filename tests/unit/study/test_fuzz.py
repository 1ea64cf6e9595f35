"""Whatever a config or an input file holds, the check ends in an answer: a study, or a StudyError that names a place.

Each case spoils one thing of a small good study: a value in the config or in a file, or a file's bytes. The cases are
the same in every run; FUZZ_CASES=5000 asks for that many new ones of each kind:

    FUZZ_CASES=5000 python -m pytest tests/unit/study/test_fuzz.py
"""

import copy
import csv
import io
import json
import os
import shutil
from pathlib import Path

import pytest
import yaml
from good_inputs import TOKENS, write_inputs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from head_ablation.common.problems import StudyError
from head_ablation.study.checks import checked_study
from head_ablation.study.planning import Plan
from head_ablation.study.study import Study

CASES = int(os.environ.get("FUZZ_CASES", "0"))
FEW, MANY = 30, 150
GONE = "<gone>"
RAW = {  # what no Python value is written as; by the text that stands for it
    "<digits>": "9" * 5000,
    "<exponent>": "1e400",
    "<deep list>": "[" * 20_000 + "]" * 20_000,
    "<deep object>": '{"a":' * 20_000 + "1" + "}" * 20_000,
    "<constant>": "-Infinity",
}
PATHS = ["", ".", "/", "~", "~nosuchuser/x", "a\0b", "x" * 5000, "x/" * 3000, "../..", "\n", "/dev/null/x", "{", "}"]
TEMPLATES = ["{tokens:.0}", "{question:>999999999}", "{tokens!r:>9}", "{}", "{0}", "{model[a]}", "{model.x}", "{{"]
TEXTS = [*PATHS, *TEMPLATES, "\ud800", "é" * 100, " ", "0", "null", "1e400", "\x85", "=", "2020-13-45", "None", "<b>"]
NUMBERS = [0, 1, -1, 2**63, 10**400, -(10**400), 0.5, 1e308, float("nan"), float("inf"), -0.0, 1905.5]
OTHERS = [None, True, False, [], {}, [[]], [None], [1, 2], [-5, 10**9], {"a": []}, {"": ""}, [{}], *RAW, GONE]
BYTES = [
    *(b"", b"\0", b"\xff\xfe\x00", b"\xef\xbb\xbf", b"caf\xe9", b"[]", b"{}", b"null", b"5", b'"x"', b"[[1]]", b"\n\n"),
    *(text.encode() for text in RAW.values()),
    *(b'{"a": 1}\n[2]\n', b'"', b"a,b\n1,2,3\n", b"- " * 3000, b"&a [*a]", b"? {a: 1}\n: 2\n", b"a: b: c", b"\x80\x04"),
]

pytestmark = pytest.mark.slow  # it takes seconds

anything = st.one_of(
    st.sampled_from([*TEXTS, *NUMBERS, *OTHERS]),
    st.sampled_from(TEXTS),
    st.text(max_size=8),
    st.integers(),
    st.floats(),
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3), max_leaves=5
    ),
)


def fuzzed(cases):
    """The settings of a fuzzer: the same cases every time, or, if so asked, as many new ones."""
    unchecked = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
    return settings(
        max_examples=CASES or cases,
        derandomize=not CASES,
        database=None,
        deadline=None,
        suppress_health_check=unchecked,
    )


def places(content, here=()):
    """Every place in nested content, itself first."""
    yield here
    for key, part in (
        content.items() if isinstance(content, dict) else enumerate(content if isinstance(content, list) else [])
    ):
        yield from places(part, (*here, key))


def spoiled(content, place, value):
    """A copy of the content with another value at a place, or nothing there if GONE."""
    if not place:
        return None if value == GONE else value
    whole = copy.deepcopy(content)
    *parents, last = place
    holder = whole
    for parent in parents:
        holder = holder[parent]
    if value == GONE:
        del holder[last]
    else:
        holder[last] = value
    return whole


def written(content):
    """Content as JSON, with what Python does not write."""
    text = json.dumps(content)
    for name, raw in RAW.items():
        text = text.replace(json.dumps(name), raw)
    return text


def check(config):
    """Checks a study and plans what its files decide, as Snakemake does before any job."""
    try:
        study = checked_study(config, "fuzzed.yaml")
        plan = Plan(study)
        for question in [] if study.has_results else study.questions:
            plan.samples(question, "test")
        for experiment in study.experiments():
            for method in [] if study.has_results else study.methods:
                plan.chosen(method, experiment)
    except StudyError as refused:
        said = str(refused)
        if not said.strip() or said != said.encode("utf-8", "replace").decode("utf-8"):
            raise AssertionError(f"{said!r} says nothing, or not in UTF-8") from None


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A study that reads every kind of file, and what stands in them: config, file -> content."""
    folder = tmp_path_factory.mktemp("fuzz")
    config = write_inputs(folder)
    bank = yaml.safe_load(Path(config["question_bank"]).read_text(encoding="utf-8"))
    (folder / "bank.yaml").write_text(json.dumps({key: bank[key] for key in config["questions"]}), encoding="utf-8")
    answer = {"value": 1905, "evidence": [19, 23], "alternatives": ["1906"], "ambiguous": False, "other_evidence": []}
    (folder / "evidence.jsonl").write_text(
        json.dumps({"filename": "5_1993.txt", "answers": {"inc_year": answer}}) + "\n", encoding="utf-8"
    )
    claims = {"source": "a paper", "claims": [{"method": "wu24", "arm": "top", "level": 5, "mean_drop_points": 7.25}]}
    (folder / "claims.yaml").write_text(yaml.safe_dump(claims), encoding="utf-8")
    config["question_bank"], config["claims"] = str(folder / "bank.yaml"), str(folder / "claims.yaml")
    return config, folder


def results_study(config, folder):
    """The same study of finished results."""
    for question in config["questions"]:
        entry = {"num_heads": 2, "heads": [[0, 0], [1, 0]], "heads_str": ["L0H0", "L1H0"], "accuracy": 0.5}
        entry |= {"accuracy_drop": 0.0, "correct": 1, "total": 2}
        content = {
            "method": "wu24_ablation_incremental",
            "model_key": "tiny",
            "model_name": "tiny",
            "question": question,
            "question_prompt": "Where?",
            "total_tokens": TOKENS,
            "ablation_levels": [2],
            "test_samples": 2,
            "baseline": {"accuracy": 0.5, "correct": 1, "total": 2},
            "top_heads_ablations": [entry],
            "random_heads_ablations": [{**entry, "heads": [[2, 0], [3, 0]], "heads_str": ["L2H0", "L3H0"]}],
        }
        (folder / f"result_{question}.json").write_text(json.dumps(content), encoding="utf-8")
    rankings = {"wu24": config["rankings"]["wu24"]}
    return {**config, "levels": [2], "rankings": rankings, "results_from": f"{folder}/result_{{question}}.json"}


@pytest.fixture(scope="module")
def given_results(good):
    config, folder = good
    return results_study(config, folder), folder


def with_bytes(file, content, config):
    """Checks the study with other bytes in one of its files, and puts the file back."""
    before = file.read_bytes()
    try:
        file.write_bytes(content)
        check(config)
    finally:
        file.write_bytes(before)


FILES = {
    "a ranking": f"rankings/inc_state/tokens_{TOKENS}.json",
    "section_1": "filings.jsonl",
    "evidence": "evidence.jsonl",
    "claims": "claims.yaml",
    "the question bank": "bank.yaml",
    "a model's config.json": "model/config.json",
    "a model's tokenizer_config.json": "model/tokenizer_config.json",
    "the ground truth": "truth.csv",
    "the filler": "filler.txt",
    "a model's index of weights": "model/model.safetensors.index.json",
}
OF_VALUES = [kind for kind in FILES if kind not in ("the ground truth", "the filler", "a model's index of weights")]


def test_the_studies_that_are_spoiled_are_good(good, given_results):
    assert isinstance(checked_study(good[0], "good.yaml"), Study)
    assert isinstance(checked_study(given_results[0], "good.yaml"), Study)


def resolved(config):
    """The config with every default in place, so that each key can be spoiled."""
    return json.loads(json.dumps(dict(checked_study(config, "good.yaml").config)))


@fuzzed(MANY)
@given(data=st.data())
def test_whatever_a_config_holds(good, data):
    config = resolved(good[0])
    check(spoiled(config, data.draw(st.sampled_from([p for p in places(config) if p])), data.draw(anything)))


@fuzzed(FEW)
@given(data=st.data())
def test_whatever_a_config_of_results_holds(given_results, data):
    config = resolved(given_results[0])
    check(spoiled(config, data.draw(st.sampled_from([p for p in places(config) if p])), data.draw(anything)))


@pytest.mark.parametrize("kind", OF_VALUES)
@fuzzed(FEW)
@given(data=st.data())
def test_whatever_a_value_in_a_file_is(good, kind, data):
    config, folder = good
    file = folder / FILES[kind]
    text = file.read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()] if file.suffix == ".jsonl" else [yaml.safe_load(text)]
    chosen = data.draw(st.integers(0, min(len(rows), 3) - 1))
    place = data.draw(st.sampled_from(list(places(rows[chosen]))))
    rows[chosen] = spoiled(rows[chosen], place, data.draw(anything))
    with_bytes(file, "\n".join(map(written, rows)).encode(), config)


@pytest.mark.parametrize("kind", FILES)
@fuzzed(FEW)
@given(data=st.data())
def test_whatever_bytes_a_file_has(good, kind, data):
    config, folder = good
    file = folder / FILES[kind]
    whole = file.read_bytes() if file.is_file() else b"{}"
    file.write_bytes(whole)
    cut = data.draw(st.integers(0, len(whole)))
    junk = data.draw(st.sampled_from(BYTES) | st.binary(max_size=6))
    with_bytes(file, data.draw(st.sampled_from([junk, whole[:cut], whole[:cut] + junk + whole[cut:]])), config)
    if kind == "a model's index of weights":
        file.unlink()


@fuzzed(MANY // 2)
@given(data=st.data())
def test_whatever_a_result_holds(given_results, data):
    config, folder = given_results
    file = folder / "result_inc_state.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    place = data.draw(st.sampled_from(list(places(content))))
    with_bytes(file, written(spoiled(content, place, data.draw(anything))).encode(), config)


@fuzzed(MANY // 2)
@given(data=st.data())
def test_whatever_a_cell_of_the_ground_truth_is(good, data):
    config, folder = good
    file = folder / "truth.csv"
    table = list(csv.reader(io.StringIO(file.read_text(encoding="utf-8"))))
    row = data.draw(st.integers(0, 3))
    cells = st.sampled_from(
        [*(text for text in TEXTS if text != "\ud800"), *RAW.values(), "1905.5", "-1", "1" * 5000, "Ⅷ", "²"]
    )
    table[row][data.draw(st.integers(0, len(table[row]) - 1))] = data.draw(cells)
    text = io.StringIO()
    csv.writer(text).writerows(table)
    with_bytes(file, text.getvalue().encode(), config | data.draw(st.sampled_from([{}, generated(config)])))


def generated(config):
    """The study's filings, with texts that are written from the ground truth."""
    return {"filings": {"ground_truth": config["filings"]["ground_truth"], "section_1": "generated"}}


@pytest.mark.parametrize("kind", [kind for kind in FILES if kind != "a model's index of weights"])
@pytest.mark.parametrize("instead", ["a folder", "nothing", "a dangling link", "a loop"])
def test_whatever_stands_in_a_files_place(good, kind, instead):
    config, folder = good
    file = folder / FILES[kind]
    before = file.read_bytes()
    file.unlink()
    try:
        if instead == "a folder":
            file.mkdir()
        elif instead != "nothing":
            file.symlink_to(file.name if instead == "a loop" else "nowhere")
        check(config)
    finally:
        shutil.rmtree(file) if file.is_dir() else file.unlink(missing_ok=True)
        file.write_bytes(before)
