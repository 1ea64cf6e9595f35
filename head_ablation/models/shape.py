"""A model's grid of heads and its size, as far as they can be told without its weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from head_ablation.common.problems import Problem, StudyError, refuse
from head_ablation.heads.head import ModelShape
from head_ablation.models.embedded import EMBEDDED, SMOLLM2
from head_ablation.models.folder import count_parameters, text_config
from head_ablation.models.hub import folder_here, hub_config

Grid = Mapping[str, int] | None


def grid_problems(file: str, field: str, grid: Grid, shape: ModelShape | None) -> Iterator[Problem]:
    """A grid of heads that a study declares, but the model's config does not have."""
    if grid and shape and (grid["layers"], grid["heads"]) != (shape.layers, shape.heads):
        found = f"{grid['layers']} layers x {grid['heads']} heads"
        yield Problem(file, field, found, f"{shape.layers} x {shape.heads}, as its config.json says")


def known_shape(source: str, revision: str | None) -> ModelShape | None:
    """The model's shape if it can be told without fetching anything, else None."""
    if source == EMBEDDED:
        return SMOLLM2.shape
    folder = folder_here(source, revision)
    config = folder / "config.json" if folder else None
    return read_shape(config) if config and config.is_file() else None


def find_shape(source: str, revision: str | None, grid: Grid) -> ModelShape:
    """The model's shape, for which its config.json is fetched if it is not here; weights are not needed.

    Args:
        source, revision: as `prepare`.
        grid: layers and heads as the study declares them, or None.

    Raises:
        StudyError: the config is needed and cannot be had, or it says another grid than declared.
    """
    known = known_shape(source, revision)
    refuse(grid_problems(f"model '{source}'", "shape", grid, known))
    return known or declared_shape(grid) or read_shape(hub_config(source, revision))


def declared_shape(grid: Grid) -> ModelShape | None:
    """The shape that a study declares, if it does."""
    return ModelShape(grid["layers"], grid["heads"]) if grid else None


def known_parameters(source: str, revision: str | None) -> int | None:
    """How many parameters the model has, if that can be told without fetching anything, else None."""
    if source == EMBEDDED:
        return SMOLLM2.parameters
    folder = folder_here(source, revision)
    return count_parameters(folder) or None if folder else None


def read_shape(config_file: Path) -> ModelShape:
    """The shape that a model's config.json states."""
    config = text_config(config_file)
    names = {
        "layers": ("num_hidden_layers", "n_layer"),
        "heads": ("num_attention_heads", "n_head"),
        "positions": ("max_position_embeddings", "n_positions"),
    }
    found = {}
    for field, keys in names.items():
        values = [config[key] for key in keys if key in config]
        if not values:
            raise StudyError([Problem(config_file, " or ".join(keys), "nothing", "a language model's config")])
        found[field] = values[0]
    rotary = any(key.startswith(("rope_", "rotary_")) for key in config)
    return ModelShape(found["layers"], found["heads"], found["positions"], rotary)
