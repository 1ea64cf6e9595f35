"""Head scores are computed once for each prompt and detector; rankings are made of them without a model."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tiny_jobs import PROMPTS, RESOURCES, claimed_elsewhere, tiny_job
from typed import ranking_settings, score_settings

from head_ablation.common.files import read_json
from head_ablation.common.problems import StudyError
from head_ablation.detectors import DETECTORS
from head_ablation.detectors.scores import COLUMNS, read_scores
from head_ablation.detectors.settings import DetectorChoice
from head_ablation.engine import runner as runs
from head_ablation.engine.settings import AblationSettings
from head_ablation.heads.head import HeadSet, ModelShape
from head_ablation.heads.rankings import RankingIdentity
from head_ablation.jobs.job import ScoringJob
from head_ablation.jobs.protocol import scoring_claim
from head_ablation.jobs.ranking import RankingTask, make_ranking
from head_ablation.jobs.scores import make_scores
from head_ablation.jobs.store import Store
from head_ablation.jobs.work import ScoringWork
from head_ablation.prompts.prompt import Prompt

IDENTITY = RankingIdentity("wu24", "tiny", "org/tiny", "inc_year", "Which year?", 4, 0.5)
UNANSWERABLE = replace(PROMPTS[0], answer_span=None, filename="unanswerable")
RUN = {"stop": (), "max_new_tokens": 6}


class Jobs:
    """Jobs of one tiny model and store.

    Attributes:
        folder: where scores and rankings go.
        read: filename -> how many times it was read, since it was cleared.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.job = tiny_job(folder, **RUN)
        self.read: Counter[str] = Counter()

    def said(self) -> list[str]:
        """The model's own answers."""
        rows, _ = self.job.runner.answer(PROMPTS, HeadSet(()), AblationSettings(), "baseline")
        return [row["text"] for row in rows]

    def scoring(self, train: list[Prompt], *detectors: str, **changes: Any) -> ScoringJob:
        settings = score_settings(*detectors, **{**RUN, **changes})
        work = ScoringWork.of(self.job.work.pointer, train, settings)
        return ScoringJob(work, Store(self.folder / "store"), RESOURCES)

    def score(self, train: list[Prompt], *detectors: str, **changes: Any) -> pd.DataFrame:
        """Makes the file of scores, and gives its table."""
        paths = self.folder / "scores.parquet", self.folder / "scores.index.json"
        make_scores(self.scoring(train, *detectors, **changes), *paths)
        return pd.read_parquet(paths[0])

    def rank(self, train: list[Prompt], detector: str = "copy_score", **changes: Any) -> dict[str, Any]:
        settings = ranking_settings(detector, matcher="text", **changes)
        make_ranking(self.folder / "scores.parquet", train, RankingTask(IDENTITY, settings), self.folder / "r.json")
        return read_json(self.folder / "r.json")

    def entries(self) -> set[str]:
        return {path.name for path in Store(self.folder / "store").entry_files()}


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    made = Jobs(tmp_path)
    score_prompts = runs_of_passes()

    def counted(reading: Any, prompts: list[Prompt], chosen: Any, on_read: Any) -> Any:
        made.read.update(f"{prompt.filename} {one.detector.name}" for prompt in prompts for one in chosen)
        return score_prompts(reading, prompts, chosen, on_read)

    monkeypatch.setattr("head_ablation.jobs.scores.score_prompts", counted)
    return made


