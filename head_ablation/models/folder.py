"""A model's folder as save_pretrained writes it: its files, its parameters, its text config."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from head_ablation.common.files import read_json
from head_ablation.common.problems import Problem, StudyError

WEIGHT_PATTERNS = ("*.safetensors", "*.safetensors.index.json")
WEIGHTS = "weights (*.safetensors)"
FOLDER_PARTS = {
    "config.json": "config.json",
    WEIGHTS: "*.safetensors",
    "tokenizer.json": "tokenizer.json",
}
SMALL_PATTERNS = (
    "config.json",
    "generation_config.json",
    "tokenizer*",
    "chat_template.jinja",
    "special_tokens_map.json",
)


def count_parameters(folder: Path) -> int:
    return sum(map(_count_in_file, folder.glob(WEIGHT_PATTERNS[0])))


def _count_in_file(weights: Path) -> int:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, framework="numpy") as tensors:
            return sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
    except SafetensorError as error:
        raise StudyError([Problem(weights, "file", f"no weights ({error})", "a safetensors file")]) from None


def text_config(config_file: Path) -> dict[str, Any]:
    config: dict[str, Any] = read_json(config_file)
    return config.get("text_config", config)  # multimodal models


def files_of_model(folder: Path) -> list[Path]:
    """The files that decide what a model says: weights, config, tokenizer."""
    patterns = (*WEIGHT_PATTERNS, *SMALL_PATTERNS)
    return sorted({path for pattern in patterns for path in folder.glob(pattern)})


def missing_from_folder(folder: Path) -> list[str]:
    """What a model folder must have and this one lacks."""
    return [what for what, pattern in FOLDER_PARTS.items() if not any(folder.glob(pattern))]


def local_folder(source: str) -> Path:
    folder = Path(source).expanduser().resolve()
    missing = missing_from_folder(folder)
    if missing:
        raise StudyError(
            f"model folder {folder}: no {', no '.join(missing)}; expected a folder as save_pretrained writes it"
        )
    return folder
