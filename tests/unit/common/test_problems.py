"""A message lists ten problems of a kind and counts the others; a value too long to read is cut."""

import subprocess
import sys
from pathlib import Path

import pytest
from project import PROJECT

from head_ablation.common.problems import Problem, StudyError, did_you_mean, refuse, some


def refusal(problems):
    with pytest.raises(StudyError) as refused:
        refuse(problems)
    return str(refused.value).splitlines()


def score(place, file="wu24.json"):
    return Problem(
        file, f"head_rankings[{place}].score", f"0.{place + 1} after 0.{place}", "scores in descending order"
    )


def rank(place):
    return Problem("wu24.json", f"head_rankings[{place}].rank", 7, f"{place + 1}, its place in the list")


def test_ten_problems_of_a_kind_are_listed_and_the_others_counted():
    lines = refusal([*map(score, range(240)), *map(rank, range(11))])
    assert [line for line in lines if "score" in line and "found" in line] == [f"- {score(n)}" for n in range(10)]
    assert lines[10] == "- and 230 more like this, up to wu24.json: head_rankings[239].score"
    assert lines[11:21] == [f"- {rank(n)}" for n in range(10)]
    assert lines[21:] == ["- and 1 more like this, up to wu24.json: head_rankings[10].rank"]


def test_ten_are_all_listed():
    assert refusal(map(score, range(10))) == [f"- {score(n)}" for n in range(10)]


def test_the_same_fault_of_many_files_is_one_kind():
    lines = refusal(score(0, file=f"tokens_{n}.json") for n in range(32))
    assert len(lines) == 11
    assert lines[-1] == "- and 22 more like this, up to tokens_31.json: head_rankings[0].score"


def test_other_faults_are_not_hidden_by_the_many():
    other = Problem("wu24.json", "question", "'hq_state'", "'inc_year', as its path says")
    assert f"- {other}" in refusal([*map(score, range(300)), other])


def test_the_error_keeps_every_problem():
    with pytest.raises(StudyError) as refused:
        refuse(map(score, range(240)))
    assert len(refused.value.problems) == 240


def test_a_long_value_is_cut_and_its_length_said():
    (line,) = refusal([Problem("wu24.json", "head", "x" * 1000, "a head")])
    assert line == f"- wu24.json: head: found {'x' * 300}... (1,000 characters); expected a head"


def test_lists_in_words_end_after_ten():
    assert some(range(3)) == "0, 1, 2"
    assert some(range(12)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"
    assert did_you_mean("zzz", [f"column{n:02}" for n in range(12)]).endswith("column09 and 2 more.")


REFUSING = """
from head_ablation.common.problems import StudyError, run_script

def main():
    raise StudyError("prompts.jsonl: No space left on device")

run_script(main)
"""


def refusing_script(log):
    with Path(log).open("w") as file:
        command = [sys.executable, "-c", REFUSING]
        return subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=file, text=True, check=False)


def test_the_reason_stands_in_the_log(tmp_path):
    done = refusing_script(tmp_path / "a.log")
    assert (tmp_path / "a.log").read_text() == "error: prompts.jsonl: No space left on device\n"
    assert done.stdout == ""
    assert done.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_the_reason_reaches_the_screen_where_the_log_cannot_take_it():
    done = refusing_script("/dev/full")
    assert done.stdout == "error: prompts.jsonl: No space left on device\n"
    assert done.returncode != 0
