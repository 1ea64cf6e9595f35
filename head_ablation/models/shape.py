"""A model's grid of heads and its size, as far as they can be told without its weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from head_ablation.common.problems import Problem, StudyError, refuse
from head_ablation.heads.head import ModelShape
from head_ablation.models.architectures import architecture_problems, text_part
from head_ablation.models.embedded import EMBEDDED, SMOLLM2
from head_ablation.models.folder import count_parameters, default_config, read_config
from head_ablation.models.hub import folder_here, hub_config
from head_ablation.planted.model_folder import planted_parameters, planted_shape
from head_ablation.planted.options import PLANTED, PlantedOptions

Grid = Mapping[str, int] | None
NAMES = {
    "layers": ("num_hidden_layers", "n_layer", "n_layers"),
    "heads": ("num_attention_heads", "n_head", "n_heads"),
    "positions": ("max_position_embeddings", "n_positions", "max_seq_len"),
}


def grid_problems(file: str, field: str, grid: Grid, shape: ModelShape | None) -> Iterator[Problem]:
    """A grid of heads that a study declares, but the model's config does not have."""
    if grid and shape and (grid["layers"], grid["heads"]) != (shape.layers, shape.heads):
        found = f"{grid['layers']} layers x {grid['heads']} heads"
        yield Problem(file, field, found, f"{shape.layers} x {shape.heads}, as its config.json says")


def known_shape(source: str, revision: str | None, planted: PlantedOptions | None = None) -> ModelShape | None:
    """The model's shape if it can be told without fetching anything, else None; arguments as `find_shape`."""
    if planted:
        return planted_shape(planted)
    if source == EMBEDDED:
        return SMOLLM2.shape
    folder = folder_here(source, revision)
    config = folder / "config.json" if folder else None
    return read_shape(config) if config and config.is_file() else None


def known_config(source: str, revision: str | None) -> tuple[Path, dict[str, Any]] | None:
    """The model's config.json and its content, if they are here."""
    folder = None if source in (EMBEDDED, PLANTED) else folder_here(source, revision)
    config = folder / "config.json" if folder else None
    return (config, read_config(config)) if config and config.is_file() else None


def find_shape(source: str, revision: str | None, grid: Grid, planted: PlantedOptions | None = None) -> ModelShape:
    """The model's shape, for which its config.json is fetched if it is not here; weights are not needed.

    Args:
        source, revision: as `prepare`.
        grid: layers and heads as the study declares them, or None.
        planted: the options of a planted model; None for any other.

    Raises:
        StudyError: the config is needed and cannot be had, or it says another grid than declared.
    """
    known = known_shape(source, revision, planted)
    refuse(grid_problems(f"model '{source}'", "shape", grid, known))
    return known or declared_shape(grid) or read_shape(hub_config(source, revision))


def declared_shape(grid: Grid) -> ModelShape | None:
    """The shape that a study declares, if it does."""
    return ModelShape(grid["layers"], grid["heads"]) if grid else None


def known_parameters(source: str, revision: str | None, planted: PlantedOptions | None = None) -> int | None:
    """How many parameters the model has, if that can be told without fetching anything, else None; arguments as
    `find_shape`."""
    if planted:
        return planted_parameters(planted)
    if source == EMBEDDED:
        return SMOLLM2.parameters
    folder = folder_here(source, revision)
    return count_parameters(folder) or None if folder else None


def read_shape(config_file: Path) -> ModelShape:
    """The shape that a model's config.json states, or that transformers takes for granted.

    Raises:
        StudyError: the architecture has no heads that can be ablated, or the config is no language model's.
    """
    content = read_config(config_file)
    refuse(architecture_problems(config_file, content))
    config = text_part(content)
    found = {field: next((config[key] for key in keys if config.get(key)), None) for field, keys in NAMES.items()}
    rotary = any(key.startswith(("rope_", "rotary_")) for key in config)
    if None in found.values() and content.get("model_type"):
        defaults = default_config(config_file, content)
        found = {field: found[field] or getattr(defaults, NAMES[field][0], None) for field in NAMES}
        rotary = rotary or hasattr(defaults, "rope_parameters")
    for field in ("layers", "heads"):
        if found[field] is None:
            raise StudyError([Problem(config_file, " or ".join(NAMES[field]), "nothing", "a language model's config")])
    return ModelShape(int(found["layers"] or 0), int(found["heads"] or 0), found["positions"], rotary)
