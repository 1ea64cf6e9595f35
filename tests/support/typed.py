"""Typed settings from flat keyword arguments, with what tests usually want as defaults."""

from __future__ import annotations

from typing import Any

from head_ablation.detectors.settings import DetectorChoice, RankingSettings, ScoreSettings
from head_ablation.engine.settings import AblationSettings, LevelSettings, RunSettings
from head_ablation.heads.condition import ArmSettings
from head_ablation.prompts.layout import Layout, PromptSettings

RUN = {
    "max_new_tokens": 3,
    "stop": ("\n",),
    "batch_size": 2,
    "memory_gb": None,
    "dtype": "float32",
    "attention": "sdpa",
    "device": "cpu",
    "trust_remote_code": False,
    "software": "minor",
}

ASKED = PromptSettings(Layout("{filler}{passage}{filler}?{question}", "A:", False, 0.5, 1), "Which year?")


def run_settings(**changes: Any) -> RunSettings:
    """How a model is run."""
    return RunSettings(**{**RUN, **changes})


def level_settings(positions: str = "all", **run: Any) -> LevelSettings:
    """How the generations of a level are made."""
    return LevelSettings(run_settings(**run), AblationSettings(positions=positions))


def score_settings(*detectors: str, prompts: int = 3, needle: str = "passage", **run: Any) -> ScoreSettings:
    """How heads are scored on questions about years: by the copy score, or by these detectors."""
    choices = tuple(DetectorChoice(name, {}) for name in detectors or ("copy_score",))
    return ScoreSettings(run_settings(**run), choices, ASKED, prompts, needle, "year")


def ranking_settings(detector: str = "copy_score", success: str = "matcher", **changes: Any) -> RankingSettings:
    """How heads are ranked, on questions about years."""
    settings = {"prompts": 3, "needle": "passage", "success": success, "matcher": "year", **changes}
    return RankingSettings(DetectorChoice(detector, {}), **settings)


def arms(**random: Any) -> ArmSettings:
    """Top heads, and random ones with these options."""
    return ArmSettings({"top": {}, "random": random})
