"""What GPU jobs compute: a model, prompts and settings whose batch size is settled here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from head_ablation.detectors.settings import DetectionSettings
from head_ablation.engine.settings import LevelSettings
from head_ablation.heads.head import HeadSet
from head_ablation.jobs.batch_size import Load, settle
from head_ablation.jobs.protocol import Protocol, detection_protocol, generation_protocol
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
class DetectionWork:
    """A detected ranking.

    Attributes:
        pointer: the model.
        watched: the train prompts that heads are ranked on.
        settings: with a settled batch size.
        answerable, prompts: how many train prompts hold their answer, of how many.
    """

    pointer: Pointer
    watched: Sequence[Prompt]
    settings: DetectionSettings
    answerable: int
    prompts: int

    @classmethod
    def of(cls, pointer: Pointer, prompts: Sequence[Prompt], settings: DetectionSettings) -> DetectionWork:
        """From all train prompts and the study's settings; StudyError if there is no room for one prompt."""
        run = settle(settings.run, pointer.name, pointer.size, Load.of(prompts))
        answerable = sum(prompt.answerable for prompt in prompts)
        return cls(pointer, settings.watched(prompts), replace(settings, run=run), answerable, len(prompts))

    @property
    def protocol(self) -> Protocol:
        """What decides the ranking."""
        return detection_protocol(self.pointer, self.watched, self.settings)
