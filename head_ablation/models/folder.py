"""A model's folder as save_pretrained writes it: its files, its parameters, its text config."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from head_ablation.common.files import is_file, read_json
from head_ablation.common.problems import Problem, StudyError, refuse
from head_ablation.models.config_form import form_problems

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
ADAPTER = "adapter_config.json"
WEIGHTS = f"weights (*.safetensors) named {SINGLE} or listed in {INDEX}"
FOLDER_PARTS = ("config.json", WEIGHTS, "tokenizer.json")
SMALL_PATTERNS = (
    *("config.json", "generation_config.json", ADAPTER),
    *("tokenizer*", "added_tokens.json", "special_tokens_map.json"),
    *("vocab*.json", "vocab*.txt", "merges.txt", "bpe.codes", "tekken.json", "*.model", "*.spm", "*.tiktoken"),
    *("chat_template.jinja", "chat_template.json", "additional_chat_templates/*.jinja"),
)
"""What transformers reads in a model's folder besides weights, whichever tokenizer it has. The embedded model's folder
holds what describes it, too (`model.json`, `shape.json`, logs), so that not every JSON file counts."""
CODE = "*.py"
NAMES_CODE = b'"auto_map"'  # in a config that has transformers load code of the model's own


def weight_files(folder: Path) -> list[Path]:
    """The weights that transformers loads: model.safetensors, else what the index lists. Empty: there are none."""
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    return [folder / name for name in indexed_files(folder / INDEX)] if (folder / INDEX).is_file() else []


def indexed_files(index: Path) -> list[str]:
    """The names of the weight files that an index lists.

    Raises:
        StudyError: it has no weight map.
    """
    content = read_json(index)
    weight_map = content.get("weight_map") if isinstance(content, dict) else content
    if not isinstance(weight_map, dict) or not all(isinstance(name, str) for name in weight_map.values()):
        raise StudyError([Problem(index, "weight_map", weight_map, "the file of each weight")])
    return sorted(set(weight_map.values()))


def count_parameters(folder: Path) -> int:
    """In the weights that are loaded; others that lie beside them do not count. 0: there are none."""
    return sum(_count_in_file(file) for file in weight_files(folder) if is_file(file))


def _count_in_file(weights: Path) -> int:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, framework="numpy") as tensors:
            return sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
    except (SafetensorError, OSError, MemoryError, OverflowError, TypeError, ValueError) as error:
        found = f"no weights ({str(error) or type(error).__name__})"
        raise StudyError([Problem(weights, "file", found, "a safetensors file")]) from None


def read_config(config_file: Path) -> dict[str, Any]:
    """A model's config.json; StudyError if it is none, or not of the form of `config_form`."""
    config: dict[str, Any] = read_json(config_file)
    refuse(form_problems(config_file, config))
    return config


def default_config(config_file: Path, config: Mapping[str, Any]) -> Any:
    """The text config with transformers' defaults for what it leaves out; None where transformers is not installed.

    Raises:
        StudyError: transformers makes no config of it.
    """
    try:
        from transformers import AutoConfig
    except ImportError:
        return None
    rest = {key: value for key, value in config.items() if key != "model_type"}
    try:
        return AutoConfig.for_model(config["model_type"], **rest).get_text_config()
    except Exception as error:  # each architecture checks its config in its own way
        wanted = f"a config of type {config['model_type']}"
        raise StudyError([Problem(config_file, "file", f"what transformers refuses ({error})", wanted)]) from None


def files_of_model(folder: Path) -> list[Path]:
    """The files that decide what a model says: weights, config, tokenizer, and code where a config names any."""
    patterns = [*SMALL_PATTERNS, *([CODE] if _names_code(folder) else [])]
    small = {path for pattern in patterns for path in folder.glob(pattern)}
    index = [] if (folder / SINGLE).is_file() else [folder / INDEX]
    return sorted(path for path in {*small, *index, *weight_files(folder)} if is_file(path))


def _names_code(folder: Path) -> bool:
    """Whether there is code that transformers may be told to load; scripts that merely lie there decide nothing."""
    configs = (folder / name for name in ("config.json", "tokenizer_config.json"))
    return any(NAMES_CODE in path.read_bytes() for path in configs if is_file(path))


def missing_from_folder(folder: Path) -> list[str]:
    """What a model folder must have and this one lacks."""
    files = {name: [folder / name] for name in FOLDER_PARTS if name != WEIGHTS}
    lacking = [name for name, parts in files.items() if not is_file(parts[0])]
    weights = weight_files(folder)
    shards = [path.name for path in weights if not is_file(path)]
    return [*lacking, *([] if weights else [WEIGHTS]), *shards]


def adapter_problems(folder: Path) -> Iterator[Problem]:
    """An adapter in a model's folder: nobody here would load it, so that another model would answer."""
    if (folder / ADAPTER).is_file():
        fix = "Merge it into the weights (peft: merge_and_unload, save_pretrained), or take the file away."
        yield Problem(folder / ADAPTER, "file", "an adapter (peft)", "a model whose weights are whole", fix)


def local_folder(source: str) -> Path:
    """The folder of a model that can be loaded.

    Raises:
        StudyError: a part is missing, or there is an adapter.
    """
    folder = Path(source).expanduser().resolve()
    missing = missing_from_folder(folder)
    if missing:
        raise StudyError(
            f"model folder {folder}: no {', no '.join(missing)}; expected a folder as save_pretrained writes it"
        )
    refuse(adapter_problems(folder))
    return folder
