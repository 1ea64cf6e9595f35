"""What decides an answer: model, prompts, heads, settings, software. Equal protocols have equal generations.

A generation file states its protocol; the store keeps results under the digest of one. Where a job runs (device,
threads, GPUs) is no part of it and stands in the provenance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from head_ablation import PROTOCOL_VERSION
from head_ablation.common.files import canonical_json, sha256_text
from head_ablation.common.software import stated_software
from head_ablation.detectors import DETECTORS
from head_ablation.detectors.settings import DetectorChoice, ScoreSettings
from head_ablation.engine.settings import LevelSettings
from head_ablation.heads.head import HeadSet
from head_ablation.models.pointer import Pointer
from head_ablation.prompts.matchers import MATCHERS
from head_ablation.prompts.prompt import Prompt, prompts_digest

NAMES = ("name", "revision")  # of a model, for people; its fingerprint decides
Protocol = dict[str, Any]


def generation_protocol(pointer: Pointer, prompts_sha256: str, heads: HeadSet, settings: LevelSettings) -> Protocol:
    """The protocol of one condition of one experiment.

    Args:
        pointer: the model.
        prompts_sha256: digest of the experiment's prompts.
        heads: the ablated heads; none for the baseline.
        settings: how the model is run and ablated, with a settled batch size.
    """
    return {
        "protocol_version": PROTOCOL_VERSION,
        **stated_software(settings.run.software),
        "model": _model(pointer),
        "prompts_sha256": prompts_sha256,
        "heads": heads.names(),
        "settings": settings.stated(),
    }


def score_protocol(
    pointer: Pointer, choice: DetectorChoice, prompt: Prompt | None, settings: ScoreSettings
) -> Protocol:
    """The protocol of the scores of all heads by one detector on one prompt.

    Which prompts were read together is no part of it: it moves the last digits of scores at most.

    Args:
        pointer: the model.
        choice: the detector.
        prompt: the train prompt; its spans and gold answers matter too. None for a detector that reads none.
        settings: how the model is run, with a settled batch size.
    """
    detector = DETECTORS[choice.name]
    stated = detector.stated(DETECTORS.chosen_options(choice.name, choice.options))
    about_prompts = {
        "prompts_sha256": prompt and sha256_text(canonical_json(prompt.to_json())),
        "needle": settings.needle,
        **({"asked": asdict(settings.asked)} if detector.asks else {}),
        **({"matcher": MATCHERS[settings.matcher].stated()} if detector.measure else {}),
    }
    return {
        "protocol_version": PROTOCOL_VERSION,
        "detector": {key: value for key, value in stated.items() if key not in detector.selects},
        **stated_software(settings.run.software),
        "model": _model(pointer),
        "settings": {**settings.run.stated(), **(about_prompts if detector.reads_prompts else {})},
    }


def scoring_claim(pointer: Pointer, prompts: Sequence[Prompt]) -> Protocol:
    """What a job claims that scores the heads of a model on train prompts: no two do so at once."""
    return {"scores_on": prompts_digest(prompts), "model": _model(pointer)}


def _model(pointer: Pointer) -> dict[str, str | None]:
    return {"name": pointer.name, "revision": pointer.revision, "fingerprint": pointer.fingerprint}


def protocol_digest(protocol: Mapping[str, Any]) -> str:
    """The digest under which the store keeps what was made by this protocol."""
    return sha256_text(canonical_json(deciding(protocol)))


def deciding(protocol: Mapping[str, Any]) -> Protocol:
    """The protocol without what is there for people only."""
    model = protocol.get("model")
    if not isinstance(model, Mapping):  # of a damaged file
        return dict(protocol)
    return {**protocol, "model": {key: value for key, value in model.items() if key not in NAMES}}
