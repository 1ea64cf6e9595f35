"""When an answer is right: typed matchers, worked out by hand, and the published study's rule with its faults."""

import pytest

from head_ablation.prompts.matchers import MATCHERS
from head_ablation.prompts.matchers.matcher import first_line
from head_ablation.prompts.matchers.published_rule import published_rule
from head_ablation.prompts.matchers.us_state import STATES

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
    assert first_line(generation) == line


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
