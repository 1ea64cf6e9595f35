"""How a model is run: the config's words for loading, decoding and ablating. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from head_ablation.engine.interventions import INTERVENTIONS

NO_RESULT = ("device", "memory_gb")  # where a model runs decides no answer
STATED_APART = ("software",)  # the protocol states releases themselves


@dataclass(frozen=True)
class RunSettings:
    """How one model is loaded and its answers are decoded.

    Attributes:
        dtype, attention, device, trust_remote_code: as transformers loads the model.
        batch_size: prompts held and decoded together, or `auto`.
        memory_gb: what `auto` may fill, in GB; None for the weights and 8 GB of main memory.
        max_new_tokens: greedy steps at most.
        stop: strings that end an answer once it contains one of them.
        software: which releases of torch and transformers are taken for the same.
    """

    dtype: str
    attention: str
    device: str
    trust_remote_code: bool
    batch_size: int | str
    memory_gb: float | None
    max_new_tokens: int
    stop: tuple[str, ...]
    software: str

    def stated(self) -> dict[str, Any]:
        """What a protocol says of it: all that decides an answer."""
        fields = {key: value for key, value in asdict(self).items() if key not in (*NO_RESULT, *STATED_APART)}
        return {**fields, "stop": list(self.stop)}


@dataclass(frozen=True)
class AblationSettings:
    """What becomes of ablated heads, and where.

    Attributes:
        intervention: a name of `INTERVENTIONS`.
        positions: `all` (prefill and decode are ablated) or `decode` (only from the last prompt token on, as Wu et
            al. 2024 mask).
        options: the intervention's.
    """

    intervention: str = "zero_output"
    positions: str = "all"
    options: Mapping[str, Any] = field(default_factory=dict)

    def stated(self) -> dict[str, Any]:
        """What a protocol says of it, the intervention's version included."""
        entry = INTERVENTIONS[self.intervention]
        options = INTERVENTIONS.chosen_options(self.intervention, self.options)
        return {"intervention": entry.stated(options), "positions": self.positions}


@dataclass(frozen=True)
class LevelSettings:
    """All that decides the generations of a condition, besides model, prompts and heads."""

    run: RunSettings
    ablation: AblationSettings

    def stated(self) -> dict[str, Any]:
        """What a protocol says of it."""
        return {**self.run.stated(), **self.ablation.stated()}
