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
from head_ablation.detectors.settings import DetectionSettings
from head_ablation.engine.settings import LevelSettings
from head_ablation.heads.head import HeadSet
from head_ablation.models.pointer import Pointer
from head_ablation.prompts.matchers import MATCHERS
from head_ablation.prompts.prompt import Prompt

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


def detection_protocol(pointer: Pointer, watched: Sequence[Prompt], settings: DetectionSettings) -> Protocol:
    """The protocol of a detected ranking.

    Args:
        pointer: the model.
        watched: the train prompts that heads are ranked on; their spans and gold answers matter too.
        settings: the detector and how the model is run, with a settled batch size.
    """
    detector = DETECTORS[settings.detector]
    return {
        "protocol_version": PROTOCOL_VERSION,
        "detector": detector.stated(DETECTORS.chosen_options(settings.detector, settings.options)),
        **stated_software(settings.run.software),
        "model": _model(pointer),
        "prompts_sha256": sha256_text(canonical_json([prompt.to_json() for prompt in watched])),
        "settings": {
            **settings.run.stated(),
            "prompts": settings.prompts,
            "needle": settings.needle,
            "success": settings.success,
            "matcher": MATCHERS[settings.matcher].stated(),
            **({"asked": asdict(settings.asked)} if detector.asks else {}),
        },
    }


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
