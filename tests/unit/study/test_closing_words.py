"""When a run ends, its logs' own reasons and warnings are said: those of this run, equal ones once."""

from head_ablation.study.closing_words import closing_words, log_state


def write(folder, name, text):
    path = folder / "logs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_reasons_and_warnings_of_this_run_are_said(tmp_path):
    write(tmp_path, "old.log", "error: of an earlier run\n")
    before = log_state([tmp_path])
    failed = write(
        tmp_path, "ablation/one.log", "reading\nerror: - a.json: heads: found L9H9; expected L0H1\n- another\n"
    )
    write(tmp_path, "heads/two.log", "warning: level 30 is not decided\nwritten\n")
    write(tmp_path, "good.log", "from the store: an error: is not here\n")
    assert closing_words([tmp_path], before) == [
        f"failed: - a.json: heads: found L9H9; expected L0H1\n- another\n  (log: {failed})",
        "warning: level 30 is not decided",
    ]
    assert closing_words([tmp_path], log_state([tmp_path])) == []


def test_a_log_written_again_is_of_this_run(tmp_path):
    write(tmp_path, "again.log", "error: first\n")
    before = log_state([tmp_path])
    write(tmp_path, "again.log", "error: second\n")
    assert closing_words([tmp_path], before)[0].startswith("failed: second")


def test_the_last_line_of_a_traceback_is_said(tmp_path):
    write(tmp_path, "crash.log", "Traceback (most recent call last):\n  File ...\nKeyError: 'heads'\n")
    assert closing_words([tmp_path], {})[0].startswith("failed: KeyError: 'heads'\n")


def test_many_jobs_with_one_reason_are_one_message(tmp_path):
    for n in range(30):
        write(tmp_path, f"{n:02}.log", "error: no GPU\n")
    (said,) = closing_words([tmp_path], {})
    assert said.startswith("failed: no GPU\n") and said.endswith("09.log and 20 more)")
