"""Loading a prepared model to run it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from head_ablation.common.problems import StudyError, refuse
from head_ablation.engine.settings import RunSettings
from head_ablation.models.architectures import architecture_problems
from head_ablation.models.folder import read_config
from head_ablation.models.pointer import Pointer


def pick_device(wanted: str) -> str:
    """`auto` is a CUDA GPU, else Apple's, else the CPU.

    Raises:
        StudyError: a GPU is asked for and there is none.
    """
    if wanted == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise StudyError(f"device '{wanted}': torch {torch.__version__} sees no CUDA GPU; set device: auto or cpu")
    return wanted


def placement(device: str, gpus: int) -> dict[str, Any]:
    """What transformers is told of where weights go: several GPUs share the layers evenly, by accelerate's device map.

    Args:
        device: as `pick_device` gives it.
        gpus: that the job holds.
    """
    return {"device_map": "balanced"} if gpus > 1 and device == "cuda" else {}


def load_model(pointer: Pointer, settings: RunSettings, threads: int, gpus: int = 1) -> Any:
    """The causal language model, in evaluation mode, on its device or devices; safetensors only.

    Args:
        pointer: the prepared model.
        settings: how it is run.
        threads: CPU threads.
        gpus: that the job holds; the layers are spread over several.

    Raises:
        StudyError: folder gone or changed since it was described, an architecture that cannot be ablated or not with
            this attention, weights unreadable or incomplete.
    """
    torch.set_num_threads(threads)
    device = pick_device(settings.device)
    pointer.refuse_changed()
    config = Path(pointer.folder) / "config.json"
    refuse(architecture_problems(config, read_config(config), settings.attention))
    where = placement(device, gpus)
    model = _whole_model(pointer, settings, where)
    pointer.refuse_changed()  # while it was read
    _refuse_foreign_code(model, pointer)
    return model.eval() if where else model.to(device).eval()


def _whole_model(pointer: Pointer, settings: RunSettings, where: dict[str, Any]) -> Any:
    """The model with all of its weights; StudyError otherwise: transformers would go on with random ones."""
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # the job's own bar counts prompts
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            pointer.folder,
            dtype=getattr(torch, settings.dtype),
            attn_implementation=settings.attention,
            use_safetensors=True,
            trust_remote_code=settings.trust_remote_code,
            local_files_only=True,
            output_loading_info=True,
            **where,
        )
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        raise StudyError(f"model {pointer.name} in {pointer.folder} cannot be loaded: {error}") from error
    model, loading = loaded
    missing = sorted(loading["missing_keys"])
    if missing:
        raise StudyError(
            f"model {pointer.name} in {pointer.folder} lacks {len(missing)} of its weights, {missing[0]} for one"
        )
    return model


def _refuse_foreign_code(model: Any, pointer: Pointer) -> None:
    if not type(model).__module__.startswith("transformers."):
        raise StudyError(
            f"model {pointer.name} in {pointer.folder} runs code of its own ({type(model).__name__}), whose heads"
            " nobody has compared; set trust_remote_code: false to run it as transformers does"
        )


def device_name(model: Any) -> str:
    """The device's name, for provenance."""
    return torch.cuda.get_device_name(model.device) if model.device.type == "cuda" else str(model.device)
