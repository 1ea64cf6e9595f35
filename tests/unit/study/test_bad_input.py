"""A config or an input file that cannot work is refused before any job: file, field, found, expected, all at once.

Each case takes a small good study, makes one thing wrong, and says what the message must name.
"""

import copy
import json
import os
import shutil
import subprocess
import sys
import time

import pytest
import yaml
from good_inputs import POSITIONS, STATE, TOKENS, YEAR, write_inputs, write_lines, write_ranking
from project import PROJECT

from head_ablation.common.problems import StudyError
from head_ablation.heads.head import ModelShape
from head_ablation.study.checks import checked_study, shape_problems, weights_problems
from head_ablation.study.loading import load_study
from head_ablation.study.paths import Paths

CONFIG = "bad.yaml"
GONE = object()


@pytest.fixture
def good(tmp_path):
    return write_inputs(tmp_path)


def changed(config, path, value):
    """A copy of the config with the value at a dotted path replaced, or removed if GONE."""
    config = copy.deepcopy(config)
    *parents, last = path.split(".")
    place = config
    for parent in parents:
        place = place.setdefault(parent, {})
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return config


def refusal(config):
    with pytest.raises(StudyError) as refused:
        checked_study(config, CONFIG)
    return str(refused.value).splitlines()


def assert_named(lines, file, field, found, expected):
    """Some line names the file, the field, what was found and what was expected, in this order."""
    prefix = f"{file}: {field}: found "
    candidates = [line.split(prefix, 1)[1] for line in lines if prefix in line]
    assert candidates, f"no line names {file} and {field}: {lines}"
    parts = [line.partition("; expected ") for line in candidates]
    assert any(found in before and expected in after for before, _, after in parts), candidates


def test_the_good_study_is_accepted(good):
    study = checked_study(good, CONFIG)
    assert len(study.experiments()) == 2
    assert study.config["generation"]["max_new_tokens"] == 10  # defaults are filled in


