"""Tables and texts as strangers write them: what has one meaning is read, anything else is refused by line."""

import json

import pytest

from head_ablation.common.problems import StudyError
from head_ablation.prompts.filings import FilingsFiles, FilingsSettings, load_filings, read_filing_texts
from head_ablation.prompts.ground_truth import Fields, company_of, read_ground_truth
from head_ablation.prompts.samples import split_companies

HEADER = "filename,cik,state\n"


def table(folder, text):
    file = folder / "truth.csv"
    file.write_text(text, encoding="utf-8")
    return file


def texts(folder, *rows):
    file = folder / "filings.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def filing(name="1.txt", section_1: object = "Acme.", **changes):
    return {"filename": name, "cik": "1", "year": 1993, "section_1": section_1, **changes}


def refusal(read, *arguments):
    with pytest.raises(StudyError) as refused:
        read(*arguments)
    return refused.value.problems


def test_a_company_is_one_however_its_number_is_padded(tmp_path):
    file = table(tmp_path, HEADER + "1.txt,0000320193,Ohio\n2.txt,320193,Ohio\n3.txt,320193.0,Ohio\n4.txt,CIK0320193,")
    rows = read_ground_truth(file, ["state"])
    assert {row["cik"] for row in rows} == {"320193"}
    assert sorted(map(len, split_companies(rows, 0, 0.5).values())) == [0, 1]
    assert (company_of("0"), company_of("acme"), company_of("3201930")) == ("0", "acme", "3201930")


def test_an_unknown_company_is_refused_by_filing(tmp_path):
    found = refusal(read_ground_truth, table(tmp_path, HEADER + "1.txt,,Ohio\n2.txt,2,Ohio\n3.txt,NULL,Ohio\n"), [])
    assert [problem.field for problem in found] == ["1.txt, cik", "3.txt, cik"]


def test_fields_may_be_as_long_as_a_section(tmp_path):
    section = "Acme, of Ohio. " * 20_000
    file = table(tmp_path, f'filename,cik,state,section_1\n1.txt,1,Ohio,"{section}"\n2.txt,2,Utah,short\n')
    first, second = read_ground_truth(file, ["state"])
    assert (len(first["section_1"]), second["state"]) == (len(section.strip()), "Utah")


@pytest.mark.parametrize(
    ("content", "field", "found"),
    [
        (HEADER + "1.txt,1,Ohio,Texas\n", "line 2", "4 fields"),  # a comma that shifts what follows it
        (HEADER + "1.txt,1,Ohio\n\n,2,Utah\n", "line 4, filename", "nothing"),
        (HEADER + '1.txt,1,"Ohio\n2.txt,2,Utah\n', "line 3", "no CSV (unexpected end of data)"),
        (HEADER + '1.txt,1,"Ohio"s\n', "line 2", "no CSV ("),
        ("filename,cik,state,state\n1.txt,1,Ohio,Utah\n", "state", "2 columns of this name, at 3, 4"),
        ("filename,cik,state,year,year\n1.txt,1,Ohio,1,2\n", "year", "2 columns of this name"),  # nobody asks for it
        (HEADER + "1.txt,1,Ohio\n2.txt,2,Utah\n1.txt,1,Ohio\n", "line 4, filename", "first in line 2"),
        *((HEADER + f"1.txt,{cik},Ohio\n", "1.txt, cik", cik) for cik in ("nan", "None", "N/A", "-")),
        ("", "filename", "no such column"),
    ],
)
def test_a_table_with_two_meanings_is_refused_by_line(tmp_path, content, field, found):
    problem, *_ = refusal(read_ground_truth, table(tmp_path, content), ["state"])
    assert problem.field == field
    assert found in str(problem.found)


def test_empty_fields_behind_the_header_and_blank_lines_do_not_matter(tmp_path):
    (row,) = read_ground_truth(table(tmp_path, HEADER + "\n1.txt,1,Ohio,, \n\n"), ["state"])
    assert row == {"filename": "1.txt", "cik": "1", "state": "Ohio"}


def test_a_null_section_is_an_empty_one(tmp_path):
    file = texts(tmp_path, filing(section_1=None))
    (problem,) = refusal(read_filing_texts, file, ["1.txt"])
    assert problem.found == "an empty section_1 of '1.txt'"
    assert read_filing_texts(file, ["1.txt"], "leave_out") == {"1.txt": ""}


def test_fields_that_are_no_text_are_refused_by_line(tmp_path):
    file = texts(tmp_path, filing(section_1=["a", "b"]), filing(name=[7]), filing(name=""), filing(section_1=3.5))
    assert [problem.field for problem in refusal(read_filing_texts, file, [])] == [
        "line 1, section_1",
        "line 2, filename",
        "line 3, filename",
        "line 4, section_1",
    ]


