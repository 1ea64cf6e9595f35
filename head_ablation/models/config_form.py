"""The form of a model's config.json: fields that are read here, and what they must be. Others are transformers' own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from head_ablation.common.problems import Problem

LARGEST = 2**31  # no count of a model comes near

Form = tuple[Callable[[Any], bool], str]


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


_COUNT: Form = (_is_count, "a whole number")
_TEXT: Form = (lambda value: isinstance(value, str), "a text")
_OBJECT: Form = (lambda value: isinstance(value, Mapping), "an object")
_COUNTS = (
    *("num_hidden_layers", "n_layer", "n_layers", "num_attention_heads", "n_head", "n_heads"),
    *("max_position_embeddings", "n_positions", "max_seq_len", "original_max_position_embeddings"),
    "num_kv_shared_layers",
)
_FORMS: dict[str, Form] = {
    **dict.fromkeys(_COUNTS, _COUNT),
    "model_type": _TEXT,
    "layer_types": (_is_texts, "a list of texts"),
    **dict.fromkeys(("text_config", "rope_scaling", "rope_parameters"), _OBJECT),
}
_ELSEWHERE: Form = (lambda _: False, "the usual names: config.json, and model.safetensors or its index, are read")
_WHOLE: dict[str, Form] = dict.fromkeys(("configuration_files", "transformers_weights"), _ELSEWHERE)
_ROTARY: dict[str, Form] = {
    **dict.fromkeys(("rope_type", "type"), _TEXT),
    "original_max_position_embeddings": _COUNT,
}


def form_problems(file: Path, config: Any) -> Iterator[Problem]:
    """What is wrong with the form of a config.json.

    Args:
        file: the config.json.
        config: its content.
    """
    if not isinstance(config, Mapping):
        yield Problem(file, "file", f"a {type(config).__name__}", "an object")
        return
    yield from _departures(file, "", config, _FORMS | _WHOLE)
    text = config.get("text_config")
    if isinstance(text, Mapping):
        yield from _departures(file, "text_config.", text, _FORMS)
    for place, part in (("", config), ("text_config.", text)):
        yield from _rotary_problems(file, place, part) if isinstance(part, Mapping) else ()


def _rotary_problems(file: Path, place: str, config: Mapping[str, Any]) -> Iterator[Problem]:
    """Of the descriptions of rotary factors: one, or one for each kind of layer."""
    for name in ("rope_scaling", "rope_parameters"):
        scaling = config.get(name)
        if isinstance(scaling, Mapping):
            yield from _departures(file, f"{place}{name}.", scaling, _ROTARY)
            for kind, part in scaling.items():
                if isinstance(part, Mapping):
                    yield from _departures(file, f"{place}{name}.{kind}.", part, _ROTARY)


def _departures(file: Path, place: str, part: Mapping[str, Any], forms: Mapping[str, Form]) -> Iterator[Problem]:
    for name, (fits, wanted) in forms.items():
        value = part.get(name)
        if value is not None and not fits(value):
            yield Problem(file, f"{place}{name}", repr(value), f"{wanted}, or null")