def runs_of_passes() -> Any:
    from head_ablation.detectors.passes import score_prompts

    return score_prompts


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models loaded so far."""
    made: list[str] = []
    load = runs.load_model

    def counted(pointer: Any, *others: Any) -> Any:
        made.append(pointer.name)
        return load(pointer, *others)

    monkeypatch.setattr(runs, "load_model", counted)
    return made


def answered(jobs: Jobs, gold: str | None = None) -> list[Prompt]:
    """Train prompts whose gold answer is what the model says, or `gold`."""
    return [replace(prompt, gold=gold or text) for prompt, text in zip(PROMPTS, jobs.said(), strict=True)]


def test_scores_are_computed_once_and_then_come_from_the_store(jobs: Jobs, loads: list[str]) -> None:
    table = jobs.score(PROMPTS, "copy_score", "summed_attention")
    assert len(loads) == 1
    assert {name: str(kind) for name, kind in table.dtypes.items()} == COLUMNS
    assert len(table) == 2 * 3 * 8  # detectors, prompts, heads
    first = (jobs.folder / "scores.parquet").read_bytes()
    jobs.score(PROMPTS, "copy_score", "summed_attention")
    assert len(loads) == 1 and (jobs.folder / "scores.parquet").read_bytes() == first


def test_a_new_detector_computes_only_itself(jobs: Jobs) -> None:
    before = jobs.score(PROMPTS, "copy_score")
    kept = jobs.entries()
    jobs.read.clear()
    after = jobs.score(PROMPTS, "copy_score", "summed_attention")
    assert set(jobs.read) == {f"{prompt.filename} summed_attention" for prompt in PROMPTS}
    assert kept < jobs.entries() and len(jobs.entries()) == 2 * len(kept)
    pd.testing.assert_frame_equal(after[after["detector"] == "copy_score"], before)


def test_a_longer_train_set_computes_only_the_new_prompts(jobs: Jobs) -> None:
    jobs.score(PROMPTS[:2], "copy_score", "summed_attention")
    jobs.read.clear()
    jobs.score([PROMPTS[2], *PROMPTS[:2]], "copy_score", "summed_attention")
    assert {name.split()[0] for name in jobs.read} == {PROMPTS[2].filename}
    jobs.read.clear()
    jobs.score(PROMPTS[1:], "copy_score")
    assert not jobs.read


def test_another_prompt_version_or_setting_is_computed_anew(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.score(PROMPTS, "copy_score")
    jobs.read.clear()
    jobs.score([replace(PROMPTS[0], passage_span=(0, 3)), *PROMPTS[1:]], "copy_score")
    assert set(jobs.read) == {"0.txt copy_score"}
    raised = replace(DETECTORS["copy_score"], version=DETECTORS["copy_score"].version + 1)
    monkeypatch.setitem(DETECTORS._entries, "copy_score", raised)
    jobs.read.clear()
    jobs.score(PROMPTS, "copy_score")
    assert len(jobs.read) == 3


def test_a_kill_loses_no_prompt_that_was_through(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    from head_ablation.engine.watching import WatchedBatch

    made: list[int] = []

    class Killed(WatchedBatch):
        def __init__(self, *arguments: Any):
            made.append(len(arguments[1]))
            if len(made) == 2:
                raise KeyboardInterrupt
            super().__init__(*arguments)

    monkeypatch.setattr("head_ablation.engine.watching.WatchedBatch", Killed)
    with pytest.raises(KeyboardInterrupt):
        jobs.score(PROMPTS, "copy_score", batch_size=2)
    assert len(jobs.entries()) == 2
    jobs.read.clear()
    jobs.score(PROMPTS, "copy_score", batch_size=2)
    assert len(jobs.read) == 1


def test_scores_that_another_job_computes_are_waited_for(jobs: Jobs, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(jobs.folder / "store")
    claim = scoring_claim(jobs.job.work.pointer, PROMPTS)
    with claimed_elsewhere(store, claim) as (holder, is_held):
        assert is_held

        def done(_self: Store, protocol: Any) -> None:
            assert protocol == claim
            holder.stdin.write("\n")
            holder.stdin.flush()
            holder.wait()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Store, "wait", done)
            jobs.score(PROMPTS, "copy_score")
    assert "another job is scoring this model on these prompts" in capsys.readouterr().err
    assert len(jobs.entries()) == 3


def test_draws_need_no_prompts_and_serve_every_question(jobs: Jobs, loads: list[str]) -> None:
    jobs.score([UNANSWERABLE], "induction")
    ranking = jobs.rank([UNANSWERABLE], "induction")
    assert (len(ranking["head_rankings"]), ranking["samples_processed"]) == (8, 10)
    assert "successful_retrievals" not in ranking
    jobs.score(PROMPTS, "induction", needle="answer")
    assert len(loads) == 1


def test_a_detector_on_few_prompts_does_not_part_the_pass_of_the_others(jobs: Jobs) -> None:
    batches: list[int] = []
    watched = runs_of_passes()

    def counted(reading: Any, prompts: list[Prompt], chosen: Any, on_read: Any) -> Any:
        batches.append(len(prompts))
        return watched(reading, prompts, chosen, on_read)

    prompts = [replace(prompt, gold="1929") for prompt in PROMPTS]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("head_ablation.jobs.scores.score_prompts", counted)
        choices = (DetectorChoice("copy_score", {}), DetectorChoice("single_head", {"prompts": 1, "distractors": 0}))
        settings = replace(score_settings(**RUN), detectors=(*choices, DetectorChoice("locos", {})))
        work = ScoringWork.of(jobs.job.work.pointer, prompts, settings)
        make_scores(ScoringJob(work, jobs.job.store, RESOURCES), jobs.folder / "s.parquet", jobs.folder / "s.json")
    assert batches == [3, 1]


def test_single_heads_are_scored_on_few_prompts(jobs: Jobs) -> None:
    prompts = [replace(prompt, gold="1929") for prompt in PROMPTS]
    settings = score_settings(**RUN)
    choice = DetectorChoice("single_head", {"prompts": 2, "distractors": 1})
    for count in (2, 3):
        chosen = replace(choice, options={**choice.options, "prompts": count})
        work = ScoringWork.of(jobs.job.work.pointer, prompts, replace(settings, detectors=(chosen,)))
        assert [unit.prompt for unit in work.units] == prompts[:count]


# Rankings


def test_a_ranking_is_the_mean_over_answered_prompts_and_needs_no_model(jobs: Jobs, loads: list[str]) -> None:
    prompts = [UNANSWERABLE, *answered(jobs)]
    table = jobs.score(prompts, "copy_score", "summed_attention", prompts=2)
    before = len(loads)
    ranking = jobs.rank(prompts, prompts=2)
    assert (ranking["samples_processed"], ranking["successful_retrievals"]) == (2, 2)
    assert len({entry["head"] for entry in ranking["head_rankings"]}) == 8
    summed = jobs.rank(prompts, "summed_attention", prompts=2)
    own = table[table["detector"] == "summed_attention"].groupby(["layer", "head"])["score"].mean()
    for entry in summed["head_rankings"]:
        layer, head = map(int, entry["head"][1:].split("H"))
        assert entry["score"] == pytest.approx(own[layer, head])
        assert entry["lift"] == pytest.approx(entry["score"] / (2 / 4))  # two of four tokens are the needle
    assert len(loads) == before


def test_a_ranking_without_a_right_answer_says_why_and_what_to_change(
    jobs: Jobs, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = [UNANSWERABLE, *answered(jobs, "never said")]
    jobs.score(prompts, "copy_score", "summed_attention", prompts=2)
    ranking = jobs.rank(prompts, prompts=2)
    assert (ranking["samples_processed"], ranking["successful_retrievals"], ranking["head_rankings"]) == (2, 0, [])
    counted = "3 of 4 train prompts hold their answer; 2 were read and 0 answered correctly. The model said "
    assert ranking["unranked"].startswith(counted)
    assert "to 0.txt, whose answer is 'never said'; " in ranking["unranked"]
    assert "to 1.txt, whose answer is 'never said'. Give the model a stem" in ranking["unranked"]
    assert f"warning: wu24/tiny/inc_year/tokens_4: no head could be ranked. {counted}" in capsys.readouterr().err
    assert "unranked" not in jobs.rank(prompts, "summed_attention", prompts=2)  # which needs no answers
    right = answered(jobs)
    jobs.score(right, "copy_score")
    assert "unranked" not in jobs.rank(right)


def test_prompts_without_an_answer_load_no_model(jobs: Jobs, loads: list[str]) -> None:
    cut = [replace(prompt, answer_span=None, reason="cut off") for prompt in PROMPTS]
    jobs.score(cut, "copy_score")
    ranking = jobs.rank(cut)
    assert loads == [] and ranking["head_rankings"] == [] and ranking["success_rate"] == 0
    assert ranking["unranked"].startswith(
        "0 of 3 train prompts hold their answer; 0 were read and 0 answered correctly."
    )
    assert "Use longer prompts (tokens)" in ranking["unranked"].split(".")[1]


def test_a_ranking_from_few_prompts_is_warned_of(jobs: Jobs, capsys: pytest.CaptureFixture[str]) -> None:
    prompts = [UNANSWERABLE, *answered(jobs)]
    jobs.score(prompts, "copy_score", prompts=2)
    jobs.rank(prompts, prompts=2)
    said = capsys.readouterr().err
    assert "3 of 4 train prompts hold their answer; 2 were read and 2 answered correctly." in said
    assert "warning: wu24/tiny/inc_year/tokens_4: the ranking rests on few prompts: 2; fewer than 5 say little" in said


def test_scores_of_two_options_of_a_detector_stand_apart(jobs: Jobs, tmp_path: Path) -> None:
    choices = tuple(DetectorChoice("induction", {"length": 4, "draws": 2, "seed": seed}) for seed in (0, 1))
    work = ScoringWork.of(jobs.job.work.pointer, PROMPTS, replace(score_settings(**RUN), detectors=choices))
    file = tmp_path / "two.parquet"
    make_scores(ScoringJob(work, jobs.job.store, RESOURCES), file, tmp_path / "two.json")
    (heads, first), (_, second) = (read_scores(file, choice) for choice in choices)
    assert heads == ModelShape(2, 4).all_heads()
    assert [unit.unit for unit in first] == ["draw-0", "draw-1"]
    assert [unit.scores for unit in first] != [unit.scores for unit in second]


def test_a_file_without_its_columns_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "scores.parquet"
    pd.DataFrame({"detector": ["copy_score"]}).to_parquet(file)
    with pytest.raises(StudyError, match=r"scores\.parquet: score: found no such column"):
        read_scores(file, DetectorChoice("copy_score", {}))