def test_one_filing_has_one_text(tmp_path):
    file = texts(tmp_path, filing(), filing(section_1="Another."), filing(name="2.txt"))
    (problem,) = refusal(read_filing_texts, file, [])
    assert (problem.field, problem.found) == ("line 2, filename", "'1.txt' once more, with another text than in line 1")
    same = texts(tmp_path, filing(section_1=None), filing(), filing(), filing(section_1=" "), filing(section_1=None))
    assert read_filing_texts(same, ["1.txt"]) == {"1.txt": "Acme."}


def test_lines_are_counted_with_the_blank_ones(tmp_path):
    file = texts(tmp_path, filing())
    file.write_text("\ufeff\n" + file.read_text(encoding="utf-8") + '\n{"filename": "2.txt"}\n', encoding="utf-8")
    assert [problem.field for problem in refusal(read_filing_texts, file, [])] == ["line 4, section_1"]


NAMES = Fields(filename="id", company="group", text="text")


def story(number=1, **changes):
    row = {"id": f"a{number}", "group": "book 1", "text": f"Ada, the {number}th.", "answer": "Ada"}
    return row | {"notes": [1]} | changes


def test_one_file_of_texts_and_answers_is_a_ground_truth_and_its_texts(tmp_path):
    file = texts(tmp_path, story(1), story(2, answer=None, group=7), story(3, id=3, answer=1929), story(4, answer=" "))
    rows = read_ground_truth(file, ["answer"], names=NAMES)
    assert [row["filename"] for row in rows] == ["a1", "a2", "3", "a4"]
    assert [row["cik"] for row in rows] == ["book 1", "7", "book 1", "book 1"]
    assert [row["answer"] for row in rows] == ["Ada", "", "1929", ""]
    filings = load_filings(
        FilingsFiles(str(file), str(file), None), FilingsSettings((), "refuse", 0, "hash", 0.5, {}, NAMES)
    )
    assert [filing.passage for filing in filings] == [f"Ada, the {n}th." for n in (1, 2, 3, 4)]


def test_each_text_may_be_a_unit_of_its_own(tmp_path):
    rows = read_ground_truth(texts(tmp_path, story(1), story(2)), [], names=Fields("id", "id", "text"))
    assert [row["cik"] for row in rows] == ["a1", "a2"]


def test_a_table_and_texts_may_call_their_fields_otherwise_too(tmp_path):
    (row,) = read_ground_truth(table(tmp_path, "id,group,answer\na1,b,Ada\n"), ["answer"], names=NAMES)
    assert (row["filename"], row["cik"], row["answer"]) == ("a1", "b", "Ada")


@pytest.mark.parametrize(
    ("changes", "field", "found"),
    [
        ({"answer": ["Ada", "Bob"]}, "line 2, answer", "['Ada', 'Bob']"),
        ({"answer": True}, "line 2, answer", "True"),
        ({"group": {"book": 1}}, "line 2, group", "{'book': 1}"),
        ({"group": "unknown"}, "a2, group", "unknown"),
        ({"id": None}, "line 2, id", "nothing"),
        ({"id": "a1"}, "line 2, id", "first in line 1"),
    ],
)
def test_lines_that_hold_no_fact_are_refused_by_line(tmp_path, changes, field, found):
    (problem,) = refusal(read_ground_truth, texts(tmp_path, story(1), story(2, **changes)), ["answer"], (), NAMES)
    assert (problem.field, found in str(problem.found)) == (field, True)


def test_a_line_without_an_answer_is_not_passed_over(tmp_path):
    without = story(2)
    del without["answer"]
    (problem,) = refusal(read_ground_truth, texts(tmp_path, story(1), without), ["answer"], (), NAMES)
    assert (problem.field, problem.found) == ("line 2, answer", "nothing")
    assert "null" in problem.expected


def test_fields_that_no_line_has_are_named_once_with_what_to_do(tmp_path):
    found = refusal(read_ground_truth, texts(tmp_path, story(1), story(2)), ["answers"])
    assert [(problem.field, problem.found) for problem in found] == [
        ("filename", "no such field"),
        ("cik", "no such field"),
        ("answers", "no such field"),
    ]
    fixes = [problem.fix for problem in found]
    assert ["filings.fields.filename" in fixes[0], "filings.fields.company" in fixes[1]] == [True, True]
    assert "Did you mean 'answer'?" in fixes[2]


def test_a_json_list_is_no_table(tmp_path):
    (problem,) = refusal(read_ground_truth, table(tmp_path, "[" + json.dumps(story()) + "]\n"), [])
    assert "a JSON object" in problem.expected


def test_texts_under_another_name_say_where_to_name_it(tmp_path):
    (problem,) = refusal(read_filing_texts, texts(tmp_path, story()), [], "refuse", Fields("id", "group", "body"))
    assert problem.field == "line 1, body"
    assert "filings.fields" in problem.fix
