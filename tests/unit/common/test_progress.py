"""Progress in a log: lines of their own with prompts read, prompts a second and the time left; a bar on a terminal."""

import os
import pty
import re
import subprocess
import sys
import termios
import time

import pytest
from project import PROJECT

from head_ablation.common.progress import progress

pytestmark = pytest.mark.slow  # it waits

LINE = re.compile(r"top-5: (?P<done>\d+)/(?P<total>\d+) prompts read, *(?P<rate>[\d.]+) prompts/s, \d\d:\d\d left")
TO_A_TERMINAL = """
from head_ablation.common.progress import progress
with progress(3, "top-5") as bar:
    bar.update(3)
"""


def run(count, seconds=0.0, fail_at=None, group=1):
    """Reads `count` prompts, a group at a time, each group `seconds` long."""
    with progress(count, "top-5") as bar:
        for start in range(0, count, group):
            if start == fail_at:
                raise ZeroDivisionError
            time.sleep(seconds)
            bar.update(min(group, count - start))


def lines(capsys):
    """What stderr holds, line by line, each of them checked; (done, total)."""
    said = capsys.readouterr().err
    assert "\r" not in said
    assert said.endswith("\n") or not said
    matches = [LINE.fullmatch(line) for line in said.split("\n")[:-1]]
    assert all(matches), said
    return [(int(match["done"]), int(match["total"])) for match in matches]


def test_a_quick_job_says_once_that_all_is_done(capsys):
    run(7)
    assert lines(capsys) == [(7, 7)]


def test_a_slow_job_says_now_and_then_how_far_it_is(capsys, monkeypatch):
    monkeypatch.setattr("head_ablation.common.progress.LOG_SECONDS", 0.1)
    run(20, 0.03)
    said = lines(capsys)
    assert len(said) >= 3
    assert [done for done, _ in said] == sorted({done for done, _ in said})
    assert said[-1] == (20, 20)


def test_a_job_within_the_interval_says_nothing_on_the_way(capsys):
    run(20, 0.03)
    assert lines(capsys) == [(20, 20)]  # negative control: it is the interval that makes lines


def test_prompts_that_take_longer_than_a_second_are_still_counted_by_the_second(capsys):
    run(1, 1.2)
    assert lines(capsys) == [(1, 1)]


def test_the_rate_is_that_of_all_prompts_however_many_are_read_at_once(capsys):
    run(20, 0.5, group=10)
    (line,) = capsys.readouterr().err.splitlines()
    assert 10 < float(LINE.fullmatch(line)["rate"]) <= 20


def test_a_failed_job_does_not_say_that_all_is_done(capsys):
    with pytest.raises(ZeroDivisionError):
        run(20, fail_at=12)
    assert (20, 20) not in lines(capsys)


def test_the_lines_are_told_from_a_bar():
    assert LINE.fullmatch("top-5: 3/9 prompts read, 12.50 prompts/s, 00:07 left")
    for other in ("top-5: 3/9, 12.50it/s, 00:07 left", "top-5:  33%|###   | 3/9 [00:00<00:00, 2.00 prompts/s]"):
        assert not LINE.fullmatch(other)


def test_a_terminal_has_a_bar_that_draws_over_itself():
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    try:
        subprocess.run([sys.executable, "-c", TO_A_TERMINAL], cwd=PROJECT, stderr=theirs, check=True, timeout=30)
        said = os.read(ours, 10_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert "\r" in said
    assert "3/3" in said
    assert " prompts/s" in said
