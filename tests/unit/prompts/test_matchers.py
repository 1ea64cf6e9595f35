"""When an answer is right: typed matchers, worked out by hand, and the published study's rule with its faults."""

import re

import pytest

from head_ablation.prompts.matchers import MATCHERS
from head_ablation.prompts.matchers.answer import answer_line
from head_ablation.prompts.matchers.published_rule import published_rule
from head_ablation.prompts.matchers.state_names import ABBREVIATIONS, AMBIGUOUS_ABBREVIATIONS, STATES

INTEGER, YEAR, STATE, TEXT = (MATCHERS[kind] for kind in ("integer", "year", "us_state", "text"))


def values(matcher, text):
    return [value for value, _, _ in matcher.mentions(text)]


@pytest.mark.parametrize(
    ("generation", "gold", "right"),
    [
        (" 12,500", "12500", True),
        ("12500", "12,500", True),
        ("12,500.", "12500", True),
        ("12,500 employees, of whom 300 are part-time", "12500", True),
        ("approximately 1,200 employees and 3 plants", "1200", True),
        ("approximately 1,200 employees and 3 plants", "3", False),
        ("The Company had (1,200) employees", "1200", True),
        ("1,234,567", "1234567", True),
        ("12,5", "12", False),
        ("12,5", "5", False),
        ("12.5 million", "12", False),
        ("1,2000", "2000", False),
        ("0", "0", True),
        ("10", "0", False),
        ("0", "10", False),
        ("500", "1500", False),
        ("1500", "500", False),
        ("L15H30", "15", False),
        ("twelve", "12", False),
        ("", "12", False),
    ],
)
def test_first_integer_must_be_the_gold_number(generation, gold, right):
    assert INTEGER.is_correct(generation, gold) is right


@pytest.mark.parametrize(
    ("generation", "gold", "right"),
    [
        (" 1929.", "1929", True),
        ("in 1929, in Delaware", "1929", True),
        ("1929 (reincorporated 1987)", "1929", True),
        ("1987, formerly 1929", "1929", False),
        ("19290", "1929", False),
        ("1,929", "1929", False),
        ("on May 5, 1929", "1929", True),
        ("1929-1930", "1929", True),
        ("1599", "1929", False),
    ],
)
def test_first_year_must_be_the_gold_year(generation, gold, right):
    assert YEAR.is_correct(generation, gold) is right


@pytest.mark.parametrize("text", ["1599", "2100", "12,1999,5", "192", "19999"])
def test_numbers_that_are_no_years_are_not_mentioned(text):
    assert values(YEAR, text) == []


@pytest.mark.parametrize(
    ("generation", "gold", "right"),
    [
        ("Virginia", "Virginia", True),
        ("West Virginia", "Virginia", False),
        ("Virginia", "West Virginia", False),
        ("west virginia", "West Virginia", True),
        ("Arkansas", "Kansas", False),
        ("Kansas", "Arkansas", False),
        ("Kansas City, Missouri", "Kansas", False),
        ("Kansas City, Missouri", "Missouri", True),
        ("Kansas City, Kansas", "Kansas", True),
        ("Michigan City, Indiana", "Indiana", True),
        ("the Ohio River, in Kentucky", "Kentucky", True),
        ("New York City", "New York", True),
        ("Washington, D.C.", "Washington", False),
        ("Washington, D.C.", "District of Columbia", True),
        ("Washington DC", "District of Columbia", True),
        ("Seattle, Washington", "Washington", True),
        ("Butler, PA", "Pennsylvania", True),
        ("Butler, PA 16001", "Pennsylvania", True),
        ("PA", "Pennsylvania", True),
        ("(OR)", "Oregon", True),
        ("Portland, OR", "Oregon", True),
        ("Ohio or Delaware", "Oregon", False),
        ("Ohio or Delaware", "Delaware", False),
        ("in Delaware", "Indiana", False),
        ("in Delaware", "Delaware", True),
        ("Incorporated IN Delaware", "Delaware", True),
        ("tell ME about Texas", "Texas", True),
        ("PAT", "Pennsylvania", False),
        ("No, not Delaware", "Delaware", True),  # a known limit: the matcher does not read negations
        ("the moon", "Delaware", False),
    ],
)
def test_first_state_must_be_the_gold_state(generation, gold, right):
    assert STATE.is_correct(generation, gold) is right


