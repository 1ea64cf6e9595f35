"""The benchmark's processes: a sweep in one of them says what one process per condition says."""

from __future__ import annotations

import pytest
from tiny_llama import save_tiny_llama

from head_ablation.bench import processes as bench_processes
from head_ablation.bench.processes import short_needles, sweep_against_processes, thirteen_conditions
from head_ablation.common.problems import StudyError
from head_ablation.heads.head import ModelShape

CONDITIONS = [[], ["L0H1", "L1H2"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    return str(save_tiny_llama(tmp_path_factory.mktemp("model") / "tiny"))


@pytest.mark.slow
def test_one_sweep_answers_as_a_process_per_condition(folder: str) -> None:
    held = b"x" * 2_000_000_000  # of this process, and none of theirs
    found = sweep_against_processes(folder, [[1, 20, 30, 40], [1, 20, 50, 60]], CONDITIONS, threads=1)
    assert found["conditions"] == 2
    assert found["processes_over_one_sweep"] > 0
    assert all(100 < found[f"{way}_peak_mb"] < len(held) / 1e6 for way in ("our", "usual"))  # torch is one hundred


def test_a_sweep_that_answers_differently_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"ours": [[[5]], [[6]]], "usual": [[[5]]]}
    monkeypatch.setattr(bench_processes, "_process", lambda way, _: {"answers": said[way], "peak_mb": 1})
    with pytest.raises(StudyError, match="gives other answers"):
        sweep_against_processes("any", [[1]], CONDITIONS, threads=1)


def test_needles_are_short_and_prompts_exactly_long(folder: str) -> None:
    prompts = short_needles(folder, 700, 5)
    assert {len(prompt) for prompt in prompts} == {700}
    assert len({tuple(prompt) for prompt in prompts}) == 5
    assert all(prompt[:100] == prompts[0][:100] for prompt in prompts)


def test_a_sweep_has_a_baseline_and_two_arms_of_nested_levels() -> None:
    sets = thirteen_conditions(ModelShape(30, 9))
    assert [len(heads) for heads in sets] == [0, *(2 * [5, 10, 20, 30, 40, 50])]
    assert set(sets[1]) < set(sets[6])
    assert set(sets[1]) != set(sets[7])
