"""A key that stands twice in a YAML or JSON file is refused with both lines, wherever the file is read."""

import subprocess
import sys

import pytest
from project import PROJECT

from head_ablation.common.problems import StudyError
from head_ablation.common.yaml_files import read_yaml, repeated_keys
from head_ablation.results.claims import claims_problems

TWICE = "study: a\nmodels:\n  m: {source: x}\n  'm': {source: y}\nlist:\n- b: 1\n  b: 2\nstudy: c\n"


def found(path, text):
    path.write_text(text, encoding="utf-8")
    return [f"{problem.field}: {problem.found}" for problem in repeated_keys(path)]


def test_repeated_keys_are_named_at_every_depth_with_both_lines(tmp_path):
    assert found(tmp_path / "config.yaml", TWICE) == [
        "models.m: this key in line 3 and in line 4",
        "list[0].b: this key in line 6 and in line 7",
        "study: this key in line 1 and in line 8",
    ]


def test_json_is_judged_alike_and_on_one_line(tmp_path):
    assert found(tmp_path / "config.json", '{"a": 1, "b": {"c": 1, "c": 2}}') == [
        "b.c: this key in line 1 and in line 1"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a: {b: 1}\nc: {b: 1}\n",
        "a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}\ne: *x\n",
        "?if a: 1\n?if a: 2\n",
        "'1': a\n1: b\n",
        "",
        "[broken",
    ],
)
def test_other_files_have_none(tmp_path, text):
    assert found(tmp_path / "config.yaml", text) == []


def test_a_file_whose_anchors_multiply_is_walked_once(tmp_path):
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40))]
    assert found(tmp_path / "config.yaml", "\n".join(lines)) == []


def test_a_bank_and_claims_are_refused(tmp_path):
    (tmp_path / "bank.yaml").write_text("q: {text: a}\nq: {text: b}\n", encoding="utf-8")
    with pytest.raises(StudyError, match=r"bank\.yaml: q: found this key in line 1 and in line 2; "):
        read_yaml(tmp_path / "bank.yaml")
    claim = "{method: m, arm: top, level: 5, level: 10, mean_drop_points: 1.0}"
    (tmp_path / "claims.yaml").write_text(f"source: s\nclaims:\n- {claim}\n", encoding="utf-8")
    assert [problem.field for problem in claims_problems(tmp_path / "claims.yaml")] == ["claims[0].level"]


@pytest.mark.slow
def test_a_config_with_a_key_twice_is_refused_before_anything_is_planned(tmp_path):
    text = (PROJECT / "config.yaml").read_text(encoding="utf-8").replace("\nseed: 42\n", "\nseed: 42\nlevels: [4]\n")
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(PROJECT / "Snakefile"), "-n", "--cores", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    first, second = (n for n, line in enumerate(text.splitlines(), start=1) if line.startswith("levels:"))
    assert (
        f"config.yaml: levels: found this key in line {first} and in line {second}; expected"
        in done.stdout + done.stderr
    )