CONFIG_CASES = {
    # name: (path, value, field, found, expected)
    "unknown_key": ("levls", [5], "levls", "an unknown key", "Did you mean 'levels'?"),
    "unknown_nested_key": ("arms.random.drws", 2, "arms.random.drws", "an unknown key", "Did you mean 'draws'?"),
    "unknown_model_key": ("models.tiny.dtpye", "float32", "models.tiny.dtpye", "unknown key", "'dtype'?"),
    "unknown_planted_option": (
        "models.tiny",
        {"source": "planted", "planted": {"layer": 2}},
        "models.tiny.planted.layer",
        "an unknown key",
        "Did you mean 'layers'?",
    ),
    "planted_model_that_never_answers": (
        "models.tiny",
        {"source": "planted", "planted": {"retrieval": [2, 1]}},
        "models.tiny.planted.retrieval",
        "a strength of 1 beside the negative heads",
        "more than 1.4, the lowest threshold",
    ),
    "planted_model_of_too_few_heads": (
        "models.tiny",
        {"source": "planted", "planted": {"layers": 2}},
        "models.tiny.planted.heads",
        "13 heads with a role above layer 0",
        "at most 8, as many as 1 layers of 8 have",
    ),
    "strengths_that_are_texts": (
        "models.tiny",
        {"source": "planted", "planted": {"negative": ["two"]}},
        "models.tiny.planted.negative[0]",
        "'two'",
        "a number above 0",
    ),
    "planted_options_of_another_model": (
        "models.tiny.planted",
        {"layers": 3},
        "models.tiny.planted",
        "options, with source: '",
        "source: planted",
    ),
    "planted_model_with_a_revision": (
        "models.tiny",
        {"source": "planted", "revision": "main"},
        "models.tiny.revision",
        "'main'",
        "null: a planted model has none",
    ),
    "unknown_question_field": ("questions.inc_year.txt", "?", "questions.inc_year.txt", "unknown key", "'text'?"),
    "missing_key": ("tokens", GONE, "tokens", "nothing", "this key"),
    "missing_source": ("models.tiny.source", GONE, "models.tiny.source", "nothing", "this key"),
    "missing_ground_truth_key": ("filings.ground_truth", GONE, "filings.ground_truth", "nothing", "this key"),
    "tokens_not_a_list": ("tokens", 96, "tokens", "96", "at least one prompt length"),
    "tokens_not_integers": ("tokens", ["many"], "tokens[0]", "'many'", "a whole number of tokens"),
    "tokens_decimal": ("tokens", [96.0], "tokens[0]", "96.0", "a whole number of tokens"),
    "seed_not_a_number": ("seed", "lucky", "seed", "'lucky'", "a whole number"),
    "section_emptied": ("arms.random", None, "arms.random", "None", "object"),
    "chat_not_a_boolean": ("prompt.chat", "yes please", "prompt.chat", "'yes please'", "true or false"),
    "stop_not_a_list": ("generation.stop", "\n", "generation.stop", "'\\n'", "a list of strings"),
    "study_with_a_slash": ("study", "my/study", "study", "'my/study'", "letters, digits"),
    "study_empty": ("study", "", "study", "''", "letters, digits"),
    "study_ends_in_a_line_break": ("study", "mine\n", "study", r"'mine\n'", "letters, digits"),
    "study_named_store": ("study", "store", "study", "'store'", "other than 'store' and 'models'"),
    "study_named_models": ("study", "Models", "study", "'Models'", "other than 'store' and 'models'"),
    "study_too_long": ("study", "a" * 101, "study", "'aaa", "up to 100"),
    "model_key_with_a_line_break": ("models.m\n", {"source": "embedded"}, "models", r"'m\n'", "letters, digits"),
    "question_key_with_a_line_break": ("questions.q\n", {}, "questions", r"'q\n'", "letters, digits"),
    "method_with_a_line_break": ("rankings.m\n", "detect", "rankings", r"'m\n'", "letters, digits"),
    "device_with_a_line_break": ("models.tiny.device", "cpu\n", "models.tiny.device", r"'cpu\n'", "cuda:N"),
    "device_of_another_script": ("models.tiny.device", "cuda:\u0663", "models.tiny.device", "'cuda:", "cuda:N"),
    "depth_not_a_number": ("prompt.depth", float("nan"), "prompt.depth", "nan", "a share from 0 to 1"),
    "memory_without_end": ("models.tiny.memory_gb", float("inf"), "models.tiny.memory_gb", "inf", "GB of the GPUs"),
    "stem_with_a_slot": (
        "models.tiny.prompt",
        {"stems": {"inc_year": "A {question}:"}},
        "models.tiny.prompt.stems.inc_year",
        "{question}",
        "nothing fills it in here",
    ),
    "questions_stem_with_a_slot": (
        "questions.inc_year.stem",
        "{passage}",
        "questions.inc_year.stem",
        "{passage}",
        "nothing fills it in here",
    ),
    "template_with_an_unknown_slot": (
        "prompt.template",
        "{context}{filler}{passage}{filler}{question}",
        "prompt.template",
        "{context}",
        "the slots {filler} {passage} {question} alone",
    ),
    "label_with_a_broken_formula": (
        "questions.inc_year.label",
        r"$\frac{$",
        "questions.inc_year.label",
        "has a formula that cannot be read",
        "whole formulas",
    ),
    "label_with_a_control_character": (
        "questions.inc_year.label",
        "a\x01b",
        "questions.inc_year.label",
        "has control characters",
        "that can be drawn",
    ),
    "label_that_no_legend_shows": (
        "questions.inc_year.label",
        "_year",
        "questions.inc_year.label",
        "begins with '_'",
        "that can be drawn",
    ),
    "label_of_half_a_character": (
        "questions.inc_year.label",
        "\ud800",
        "questions.inc_year.label",
        r"the character '\ud800'",
        "text that files",
    ),
    "stop_with_a_nul": ("generation.stop", ["\0"], "generation.stop[0]", r"'\x00'", "command lines can hold"),
    "path_with_braces": ("rankings.wu24", "r{{0}}.json", "rankings.wu24", "r{0}.json", "sees a wildcard"),
    "study_a_number": ("study", 2024, "study", "2024", "letters, digits"),
    "model_key_with_a_space": ("models.my model", {"source": "embedded"}, "models", "'my model'", "letters, digits"),
    "method_named_baseline": ("rankings.baseline", "detect", "rankings", "'baseline'", "other than 'baseline'"),
    "questions_empty": ("questions", {}, "questions", "{}", "at least one question"),
    "models_empty": ("models", {}, "models", "{}", "at least one model"),
    "rankings_empty": ("rankings", {}, "rankings", "{}", "at least one method"),
    "unknown_question": ("questions.inc_yaer", {}, "questions.inc_yaer", "no text", "Did you mean 'inc_year'?"),
    "own_question_incomplete": ("questions.mine", {"text": "Who?"}, "questions.mine", "no stem, column", "given here"),
    "unknown_matcher": ("questions.inc_year.matcher", "date", "questions.inc_year.matcher", "'date'", "year"),
    "bad_dtype": ("models.tiny.dtype", "bf16", "models.tiny.dtype", "'bf16'", "bfloat16"),
    "bad_device": ("models.tiny.device", "gpu", "models.tiny.device", "'gpu'", "cuda:N"),
    "batch_of_none": ("models.tiny.batch_size", 0, "models.tiny.batch_size", "0", "1 or more"),
    "batch_in_words": ("models.tiny.batch_size", "all", "models.tiny.batch_size", "'all'", "auto, or a number"),
    "no_memory": ("models.tiny.memory_gb", 0, "models.tiny.memory_gb", "0", "GB of the GPUs together, or null"),
    "bad_source": ("models.tiny.source", "gpt", "models.tiny.source", "'gpt'", "a hub name like org/name"),
    "source_of_three_parts": ("models.tiny.source", "a/b/c", "models.tiny.source", "'a/b/c'", "a hub name like"),
    "source_malformed": ("models.tiny.source", "org/..x", "models.tiny.source", "'org/..x'", "hub name"),
    "missing_folder": (
        "models.tiny.source",
        "./none",
        "models.tiny.source",
        "'./none', which does not exist",
        "folder",
    ),
    "level_0": ("levels", [0, 5], "levels[0]", "0", "1 or more"),
    "level_decimal": ("levels", [2.5], "levels[0]", "2.5", "a whole number of heads"),
    "level_above_heads": ("levels", [2, 33], "levels[1]", "33", "at most 32 heads (model tiny: 4 layers x 8 heads)"),
    "level_beside_excluded": ("levels", [2, 28], "levels[1]", "28", "at most 27, so that 28 random heads remain"),
    "default_exclusion_above_heads": ("arms.random", {}, "levels[1]", "5", "at most 0, so that 5 random heads remain"),
    "too_many_excluded": ("arms.random.exclude_top", 28, "levels[1]", "5", "at most 4, so that 5 random heads remain"),
    "duplicate_levels": ("levels", [5, 5], "levels", "[5, 5]", "each value once"),
    "empty_levels": ("levels", [], "levels", "[]", "at least one level"),
    "duplicate_tokens": ("tokens", [96, 96], "tokens", "[96, 96]", "each value once"),
    "tokens_too_long": ("tokens", [503], "tokens[0]", "503", "at most 502 (model tiny holds 512 positions"),
    "tokens_too_short": ("tokens", [16], "tokens[0]", "16", "to hold one passage of inc_"),
    "tokens_below_any_prompt": ("tokens", [3], "tokens[0]", "3", "16 or more"),
    "test_fraction": ("filings.test_fraction", 1.5, "filings.test_fraction", "1.5", "between 0 and 1"),
    "depth": ("prompt.depth", 2, "prompt.depth", "2", "from 0 to 1"),
    "template": (
        "prompt.template",
        "{passage}",
        "prompt.template",
        "'{passage}'",
        "{filler} {passage} {filler} {question}",
    ),
    "models_template": ("models.tiny.prompt", {"template": "Q"}, "models.tiny.prompt.template", "'Q'", "slots"),
    "stems": (
        "models.tiny.prompt",
        {"stems": {"inc_yaer": "A:"}},
        "models.tiny.prompt.stems.inc_yaer",
        "unknown question",
        "Did you mean 'inc_year'?",
    ),
    "path_field": ("rankings.wu24", "r/{modle}.json", "rankings.wu24", "{modle}", "Did you mean 'model'?"),
    "plain_detect": ("rankings.mine", "detect", "rankings.mine", "detect", "{detector: copy_score}"),
    "unknown_detector": ("rankings.mine", {"detector": "copy"}, "rankings.mine.detector", "'copy'", "copy_score"),
    "detector_option": (
        "rankings.mine",
        {"detector": "copy_score", "tau": 1},
        "rankings.mine.tau",
        "unknown key",
        "known",
    ),
    "unknown_arm": ("arms.botom", {}, "arms.botom", "an unknown key", "Known: random, top."),
    "unknown_figure": ("figures", ["pie"], "figures.views[0]", "'pie'", "figure8_grid"),
    "figures_as_one_name": ("figures", "figure8_grid", "figures", "'figure8_grid'", "a list of figures"),
    "unknown_option_of_figures": ("figures", {"with": 3}, "figures.with", "an unknown key", "Did you mean 'width'?"),
    "figures_of_unknown_width": ("figures", {"width": "colum"}, "figures.width", "'colum'", "column, page"),
    "figures_too_narrow_to_read": ("figures", {"width": 1}, "figures.width", "1", "from 2.5 to 40"),
    "text_too_small_to_read": ("figures", {"font_size": 1}, "figures.font_size", "1", "from 4 to 24"),
    "unknown_palette": ("figures", {"palette": "jet"}, "figures.palette", "'jet'", "okabe_ito"),
    "unknown_controls": ("figures", {"controls": "none"}, "figures.controls", "'none'", "shared"),
    "legend_as_text": ("figures", {"legend": "below"}, "figures.legend", "'below'", "true or false"),
    "label_of_an_unknown_kind": (
        "figures",
        {"labels": {"method": {}}},
        "figures.labels.method",
        "an unknown key",
        "Did you mean 'methods'?",
    ),
    "label_of_an_unknown_model": (
        "figures",
        {"labels": {"models": {"smollm": "SmolLM2"}}},
        "figures.labels.models.smollm",
        "'smollm'",
        "one of the study's models",
    ),
    "label_of_an_arm_that_the_study_lacks": (
        "figures",
        {"labels": {"arms": {"bottom": "last heads"}}},
        "figures.labels.arms.bottom",
        "'bottom'",
        "one of the study's arms",
    ),
    "figure_label_with_a_broken_formula": (
        "figures",
        {"labels": {"questions": {"inc_year": "$\\frac$"}}},
        "figures.labels.questions.inc_year",
        "a formula that cannot be read",
        "a name that can be drawn",
    ),
    "figure_label_with_a_control_character": (
        "figures",
        {"labels": {"arms": {"random": "ran\x1bdom"}}},
        "figures.labels.arms.random",
        "control characters",
        "a name that can be drawn",
    ),
    "figure_label_of_half_a_character": (
        "figures",
        {"labels": {"arms": {"random": "ran\ud800dom"}}},
        "figures.labels.arms.random",
        "the character",
        "text that files and command lines can hold",
    ),
    "path_braces": ("rankings.wu24", "r/{model.json", "rankings.wu24", "'r/{model.json'", "fields in braces"),
    "published_sampler": (
        "arms.random",
        {"sampler": "published", "draws": 3, "exclude_top": 5},
        "arms.random.draws",
        "3",
        "at most 1 draw with sampler",
    ),
    "unknown_sampler": ("arms.random.sampler", "shuffle", "arms.random.sampler", "'shuffle'", "permutation"),
    "negative_draws": ("arms.random.draws", -1, "arms.random.draws", "-1", "0 or more"),
    "unknown_prompt_builder": ("prompt.builder", "text", "prompt.builder", "'text'", "['ids', 'published']"),
    "unknown_count": ("scoring.count", "some", "scoring.count", "'some'", "['answerable', 'all']"),
    "no_filings": ("filings", GONE, "filings", "nothing", "this key"),
    "method_without_source": (
        "rankings.wu24",
        None,
        "rankings.wu24",
        "null",
        "{detector: single_head}, or a path template",
    ),
    "grid_of_another_model": (
        "models.tiny.shape",
        {"layers": 4, "heads": 9},
        "models.tiny.shape",
        "4 layers x 9 heads",
        "4 x 8, as its config.json says",
    ),
    "half_a_grid": ("models.tiny.shape", {"layers": 4}, "models.tiny.shape.heads", "nothing", "this key"),
    "claims_missing": ("claims", "none.yaml", "claims", "'none.yaml', which does not exist", "existing file"),
    "absent_ignored": ("filings.absent", "ignore", "filings.absent", "'ignore'", "leave_out"),
    "positions": ("ablation.positions", "prompt", "ablation.positions", "'prompt'", "['all', 'decode']"),
    "intervention": ("ablation.intervention", "mean", "ablation.intervention", "'mean'", "zero_output"),
    "rule": ("scoring.rule", "fuzzy", "scoring.rule", "'fuzzy'", "typed"),
    "no_new_tokens": ("generation.max_new_tokens", 0, "generation.max_new_tokens", "0", "1 or more"),
    "filler_missing": (
        "prompt.filler",
        "none.txt",
        "prompt.filler",
        "'none.txt', which does not exist",
        "existing file",
    ),
    "truth_missing": ("filings.ground_truth", "none.csv", "filings.ground_truth", "'none.csv'", "existing file"),
    "fields_of_generated_texts": (
        "filings",
        {
            "ground_truth": str(PROJECT / "resources/companies.csv"),
            "section_1": "generated",
            "fields": {"text": "body"},
        },
        "filings.fields.text",
        "'body' with section_1: generated",
        "a JSONL file as section_1",
    ),
    "chat_without_a_template": ("prompt.chat", True, "prompt.chat", "has no chat template", "set it to false"),
    "models_chat_without_a_template": (
        "models.tiny.prompt",
        {"chat": True},
        "models.tiny.prompt.chat",
        "has no chat template",
        "set it to false",
    ),
    "fields_misspelt": ("filings.fields", {"txt": "body"}, "filings.fields.txt", "an unknown key", "'text'?"),
    "texts_missing": ("filings.section_1", "none.jsonl", "filings.section_1", "'none.jsonl'", "existing file"),
    "evidence_missing": ("filings.evidence", "none.jsonl", "filings.evidence", "'none.jsonl'", "existing file"),
    "bank_missing": ("question_bank", "none.yaml", "question_bank", "'none.yaml'", "existing file"),
    "no_test_sample": ("filings.test_fraction", 0.01, "questions.inc_year", "no test sample", f"a value in {YEAR}"),
}