def test_every_state_is_found_by_name_and_by_postal_code_and_is_no_other():
    for code, name in STATES.items():
        assert values(STATE, name) == [name]
        assert values(STATE, f"Springfield, {code}") == [name]
    assert len(STATES) == 50 + 1 + 3 + 10  # states, federal district, territories, provinces


@pytest.mark.parametrize(
    ("generation", "line"),
    [
        ("\n\n Delaware\nTexas", "Delaware"),
        ("Delaware\r\nTexas", "Delaware"),
        ("  ", ""),
        ("1929", "1929"),
    ],
)
def test_first_line_is_the_first_that_says_anything(generation, line):
    assert answer_line(generation) == line


def test_what_follows_the_first_line_does_not_count():
    assert not STATE.is_correct("unknown\nQuestion: was it Delaware?", "Delaware")
    assert published_rule("unknown\nQuestion: was it Delaware?", "Delaware")  # the published rule reads on


@pytest.mark.parametrize(
    ("matcher", "gold", "accepted"),
    [
        (INTEGER, "14200.0", ["14200"]),
        (INTEGER, "14,200", ["14200"]),
        (INTEGER, "14,200.00", ["14200"]),
        (INTEGER, " 007 ", ["7"]),
        (INTEGER, "0", ["0"]),
        (YEAR, "1962.0", ["1962"]),
        (YEAR, "1929, 1954", ["1929", "1954"]),
        (STATE, "Texas, Georgia, Wisconsin", ["Texas", "Georgia", "Wisconsin"]),
        (STATE, "Pennsylvania ", ["Pennsylvania"]),
        (STATE, "DE", ["Delaware"]),
        (TEXT, "Acme  Anvil, Inc.", ["acme anvil inc"]),
    ],
)
def test_gold_entries_are_read_as_the_values_they_name(matcher, gold, accepted):
    assert matcher.gold_values(gold) == accepted


def test_any_of_several_gold_values_is_right_and_no_other():
    assert STATE.is_correct("Georgia", "Texas, Georgia, Wisconsin")
    assert STATE.is_correct("Wisconsin", "Texas, Georgia, Wisconsin")
    assert not STATE.is_correct("Delaware", "Texas, Georgia, Wisconsin")
    assert not published_rule("Georgia", "Texas, Georgia, Wisconsin")  # unwinnable in the published study


@pytest.mark.parametrize(
    ("matcher", "gold"),
    [(INTEGER, "many"), (INTEGER, "14200.5"), (YEAR, "1500"), (STATE, "Bavaria"), (TEXT, "...")],
)
def test_gold_of_another_kind_is_refused_saying_what_was_found(matcher, gold):
    with pytest.raises(ValueError, match=r"found .*expected") as refusal:
        matcher.gold_values(gold)
    assert f"'{gold}'" in str(refusal.value)
    assert matcher.expected in str(refusal.value)


@pytest.mark.parametrize(
    ("matcher", "text", "gold", "found"),
    [
        (INTEGER, "In 10 plants, 1,500 people", "1500", "1,500"),
        (YEAR, "since 1930, founded 1929", "1929", "1929"),
        (STATE, "of West Virginia and Virginia", "Virginia", "Virginia"),
        (STATE, "Butler, PA", "Pennsylvania", "PA"),
        (TEXT, "The Acme Anvil,\nInc. makes", "acme anvil inc", "Acme Anvil,\nInc"),
    ],
)
def test_find_gives_the_characters_of_the_first_right_mention(matcher, text, gold, found):
    start, end = matcher.find(text, gold)
    assert text[start:end] == found


def test_find_skips_mentions_inside_other_values():
    assert STATE.find("of West Virginia and Virginia", "Virginia") == (21, 29)
    assert STATE.find("of West Virginia", "Virginia") is None
    assert INTEGER.find("10 plants", "0") is None
    assert TEXT.find("Acmes", "Acme") is None


@pytest.mark.parametrize(
    ("generation", "right"),
    [
        (" The answer is ACME Anvil, Inc.", True),
        ("Acme Anvil Incorporated", False),
        ("Acme Anvils Inc", False),
        ("nothing\nAcme Anvil Inc", False),
    ],
)
def test_text_must_stand_in_the_first_line_as_whole_words(generation, right):
    assert TEXT.is_correct(generation, "Acme Anvil, Inc.") is right


