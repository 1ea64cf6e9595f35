"""The benchmark compares like with like: two ways that answer alike, operations counted by hand, honest ratios."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from project import PROJECT
from tiny_llama import tiny_llama

from head_ablation.bench import engine as bench_engine
from head_ablation.bench.cases import Case, every_nth_head, random_prompts
from head_ablation.bench.engine import ablation_cost, against_generate, growth, reading_operations, sweep_from_parts
from head_ablation.bench.table import Row, show
from head_ablation.bench.usual_way import copying_hooks, parted, usual_answers
from head_ablation.common.problems import StudyError
from head_ablation.engine.ablation import ablate
from head_ablation.engine.prefill import Prefix
from head_ablation.heads.head import HeadSet

VOCABULARY = 1100  # random prompts leave the last 1000 tokens out


@pytest.fixture(scope="module")
def case() -> Case:
    model = tiny_llama()
    ids = torch.randint(3, model.config.vocab_size, (3, 12), generator=torch.Generator().manual_seed(1)).tolist()
    return Case(model, ids, every_nth_head(model, step=3), max_new_tokens=3)


def test_both_ways_give_the_same_answers_and_ratios_are_positive(case: Case) -> None:
    found = against_generate(case, repeats=1)
    assert found["generate_per_prompt_over_ours"] > 0
    assert (found["answers_parted"], found["prompts"]) == (0, 3)
    cost = ablation_cost(case, repeats=1)
    assert all(value > 0 for value in cost.values())


def test_the_benchmarks_own_hooks_ablate_as_ours_do(case: Case) -> None:
    ids = torch.tensor(case.prompts)
    with torch.inference_mode():
        whole = case.model(ids).logits
        with ablate(case.model, case.heads):
            ours = case.model(ids).logits
        with copying_hooks(case.model, case.heads):
            theirs = case.model(ids).logits
    assert torch.equal(ours, theirs)
    assert not torch.allclose(ours, whole, atol=0.1)  # negative control


def test_ways_that_ablate_other_heads_are_refused(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    others = replace(case, heads=HeadSet.parse(["L0H1", "L0H2", "L1H2"]), max_new_tokens=8)
    wrong = usual_answers(others)
    assert wrong != usual_answers(replace(case, max_new_tokens=8))
    monkeypatch.setattr(bench_engine, "usual_answers", lambda _: wrong)
    with pytest.raises(StudyError, match="expected the same"):
        against_generate(replace(case, max_new_tokens=8), repeats=1)


def test_an_answer_that_differs_without_a_tie_is_refused_in_float32_and_counted_in_half_precision(case: Case) -> None:
    plain = replace(case, prompts=case.prompts[:1], heads=HeadSet(()))
    with torch.inference_mode():
        best, *_, worst = case.model(torch.tensor(plain.prompts)).logits[0, -1].argsort(descending=True).tolist()
    with pytest.raises(StudyError, match="expected the same"):
        parted(plain, [[best]], [[worst]])
    half = replace(plain, model=tiny_llama().to(torch.bfloat16), prompts=case.prompts[:1] * 4)
    found = parted(half, [[best]] * 4, [[worst], [best], [best], [worst]])
    assert found["answers_parted"] == 2
    assert found["worst_gap_logits"] > found["noise_logits"] >= 0


def test_equal_answers_have_not_parted(case: Case) -> None:
    assert parted(replace(case, prompts=case.prompts[:1]), [[5, 6]], [[5, 6, 7]])["answers_parted"] == 0


def test_operations_are_counted_as_by_hand(case: Case) -> None:
    # A layer of the tiny Llama: queries and outputs 32 x 32, keys and values 16 x 32 each, three MLP matrices 48 x 32,
    # two norms of 32. Attention: 4 heads of width 8, 3 pairs of two positions, queries and values.
    layer = 2 * 32 * 32 + 2 * 16 * 32 + 3 * 48 * 32 + 2 * 32
    assert reading_operations(case.model, 2) == 2 * 2 * layer * 2 + 2 * (4 * 4 * 8 * 3)


def test_random_prompts_are_exactly_long_and_share_filler_only_if_asked() -> None:
    apart, together = (random_prompts(4, 200, VOCABULARY, shared) for shared in (False, True))
    assert {len(prompt) for prompt in apart + together} == {200}
    assert max(Prefix.of(torch.tensor(apart)).shared) < 5
    assert min(Prefix.of(torch.tensor(together)).shared) > 60


def test_growth_is_over_proportion(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([1.0, 8.0, 2.0, 3.0, 1.0, 3.0])
    monkeypatch.setattr(bench_engine, "timed", lambda _: (next(seconds), None))
    longer = replace(case, prompts=random_prompts(3, 24, VOCABULARY, shared=False))
    found = growth(case, [case, longer], samples=(1, 3), conditions=(1, 3))
    assert {name: part["over_proportion"] for name, part in found.items()} == {
        "tokens": 4,
        "samples": 0.5,
        "conditions": 1,
    }


def test_a_sweep_loads_once() -> None:
    measured = {"generate_seconds": 10.0, "our_seconds": 2.0}
    assert sweep_from_parts(measured, load_seconds=5, conditions=13)["processes_over_one_sweep"] == 13 * 15 / 31


def test_a_row_is_shown_before_the_next_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    def rows() -> Iterator[Row]:
        yield "ours", 1.23456, ">= 1"
        raise StudyError("the next cannot be measured")

    with pytest.raises(StudyError):
        show(rows())
    assert capsys.readouterr().out.splitlines()[-1] == "| ours | 1.23 | >= 1 |"


@pytest.mark.slow
def test_the_script_for_gpus_needs_torch_and_transformers_alone(tmp_path: Path) -> None:
    arguments = ["--device", "cpu", "--small", "--tokens", "32", "64", "--prompts", "4"]
    without = "import sys; sys.modules.update(dict.fromkeys(('snakemake', 'pandas', 'jsonschema', 'rouge_score')))"
    started = f"import runpy; sys.argv[1:] = {[*arguments, '--output', str(tmp_path / 'b.json')]!r}"
    run = "runpy.run_path('scripts/bench_gpu.py', run_name='__main__')"
    command = [sys.executable, "-c", f"{without}; {started}; {run}"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "b.json").read_text())
    assert {"device", "float32", "32_tokens", "64_tokens", "growth", "sweep"} <= found.keys()
    assert "| one generate per prompt / ours, at 32 tokens |" in done.stdout
