"""What GPU jobs compute: a model, prompts and settings whose batch size is settled here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from head_ablation.detectors import DETECTORS
from head_ablation.detectors.settings import DetectorChoice, ScoreSettings, watched_prompts
from head_ablation.engine.settings import LevelSettings
from head_ablation.heads.head import HeadSet
from head_ablation.jobs.batch_size import MOST_ROWS, Load, settle
from head_ablation.jobs.protocol import Protocol, generation_protocol, score_protocol
from head_ablation.models.pointer import Pointer
from head_ablation.prompts.prompt import Prompt, prompts_digest


@dataclass(frozen=True)
class LevelWork:
    """The generations of one experiment, whatever heads are ablated.

    Attributes:
        pointer: the model.
        prompts_sha256: digest of the test prompts.
        settings: with a settled batch size.
    """

    pointer: Pointer
    prompts_sha256: str
    settings: LevelSettings

    @classmethod
    def of(cls, pointer: Pointer, prompts: Sequence[Prompt], settings: LevelSettings) -> LevelWork:
        """From the study's settings; StudyError if there is no room for one prompt."""
        return cls.about(pointer, prompts_digest(prompts), Load.of(prompts), settings)

    @classmethod
    def about(cls, pointer: Pointer, prompts_sha256: str, load: Load, settings: LevelSettings) -> LevelWork:
        """As `of`, of prompts of which digest and load are known."""
        run = settle(settings.run, pointer.name, pointer.size, load)
        return cls(pointer, prompts_sha256, replace(settings, run=run))

    def protocol(self, heads: HeadSet) -> Protocol:
        """What decides the generations of one condition."""
        return generation_protocol(self.pointer, self.prompts_sha256, heads, self.settings)


@dataclass(frozen=True)
class Unit:
    """What one store entry holds the scores of.

    Attributes:
        detector: the detector's place among those that were asked for.
        prompt: the train prompt; None: all draws of a detector that reads no prompts.
        protocol: what decides the scores.
    """

    detector: int
    prompt: Prompt | None
    protocol: Protocol


@dataclass(frozen=True)
class ScoringWork:
    """The scores of a model's heads on the train prompts of one experiment.

    Attributes:
        pointer: the model.
        watched: the train prompts that heads are scored on.
        settings: with a settled batch size.
    """

    pointer: Pointer
    watched: Sequence[Prompt]
    settings: ScoreSettings

    @classmethod
    def of(cls, pointer: Pointer, prompts: Sequence[Prompt], settings: ScoreSettings) -> ScoringWork:
        """From all train prompts and the study's settings; StudyError if there is no room for one prompt."""
        watched = watched_prompts(prompts, settings.prompts)
        # As many as fit, however many there are: one more prompt changes no other's protocol.
        load = replace(Load.of(prompts), prompts=MOST_ROWS)
        apart = max((_apart(pointer, one, settings, load.tokens) for one in settings.detectors), default=0.0)
        run = settle(settings.run, pointer.name, pointer.size, load, apart)
        return cls(pointer, watched, replace(settings, run=run))

    @cached_property
    def units(self) -> list[Unit]:
        """All that is scored, detector by detector."""
        return [unit for place in range(len(self.settings.detectors)) for unit in self._units_of(place)]

    def _units_of(self, place: int) -> list[Unit]:
        choice = self.settings.detectors[place]
        detector, options = DETECTORS[choice.name], DETECTORS.chosen_options(choice.name, choice.options)
        chosen = detector.prompts_of(self.watched, options) if detector.reads_prompts else [None]
        return [Unit(place, prompt, score_protocol(self.pointer, choice, prompt, self.settings)) for prompt in chosen]


def _apart(pointer: Pointer, choice: DetectorChoice, settings: ScoreSettings, tokens: int) -> float:
    """What a detector holds in a pass of its own, in which no prompts are held together."""
    detector = DETECTORS[choice.name]
    return detector.memory_bytes(pointer.size, settings.run.dtype, tokens) if pointer.size and detector.measure else 0.0