@pytest.mark.parametrize(
    ("generation", "gold"),
    [
        ("10", "0"),
        ("West Virginia", "Virginia"),
        ("Arkansas", "Kansas"),
        ("1985", "5"),
        ("12,500", "12500"),
        ("12500", "12,500"),
        ("DELAWARE!", "Delaware"),
        ("Ohio or Delaware", "Delaware"),
        ("14,200 people", "14200.0"),
        ("unknown\nIn 1929.", "1929"),
        ("0042", "42"),
    ],
)
def test_the_published_rule_takes_any_substring_faults_included(generation, gold):
    assert published_rule(generation, gold)


@pytest.mark.parametrize(("generation", "gold"), [("0", "10"), ("Delawar", "Delaware"), ("", "5"), ("12 500", "12500")])
def test_the_published_rule_still_needs_the_whole_gold_value(generation, gold):
    assert not published_rule(generation, gold)


@pytest.mark.parametrize(
    ("generation", "gold", "right"),
    [
        ("IN DELAWARE", "Indiana", False),
        ("IN DELAWARE", "Delaware", True),
        ("OR DELAWARE", "Oregon", False),
        ("THE COMPANY, OR, IF LATER,", "Oregon", False),
        ("MADE IN USA", "Indiana", False),
        ("IN 20000 SHARES", "Indiana", False),
        ("IN", "Indiana", True),
        ("Indianapolis, IN", "Indiana", True),
        ("INDIANAPOLIS, IN 46204", "Indiana", True),
        ("Indianapolis IN 46204", "Indiana", True),
        ("Portland, OR and Butler, PA", "Oregon", True),
        ("Vancouver, BC V6E 3X4", "British Columbia", True),
        ("Answer: DE", "Delaware", True),
        ('{"state": "DE"}', "Delaware", True),
        ("NOTE: IN DELAWARE", "Indiana", False),
        ("15 U.S.C. 78m", "South Carolina", False),
        ("Smith, Miss Jones", "Mississippi", False),
    ],
)
def test_a_postal_code_counts_only_where_it_stands_as_one(generation, gold, right):
    assert STATE.is_correct(generation, gold) is right


@pytest.mark.parametrize(
    ("short", "name"),
    [
        ("Del.", "Delaware"),
        ("N.Y.", "New York"),
        ("N. Y.", "New York"),
        ("Mass.", "Massachusetts"),
        ("Mass", "Massachusetts"),
        ("W. Va.", "West Virginia"),
        ("D.C.", "District of Columbia"),
        ("Calif.", "California"),
        ("Me.", "Maine"),
        ("P.R.", "Puerto Rico"),
    ],
)
def test_abbreviations_are_states_as_answers_as_golds_and_behind_a_city(short, name):
    assert values(STATE, short) == [name]
    assert STATE.gold_values(short) == [name]
    assert values(STATE, f"offices in Springfield, {short}, and elsewhere") == [name]
    assert STATE.is_correct(name, short) and not STATE.is_correct("Texas", short)


def test_every_abbreviation_is_one_state():
    for table in (ABBREVIATIONS, AMBIGUOUS_ABBREVIATIONS):
        for code, forms in table.items():
            for form in forms.split("|"):
                assert values(STATE, f"{form}.") == values(STATE, f"{form}.".upper()) == [STATES[code]], form


@pytest.mark.parametrize(
    ("generation", "gold", "right"),
    [
        ("Washington, District of Columbia", "District of Columbia", True),
        ("Washington, District of Columbia", "Washington", False),
        ("WASHINGTON, D. C.", "District of Columbia", True),
        ("Delaware, Ohio", "Ohio", True),
        ("Delaware, Ohio", "Delaware", False),
        ("New Brunswick, NJ", "New Jersey", True),
        ("Fort Washington, Pennsylvania", "Pennsylvania", True),
        ("Delaware County, Pennsylvania", "Pennsylvania", True),
        ("Virginia City, Nevada", "Nevada", True),
        ("the British Virgin Islands", "Virgin Islands", False),
        ("Texas, Georgia", "Texas", True),  # no city: a hedge, whose first state counts
        ("Delaware, Ohio and Indiana", "Delaware", True),  # a list
    ],
)
def test_a_city_with_a_states_name_is_told_by_what_follows(generation, gold, right):
    assert STATE.is_correct(generation, gold) is right


