"""Results that somebody damaged by hand end the tables with one message: file, field, found, expected, what to do."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from project import PROJECT
from scored_result import scored

from head_ablation.common.problems import StudyError
from head_ablation.results.result_files import read_results

Made = dict[str, Any]
PLACE = "ablation/wu24/tiny/inc_year/tokens_3.json"
STATED = {"model_name": "a/model", "question_prompt": "When?", "ranking_method": "wu24"}
TEXTS = ("filename", "company", "gold", "text")


def made() -> Made:
    """A result of an own run."""
    return json.loads(json.dumps(scored() | STATED))


def put(*path: Any, value: Any) -> Callable[[Made], None]:
    def change(content: Any) -> None:
        for part in path[:-1]:
            content = content[part]
        content[path[-1]] = value

    return change


def drop(*path: Any) -> Callable[[Made], None]:
    def change(content: Any) -> None:
        for part in path[:-1]:
            content = content[part]
        del content[path[-1]]

    return change


def written(folder: Path, content: Any) -> Path:
    path = folder / "results" / "mine" / PLACE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def tables(folder: Path, *results: Path) -> subprocess.CompletedProcess[str]:
    """Runs the script that makes the tables."""
    outputs = {name: folder / name for name in ("samples", "levels", "curves", "flips", "key-results", "page")}
    arguments = [text for name, path in outputs.items() for text in (f"--{name}", str(path))]
    command = [sys.executable, "scripts/make_tables.py", "--task", '{"rankings":{}}', *arguments]
    command += ["--results", *map(str, results)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_a_result_is_read_as_it_is(tmp_path: Path) -> None:
    assert read_results([written(tmp_path, made())]) == [made()]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (drop("baseline"), "baseline: found nothing; expected this key"),
        (drop("baseline", "correct"), "baseline.correct: found nothing; expected this key"),
        (put("baseline", "total", value="4"), "baseline.total: found '4'; expected a value of type integer"),
        (drop("top_heads_ablations", 0, "num_heads"), "top_heads_ablations[0].num_heads: found nothing"),
        (put("top_heads_ablations", 0, value=[]), "top_heads_ablations[0]: found []; expected a value of type object"),
        (put("random_heads_ablations", value={}), "random_heads_ablations: found {}; expected"),
        (put("mine_heads_ablations", value=[{}]), "mine_heads_ablations[0].total: found nothing; expected this key"),
        (drop("random_heads_ablations", 0, "draws", 0, "draw"), "random_heads_ablations[0].draws[0].draw: found"),
        (put("baseline", "accuracy", value=float("nan")), "baseline.accuracy: found nan"),
        (put("majority_answer", value={"answer": "1929"}), "majority_answer.accuracy: found nothing"),
        (put("model_key", value="other"), "model_key: found other; expected tiny, as its path says"),
        (put("total_tokens", value=4), "total_tokens: found 4; expected 3, as its path says"),
        (put("ranking_method", value="mine"), "method: found mine; expected wu24, as its path says"),
        (drop("baseline", "samples", 0, "company"), "baseline.samples[0].company: found nothing; expected this key"),
        (put("baseline", "samples", 1, "correct", value=1), "baseline.samples[1].correct: found 1; expected by"),
        (put("baseline", "samples", 1, value="x"), "baseline.samples[1]: found 'x'; expected"),
        (put("baseline", "samples", value={}), "baseline.samples: found {}; expected"),
        (put("baseline", "samples", 0, "alternatives", value=[1]), "baseline.samples[0].alternatives[0]: found 1"),
        *((put("baseline", "samples", 0, key, value=None), f"baseline.samples[0].{key}: found None") for key in TEXTS),
    ],
)
def test_a_damaged_result_is_refused_by_file_and_field(
    tmp_path: Path, change: Callable[[Made], None], said: str
) -> None:
    content = made()
    change(content)
    with pytest.raises(StudyError) as refused:
        read_results([written(tmp_path, content)])
    assert f"results/mine/{PLACE}: {said}" in str(refused.value)
    assert "Remove this file below results/<study>/ and run again" in str(refused.value)


@pytest.mark.parametrize("content", ["[]", "3", '{"baseline": ', '"a text"', "{}"])
def test_what_is_no_result_at_all_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(StudyError, match=PLACE):
        read_results([written(tmp_path, content)])


def test_a_given_result_is_to_be_mended(tmp_path: Path) -> None:
    content = made()
    del content["protocol"], content["baseline"]["total"]
    with pytest.raises(StudyError, match=r"baseline.total.*Mend the given file \(results_from\) and run again"):
        read_results([written(tmp_path, content)])


def contradicting(content: Made) -> Made:
    content = copy.deepcopy(content)
    content["top_heads_ablations"][0]["correct"] += 1
    return content


@pytest.mark.slow
def test_the_script_ends_with_one_message_about_a_contradiction_or_damage_and_writes_nothing(tmp_path: Path) -> None:
    damaged = made()
    del damaged["baseline"]["total"]
    for content, said in (
        (
            contradicting(made()),
            f"{PLACE}: top-2: found 2 correct of 4; expected 1 of 4, as its samples that count say",
        ),
        (damaged, "baseline.total: found nothing; expected this key"),
    ):
        done = tables(tmp_path, written(tmp_path, content))
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert done.stderr.startswith("error: - ") and said in done.stderr
        assert {path.name for path in tmp_path.iterdir()} == {"results"}
    assert tables(tmp_path, written(tmp_path, made())).returncode == 0  # negative control
