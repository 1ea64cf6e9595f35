"""Loading a prepared model to run it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from head_ablation.common.problems import StudyError
from head_ablation.engine.settings import RunSettings
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


def load_model(pointer: Pointer, settings: RunSettings, threads: int) -> Any:
    """The causal language model, in evaluation mode, on its device; safetensors only.

    Args:
        pointer: the prepared model.
        settings: how it is run.
        threads: CPU threads.

    Raises:
        StudyError: folder gone, weights unreadable or incomplete.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # the job's own bar counts prompts

    torch.set_num_threads(threads)
    device = pick_device(settings.device)
    if not Path(pointer.folder).is_dir():
        raise StudyError(f"model folder {pointer.folder} is gone; remove the pointer file to fetch it again")
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            pointer.folder,
            dtype=getattr(torch, settings.dtype),
            attn_implementation=settings.attention,
            use_safetensors=True,
            trust_remote_code=settings.trust_remote_code,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        raise StudyError(f"model {pointer.name} in {pointer.folder} cannot be loaded: {error}") from error
    model, loading = loaded
    missing = sorted(loading["missing_keys"])
    if missing:  # transformers would go on with random ones
        raise StudyError(
            f"model {pointer.name} in {pointer.folder} lacks {len(missing)} of its weights, {missing[0]} for one"
        )
    return model.to(device).eval()


def device_name(model: Any) -> str:
    """The device's name, for provenance."""
    return torch.cuda.get_device_name(model.device) if model.device.type == "cuda" else str(model.device)