@pytest.mark.parametrize(
    ("matcher", "generation", "gold"),
    [
        (STATE, "_Delaware_", "Delaware"),
        (STATE, "**Delaware**", "Delaware"),
        (STATE, "Answer:\nDE", "Delaware"),
        (STATE, '```json\n{\n  "state": "DE"\n}\n```', "Delaware"),
        (STATE, "```\nDelaware\n```", "Delaware"),
        (STATE, "<think>\nTexas, I guess.\n</think>\n\nDelaware", "Delaware"),
        (STATE, "Texas, I guess.\n</think>\nDelaware", "Delaware"),  # the template opened the thought
        (STATE, "<answer>DE</answer>", "Delaware"),
        (YEAR, "<think>1999 or 1929?</think>1929", "1929"),
        (YEAR, "_1929_", "1929"),
        (INTEGER, "__1,200__", "1200"),
        (INTEGER, "1,200.00", "1200"),
        (TEXT, "_Acme Anvil_", "Acme Anvil"),
    ],
)
def test_what_models_wrap_around_an_answer_does_not_hide_it(matcher, generation, gold):
    assert matcher.is_correct(generation, gold)


def test_a_thought_that_is_cut_off_is_no_answer():
    assert not STATE.is_correct("<think>Delaware, since", "Delaware")
    assert STATE.is_correct("Delaware <think>since", "Delaware")  # negative control


def test_a_sum_of_money_is_no_count():
    assert values(INTEGER, "$1,200.00 and 1,200.50 for 3.0 years") == ["3"]


@pytest.mark.parametrize(
    ("matcher", "text", "gold", "found"),
    [
        (STATE, "State of New\nYork", "New York", "New\nYork"),
        (STATE, "State of New \xa0 York", "New York", "New \xa0 York"),
        (STATE, "State of New&nbsp;York", "New York", "New&nbsp;York"),
        (STATE, "West\r\nVirginia", "West Virginia", "West\r\nVirginia"),
        (STATE, "Rhode\tIsland", "Rhode Island", "Rhode\tIsland"),
        (STATE, "____Delaware____", "Delaware", "Delaware"),
        (STATE, "THE REGISTRANT, IN ADDITION TO OTHERS IN\nINDIANA", "Indiana", "INDIANA"),
        (INTEGER, "the 19th year of 10km and 101people", "101", "101"),
        (TEXT, "__Acme&nbsp;Anvil__", "Acme Anvil", "Acme&nbsp;Anvil"),
    ],
)
def test_white_space_and_underlines_in_filings_do_not_hide_a_name(matcher, text, gold, found):
    start, end = matcher.find(text, gold)
    assert text[start:end] == found


@pytest.mark.parametrize(
    ("matcher", "gold", "accepted"),
    [
        (STATE, "NY/NJ", ["New York", "New Jersey"]),
        (STATE, "DE; NY", ["Delaware", "New York"]),
        (STATE, "DE and N.Y.", ["Delaware", "New York"]),
        (STATE, "NJ, IN, OR", ["New Jersey", "Indiana", "Oregon"]),
        (STATE, "Delaware\nNew York & Texas", ["Delaware", "New York", "Texas"]),
        (STATE, "Wilmington, Delaware", ["Delaware"]),
        (STATE, "Washington, D.C.; Delaware, U.S.A.", ["District of Columbia", "Delaware"]),
        (STATE, "Newfoundland and Labrador", ["Newfoundland"]),
        (YEAR, "1929/1954", ["1929", "1954"]),
        (YEAR, "5/4/1929", ["1929"]),
        (INTEGER, "1,200.00; 300.0", ["1200", "300"]),
    ],
)
def test_a_list_of_golds_is_every_value_in_it(matcher, gold, accepted):
    assert matcher.gold_values(gold) == accepted


@pytest.mark.parametrize(
    ("matcher", "gold", "found"),
    [
        (STATE, "NY/Bavaria", "'Bavaria' is no state"),
        (STATE, "Delaware, Bavaria", "'Bavaria' is no state"),
        (STATE, "Delaware and others", "'others' is no state"),
        (STATE, "Delaware, Ohio", "a city or two states: write 'Ohio' or 'Delaware; Ohio'"),
        (YEAR, "1929; unknown", "'1929; unknown'"),
        (INTEGER, "300/many", "'300/many'"),
    ],
)
def test_a_list_with_a_part_of_another_kind_is_refused(matcher, gold, found):
    with pytest.raises(ValueError, match=re.escape(found)) as refusal:
        matcher.gold_values(gold)
    assert str(refusal.value).startswith(f"found '{gold}'")
    assert str(refusal.value).endswith(f"; expected {matcher.expected}")
