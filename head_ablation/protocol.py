"""What decides an answer: model, prompts, heads, settings. Equal protocols have equal generations.

A generation file states its protocol; the store keeps results under the digest of one. Where a job runs (device,
threads, cards) is no part of it and stands in the provenance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from head_ablation import DETECTION_VERSION, PROTOCOL_VERSION
from head_ablation.files import canonical_json, sha256_text
from head_ablation.heads import HeadSet
from head_ablation.model_sources import Pointer
from head_ablation.prompts import Prompt

PLACE = ("device",)
NAMES = ("name", "revision")  # of a model, for people; its fingerprint decides
Protocol = dict[str, Any]


def generation_protocol(pointer: Pointer, prompts_sha256: str, heads: HeadSet, settings: Mapping[str, Any]) -> Protocol:
    """The protocol of one condition of one experiment.

    Args:
        pointer: the model.
        prompts_sha256: digest of the experiment's prompts.
        heads: the ablated heads; none for the baseline.
        settings: the study's generation settings.
    """
    return {
        "protocol_version": PROTOCOL_VERSION,
        "model": _model(pointer),
        "prompts_sha256": prompts_sha256,
        "heads": heads.names(),
        "settings": _without_place(settings),
    }


def detection_protocol(pointer: Pointer, prompts: Sequence[Prompt], settings: Mapping[str, Any]) -> Protocol:
    """The protocol of a detected ranking.

    Args:
        pointer: the model.
        prompts: the train prompts that are watched; their spans and gold answers matter too.
        settings: the study's detection settings.
    """
    return {
        "detection_version": DETECTION_VERSION,
        "model": _model(pointer),
        "prompts_sha256": sha256_text(canonical_json([prompt.to_json() for prompt in prompts])),
        "settings": _without_place(settings),
    }


def _model(pointer: Pointer) -> dict[str, str | None]:
    return {"name": pointer.name, "revision": pointer.revision, "fingerprint": pointer.fingerprint}


def _without_place(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in PLACE}


def protocol_digest(protocol: Mapping[str, Any]) -> str:
    """The digest under which the store keeps what was made by this protocol."""
    return sha256_text(canonical_json(deciding(protocol)))


def deciding(protocol: Mapping[str, Any]) -> Protocol:
    """The protocol without what is there for people only."""
    model = protocol.get("model")
    if not isinstance(model, Mapping):  # of a damaged file
        return dict(protocol)
    return {**protocol, "model": {key: value for key, value in model.items() if key not in NAMES}}