@pytest.mark.parametrize("case", CONFIG_CASES)
def test_a_bad_config_is_refused_by_name(good, case):
    path, value, field, found, expected = CONFIG_CASES[case]
    assert_named(refusal(changed(good, path, value)), CONFIG, field, found, expected)


def test_formulas_braces_of_latex_and_single_dollars_are_accepted(good):
    config = changed(good, "questions.inc_year.label", "US$ and $\\alpha_1$")
    config = changed(config, "questions.inc_state.label", "price in US$ <br> \U0001f600")
    config = changed(config, "prompt.template", "\\boxed{answer} {1} {filler}{passage}{filler}{question}")
    assert checked_study(config, CONFIG).questions["inc_state"]["label"].startswith("price")


def test_a_year_written_as_a_decimal_number_is_accepted(good, tmp_path):
    replace_in(tmp_path / "truth.csv", "1905", "1905.0")
    assert checked_study(good, CONFIG)


def remove_line(path, number):
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:number] + lines[number + 1 :]), encoding="utf-8")


def replace_in(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def remove_field(path, field):
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    del rows[2][field]
    write_lines(path, rows)


RANKING = f"rankings/inc_year/tokens_{TOKENS}.json"
FILE_CASES = {
    # name: (what is done to the inputs' folder, file, field, found, expected)
    "column_missing": (
        lambda d: replace_in(d / "truth.csv", YEAR, "original_Inc_years_truth"),
        ("truth.csv", YEAR, "no such column", "Did you mean 'original_Inc_years_truth'?"),
    ),
    "gold_of_wrong_kind": (
        lambda d: replace_in(d / "truth.csv", "1907", "long ago"),
        ("truth.csv", f"7_1993.txt, {YEAR}", "'long ago'", "a year from 1600 to 2099"),
    ),
    "gold_between_two_years": (
        lambda d: replace_in(d / "truth.csv", "1905", "1905.5"),
        ("truth.csv", f"5_1993.txt, {YEAR}", "'1905.5'", "a year from 1600 to 2099"),
    ),
    "evidence_beyond_the_text": (
        lambda d: write_lines(
            d / "evidence.jsonl", [{"filename": "1_1993.txt", "answers": {"inc_year": {"evidence": [16, 9999]}}}]
        ),
        ("evidence.jsonl", "line 1, 1_1993.txt, inc_year, evidence", "[16, 9999]", "the text's 24 characters"),
    ),
    "no_gold_at_all": (
        lambda d: replace_in(d / "truth.csv", "Ohio", "NULL"),
        ("truth.csv", STATE, "no value in any row", "an answer in some rows"),
    ),
    "gold_of_5000_digits": (
        lambda d: (d / "truth.csv").write_text((d / "truth.csv").read_text().replace("1907", "9" * 5000)),
        ("truth.csv", f"7_1993.txt, {YEAR}", "'999", "a year from 1600 to 2099"),
    ),
    "filing_twice": (
        lambda d: replace_in(d / "truth.csv", "8_1993.txt,8", "7_1993.txt,8"),
        ("truth.csv", "line 9, filename", "'7_1993.txt' more than once, first in line 8", "each filing once"),
    ),
    "truth_in_latin_1": (
        lambda d: (d / "truth.csv").write_bytes(b"filename,cik\n\xe9,1\n"),
        ("truth.csv", "file", "no UTF-8", "a CSV or JSONL in UTF-8"),
    ),
    "jsonl_lacks_a_field": (
        lambda d: remove_field(d / "filings.jsonl", "section_1"),
        ("filings.jsonl", "line 3, section_1", "nothing", "this field"),
    ),
    "jsonl_lacks_a_filing": (
        lambda d: remove_line(d / "filings.jsonl", 4),
        ("filings.jsonl", "filename", "no '5_1993.txt'", "every filing of the ground truth"),
    ),
    "jsonl_with_an_empty_filing": (
        lambda d: replace_in(d / "filings.jsonl", "Founded in Ohio in 1905.", " "),
        ("filings.jsonl", "filename", "an empty section_1 of '5_1993.txt'", "Or set filings.absent: leave_out."),
    ),
    "state_that_is_none": (
        lambda d: replace_in(d / "truth.csv", "3_1993.txt,3,1993,Ohio", "3_1993.txt,3,1993,Narnia"),
        ("truth.csv", f"3_1993.txt, {STATE}", "'Narnia'", "a US state, by name or postal code"),
    ),
    "ranking_with_a_head_twice": (
        lambda d: replace_in(d / RANKING, "L3H0", "L1H0"),
        (RANKING, "head_rankings[3].head", "L1H0, already at [1]", "each head once"),
    ),
    "ranking_ascending": (
        lambda d: replace_in(d / RANKING, '"score": 0.9', '"score": 1.9'),
        (RANKING, "head_rankings[1].score", "1.9 after 1.0", "descending order"),
    ),
    "ranking_not_a_number": (
        lambda d: replace_in(d / RANKING, '"score": 0.9', '"score": NaN'),
        (RANKING, "head_rankings[1].score", "nan", "a finite number"),
    ),
    "ranking_of_other_tokens": (
        lambda d: write_ranking(d, "inc_year", total_tokens=2048),
        (RANKING, "total_tokens", "2048", f"{TOKENS}, as its path says"),
    ),
    "jsonl_truncated": (
        lambda d: (d / "filings.jsonl").write_text('{"filename": "1_1993', encoding="utf-8"),
        ("filings.jsonl", "line 1", "broken JSON", "a JSON object"),
    ),
    "filler_of_another_encoding": (
        lambda d: (d / "filler.txt").write_bytes("café".encode("latin-1")),
        ("filler.txt", "file", "no UTF-8", "in UTF-8"),
    ),
    "evidence_that_contradicts": (
        lambda d: write_lines(
            d / "evidence.jsonl", [{"filename": "1_1993.txt", "answers": {"inc_year": {"evidence": [0, 7]}}}]
        ),
        ("evidence.jsonl", "line 1, 1_1993.txt, inc_year, evidence", "'Founded'", "state '1901'"),
    ),
    "null_section": (
        lambda d: write_lines(
            d / "filings.jsonl",
            [
                {"filename": f"{n}_1993.txt", "cik": n, "year": 1993, "section_1": None if n == 3 else "Ohio, 1901."}
                for n in range(1, 21)
            ],
        ),
        ("filings.jsonl", "filename", "an empty section_1 of '3_1993.txt'", "the text of every filing"),
    ),
    "evidence_of_another_form": (
        lambda d: write_lines(d / "evidence.jsonl", [{"file": "1_1993.txt"}]),
        ("evidence.jsonl", "line 1", "file", "answers by question"),
    ),
    "filler_empty": (
        lambda d: (d / "filler.txt").write_text(" \n", encoding="utf-8"),
        ("filler.txt", "file", "no text", "prose"),
    ),
    "ranking_missing": (
        lambda d: (d / RANKING).unlink(),
        (RANKING, "file", "nothing", "a JSON file at this path. The config's rankings.wu24 names it."),
    ),
    "ranking_truncated": (
        lambda d: (d / RANKING).write_text('{"head_rankings": [', encoding="utf-8"),
        (RANKING, "file", "broken JSON", "whole JSON"),
    ),
    "ranking_without_heads": (
        lambda d: write_ranking(d, "inc_year", head_rankings=None),
        (RANKING, "head_rankings", "nothing", "a list"),
    ),
    "ranking_of_another_model": (
        lambda d: replace_in(d / RANKING, "L3H0", "L32H5"),
        (RANKING, "head_rankings[3].head", "L32H5", "4 layers x 8 heads"),
    ),
    "ranking_of_another_question": (
        lambda d: replace_in(d / RANKING, "inc_year", "hq_state"),
        (RANKING, "question", "'hq_state'", "'inc_year', as its path says"),
    ),
    "ranking_too_short": (
        lambda d: write_ranking(d, "inc_year", head_rankings=[{"head": "L0H0", "score": 1}]),
        (RANKING, "head_rankings", "1 heads", "at least 5, the highest level"),
    ),
    "model_without_config": (
        lambda d: (d / "model" / "config.json").unlink(),
        (CONFIG, "models.tiny.source", "without config.json", "a model folder with config.json"),
    ),
    "model_without_tokenizer": (
        lambda d: (d / "model" / "tokenizer.json").unlink(),
        (CONFIG, "models.tiny.source", "without tokenizer.json", "a model folder with config.json"),
    ),
    "model_config_broken": (
        lambda d: (d / "model" / "config.json").write_text("{", encoding="utf-8"),
        ("model/config.json", "file", "broken JSON", "whole JSON"),
    ),
    "model_config_of_no_language_model": (
        lambda d: (d / "model" / "config.json").write_text("{}", encoding="utf-8"),
        ("model/config.json", "num_hidden_layers or n_layer or n_layers", "nothing", "a language model's config"),
    ),
}


@pytest.mark.parametrize("case", FILE_CASES)
def test_a_bad_input_file_is_refused_by_name(good, tmp_path, case):
    spoil, named = FILE_CASES[case]
    spoil(tmp_path)
    assert_named(refusal(good), *named)


@pytest.mark.parametrize(
    ("content", "field", "found", "expected"),
    [
        (
            'inc_year: {text: "When?", stem: "A:", column: c, matcher: date, label: Y}',
            "inc_year.matcher",
            "'date'",
            "year",
        ),
        ('inc_year: {text: "When?", clumn: c}', "inc_year.clumn", "an unknown key", "Did you mean 'column'?"),
        ("inc_year: when", "inc_year", "'when'", "object"),
        ("[inc_year]", "file", "a list", "key: value pairs"),
        ("inc_year: {text: [", "file", "broken YAML", "YAML"),
    ],
)
def test_a_bad_question_bank_is_refused_by_name(good, tmp_path, content, field, found, expected):
    bank = tmp_path / "bank.yaml"
    bank.write_text(content, encoding="utf-8")
    assert_named(refusal(changed(good, "question_bank", str(bank))), "bank.yaml", field, found, expected)


def test_generated_passages_refuse_facts_that_they_cannot_state(good, tmp_path):
    replace_in(tmp_path / "truth.csv", "1907", "1907.5")
    config = changed(changed(good, "filings.section_1", "generated"), "questions", {"inc_state": {}})
    assert_named(refusal(config), "truth.csv", "7_1993.txt", f"{YEAR} is '1907.5'", "facts as in")


def test_generated_passages_must_fit_whole(good):
    config = changed(changed(good, "filings.section_1", "generated"), "rankings.wu24", "detect")
    assert_named(refusal(config), CONFIG, "tokens[0]", "96", "to hold one passage of inc_state (model tiny)")


@pytest.mark.parametrize("options", [{"exclude_top": 5}, {"exclude_top": 0}])
def test_only_the_level_that_is_too_high_is_named(good, options):
    config = changed(good, "arms.random", options)
    (line,) = (line for line in refusal(changed(config, "levels", [2, 5, 500])) if ": levels" in line)
    assert line.startswith(f"- {CONFIG}: levels[2]: found 500; expected at most 32 heads")


def test_a_level_that_leaves_no_random_heads_does_not_accuse_the_others(tmp_path):
    shape, study = ModelShape(30, 9), load_study(changed(write_inputs(tmp_path), "arms", {"random": {}}), CONFIG)
    study.config["levels"] = [5, 10, 100, 265]  # 265 excluded heads of 270 leave none for 10 and 100 either
    assert [problem.field for problem in shape_problems(study, "tiny", shape)] == ["levels[3]"]


def test_a_ranking_with_hundreds_of_faults_is_ten_lines_of_each_and_a_count(good, tmp_path):
    names = [{"head": f"head {n}", "score": n, "rank": n + 1} for n in range(300)]
    write_ranking(tmp_path, "inc_year", head_rankings=names)
    lines = [line for line in refusal(good) if "tokens_96.json" in line]
    assert sum("expected a head written like L15H30" in line for line in lines) == 10
    assert sum("expected scores in descending order" in line for line in lines) == 10
    assert [line.split(", up to")[0] for line in lines if "more like this" in line] == [
        "- and 290 more like this",
        "- and 289 more like this",
    ]


FUTURE = ["truth.csv", "filings.jsonl", "evidence.jsonl", "filler.txt", "rankings/inc_year/tokens_96.json", "model"]


@pytest.mark.parametrize("name", FUTURE)
def test_a_file_from_the_future_is_refused_by_name(good, tmp_path, name):
    file = tmp_path / name / "config.json" if name == "model" else tmp_path / name
    ahead = time.time() + 3 * 3600 + 5
    os.utime(file, (ahead, ahead))
    (line,) = refusal(good)
    assert line.startswith(f"- {file}: time stamp: found ")
    assert " 3:00:0" in line and f"; expected a time that has passed. Set the clock, or run: touch {file}" in line
    file.touch()
    checked_study(good, CONFIG)


def test_problems_of_form_are_reported_together(good):
    for path, value in (("levls", [5]), ("prompt.depth", 2), ("models.tiny.dtype", "bf16"), ("tokens", GONE)):
        good = changed(good, path, value)
    lines = refusal(good)
    assert len(lines) == 4
    assert {line.split(": ")[1] for line in lines} == {"levls", "prompt.depth", "models.tiny.dtype", "tokens"}


def test_problems_of_contents_are_reported_together(good, tmp_path):
    replace_in(tmp_path / "truth.csv", "1907", "long ago")
    replace_in(tmp_path / RANKING, "L3H0", "L32H5")
    (tmp_path / "rankings" / "inc_state" / f"tokens_{TOKENS}.json").unlink()
    (tmp_path / "filler.txt").write_text("", encoding="utf-8")
    lines = refusal(changed(good, "levels", [2, 28]))
    fields = [line.split(": ")[1] for line in lines]
    assert {"levels[1]", f"7_1993.txt, {YEAR}", "head_rankings[3].head", "file"} <= set(fields)
    assert fields.count("file") == 2  # the filler, the missing ranking


def test_rotations_reach_beyond_the_last_position_but_learned_positions_do_not(good, tmp_path):
    answer = 10
    good = changed(good, "rankings", {"found": {"detector": "copy_score"}})
    assert checked_study(changed(good, "tokens", [POSITIONS - answer]), CONFIG)
    for tokens in (POSITIONS - answer + 1, POSITIONS):
        assert_named(refusal(changed(good, "tokens", [tokens])), CONFIG, "tokens[0]", str(tokens), "answers included")
    rotary = {**json.loads((tmp_path / "model" / "config.json").read_text()), "rope_theta": 10000.0}
    (tmp_path / "model" / "config.json").write_text(json.dumps(rotary))
    assert checked_study(changed(good, "tokens", [POSITIONS]), CONFIG)
    assert_named(refusal(changed(good, "tokens", [POSITIONS + 1])), CONFIG, "tokens[0]", "513", "at most 512 (model")


def test_a_config_is_enough_for_a_study_that_runs_no_model(good, tmp_path):
    assert list(weights_problems(checked_study(good, CONFIG))) == []
    (tmp_path / "model" / "model.safetensors").unlink()
    (problem,) = weights_problems(checked_study(good, CONFIG))
    assert (problem.field, "without weights (*.safetensors)" in str(problem)) == ("models.tiny.source", True)


def test_many_missing_files_are_one_problem(good):
    lines = refusal(changed(changed(good, "tokens", [96, 128, 160]), "rankings.wu24", "none/{question}/{tokens}.json"))
    assert_named(lines, CONFIG, "rankings.wu24", "no file for 6 of 6 experiments, such as none/inc_state/96", "each")
    assert len(lines) == 1


def test_an_employee_count_of_zero_is_a_number(good, tmp_path):
    replace_in(tmp_path / "truth.csv", "1907", "0")
    counted = changed(good, "questions", {"inc_state": {}, "employee_count": {"column": YEAR}})
    study = checked_study(changed(counted, "rankings", {"found": {"detector": "copy_score"}}), CONFIG)
    assert study.questions["employee_count"]["matcher"] == "integer"


@pytest.mark.slow
@pytest.mark.workflow
@pytest.mark.parametrize(
    "case", ["unknown_key", "missing_folder", "level_above_heads", "path_braces", "no_test_sample"]
)
def test_snakemake_says_what_is_wrong_and_makes_nothing(good, tmp_path, case):
    path, value, field, found, expected = CONFIG_CASES[case]
    study = "bad_input_seen_by_snakemake"
    file = tmp_path / CONFIG
    file.write_text(yaml.safe_dump(changed(changed(good, "study", study), path, value)), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", "--configfile", str(file)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert_named(said.splitlines(), file, field, found, expected)
    assert "Traceback" not in said
    assert not (PROJECT / "results" / study).exists()


def test_more_conditions_than_can_be_planned_are_refused(good):
    lines = refusal(changed(good, "arms.random.draws", 300_000))
    assert_named(lines, CONFIG, "arms", "1,200,004 conditions", "at most 100,000 in all")
    assert checked_study(changed(good, "arms.random.draws", 1000), CONFIG).arms.count([2, 5]) == 2002


@pytest.mark.parametrize("part", ["", "/store", "/bad_input", "/models", "/models/tiny"])
def test_a_file_in_the_place_of_a_folder_of_results_is_refused(good, tmp_path, part):
    place = tmp_path / f"results{part}"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("")
    with pytest.raises(StudyError, match=f"{place}: folder: found something that is no folder"):
        checked_study(good, CONFIG, Paths(results=str(tmp_path / "results")))


def test_a_converted_model_that_lost_a_file_is_refused_with_what_to_do(good, tmp_path):
    home = tmp_path / "results" / "models" / "tiny"
    config = changed(good, "models.tiny.source", "embedded")
    config = changed(config, "rankings", {"wu24": "detect"})
    paths = Paths(results=str(tmp_path / "results"))
    shutil.copytree(tmp_path / "model", home)
    (home / "model.json").write_text("{}")
    checked_study(config, CONFIG, paths)  # negative control: it is whole
    (home / "config.json").unlink()
    with pytest.raises(StudyError, match=f"{home}: folder: found no config.json; .* Remove {home}/model.json"):
        checked_study(config, CONFIG, paths)


def test_a_folder_for_a_file_is_said_to_be_one(good, tmp_path):
    lines = refusal(changed(good, "prompt.filler", str(tmp_path)))
    assert_named(lines, CONFIG, "prompt.filler", "which is a folder", "an existing file")


def test_a_chat_template_in_either_place_will_do(good, tmp_path):
    asked = changed(good, "prompt.chat", True)
    file = tmp_path / "model" / "tokenizer_config.json"
    before = file.read_text(encoding="utf-8")
    file.write_text(json.dumps(json.loads(before) | {"chat_template": "{{ messages }}"}), encoding="utf-8")
    checked_study(asked, CONFIG)
    file.write_text(before, encoding="utf-8")
    (tmp_path / "model" / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
    checked_study(asked, CONFIG)
