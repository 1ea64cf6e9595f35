"""Ablating heads: an intervention overwrites a head's slice of the input of its layer's attention output projection.

The projection multiplies the concatenated head outputs by W_O, whatever computes the attention (eager, sdpa, flash).
So a zeroed slice adds exactly nothing to the residual stream; it equals a model whose columns of W_O for that head are
zero.

Shapes: hidden is [batch, positions, heads * head_width]; head h owns the columns h*head_width up to
(h+1)*head_width, also in grouped-query models (those share keys and values, not outputs).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from head_ablation.common.problems import StudyError, refuse
from head_ablation.engine.interventions import INTERVENTIONS
from head_ablation.engine.settings import AblationSettings
from head_ablation.heads.head import HeadSet, ModelShape
from head_ablation.models.architectures import architecture_problems

PROJECTION_PATTERN = re.compile(
    r"^(?P<stack>.*)\.(?P<layer>\d+)\.(?:norm_attn_norm\.)?(?:\w*attn|\w*attention)(?:\.attention)?"
    r"\.(?:o_proj|out_proj|dense|c_proj)$"
)

ZERO_OUTPUT = AblationSettings()
Overwrite = Callable[[torch.Tensor, torch.Tensor], None]


@dataclass(frozen=True)
class Projection:
    """A layer's attention output projection and the width of one head in its input."""

    module: nn.Module
    heads: int
    head_width: int


def model_shape(model: Any) -> ModelShape:
    """The grid of heads of a loaded model, from its text configuration."""
    config = model.config.get_text_config()
    return ModelShape(
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        positions=getattr(config, "max_position_embeddings", None),  # BLOOM counts none
    )


def find_projections(model: nn.Module) -> list[Projection]:
    """The attention output projection of every layer, in layer order.

    Raises:
        StudyError: the architecture is none of those whose heads are known, not exactly one projection a layer was
            found, or its width is no multiple of the heads.
    """
    _refuse_unknown_architecture(model)
    shape = model_shape(model)
    found: dict[int, list[nn.Module]] = {}
    for match, module in _named_projections(model):
        found.setdefault(int(match["layer"]), []).append(module)
    counts = {layer: len(found.get(layer, [])) for layer in range(shape.layers)}
    if set(found) - set(counts) or any(count != 1 for count in counts.values()):
        raise StudyError(
            f"{type(model).__name__}: attention output projections found per layer: {counts}; expected exactly"
            " one in each (o_proj, out_proj, dense or c_proj of an attention module). This architecture is not"
            " supported: ablating it would silently ablate nothing"
        )
    return [_projection(found[layer][0], shape.heads) for layer in range(shape.layers)]


def find_layers(model: nn.Module) -> list[nn.Module]:
    """The modules of the layers whose projections `find_projections` finds, in layer order."""
    names = {int(match["layer"]): f"{match['stack']}.{match['layer']}" for match, _ in _named_projections(model)}
    return [model.get_submodule(names[layer]) for layer in sorted(names)]


def _named_projections(model: nn.Module) -> Iterator[tuple[re.Match[str], nn.Module]]:
    for name, module in model.named_modules():
        match = PROJECTION_PATTERN.match(name)
        if match and "vision" not in match["stack"] and "cross" not in name:
            yield match, module


def _refuse_unknown_architecture(model: Any) -> None:
    config = model.config.to_dict()
    refuse(architecture_problems(Path(type(model).__name__), config))


def _projection(module: nn.Module, heads: int) -> Projection:
    # Linear keeps [out, in], quantized ones keep what they like, GPT-2's Conv1D keeps [in, out] without in_features.
    width = getattr(module, "in_features", None) or module.weight.shape[0]  # type: ignore[index]
    if not isinstance(width, int) or width % heads:
        raise StudyError(f"output projection: {width} inputs are no multiple of {heads} heads")
    return Projection(module, heads, width // heads)


@dataclass
class HookReport:
    """Counts that prove the hooks did their work.

    Attributes:
        active: while False the hooks let everything pass (used to read a prompt unablated).
        calls: forward calls of the model, made while active, per phase (`prompt`: more than one new
            position or nothing cached; `decode`: one position on top of a cache).
        fired: the same per layer, as seen by that layer's hook.
    """

    active: bool = True
    phase: str = "prompt"
    calls: Counter[str] = field(default_factory=Counter)
    fired: dict[int, Counter[str]] = field(default_factory=dict)

    def check(self) -> None:
        """Raises StudyError if any hook missed a forward call: that layer was not ablated."""
        for layer, counts in self.fired.items():
            if counts != self.calls:
                raise StudyError(
                    f"layer {layer}: the ablation hook fired {dict(counts)} times in {dict(self.calls)} forward"
                    " calls; the heads of this layer were not (always) ablated, the result would be wrong"
                )


@contextmanager
def ablate(model: nn.Module, heads: HeadSet, ablation: AblationSettings = ZERO_OUTPUT) -> Iterator[HookReport]:
    """Ablates `heads` in every forward call made inside the block.

    An empty head set touches no projection. On leaving, the hooks are removed and must have fired in every
    forward call.

    Args:
        model: a causal language model of transformers, in inference (the input is overwritten in place).
        heads: the heads to ablate.
        ablation: the intervention and its options; positions are the caller's matter (`HookReport.active`).

    Yields:
        HookReport: set `active` to switch the ablation off for a while.

    Raises:
        StudyError: a head outside the model, no projection found, or a hook that did not fire.
    """
    _refuse_foreign_heads(model, heads)
    projections = find_projections(model)
    report, overwrite = HookReport(), _overwriting(ablation)
    handles = [model.register_forward_pre_hook(_count_call(report), with_kwargs=True)]
    for layer, ablated in heads.by_layer().items():
        report.fired[layer] = Counter()
        hook = _overwrite_heads(projections[layer], ablated, overwrite, report, layer)
        handles.append(projections[layer].module.register_forward_pre_hook(hook))
    try:
        yield report
    finally:
        for handle in handles:
            handle.remove()
    report.check()


def _refuse_foreign_heads(model: nn.Module, heads: HeadSet) -> None:
    shape = model_shape(model)
    foreign = [str(head) for head in heads if head not in shape]
    if foreign:
        raise StudyError(
            f"heads {', '.join(foreign)} do not exist in a model of {shape.layers} layers x {shape.heads} heads"
        )


def _count_call(report: HookReport) -> Any:
    def hook(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        input_ids = kwargs["input_ids"] if "input_ids" in kwargs else args[0]
        cache = kwargs.get("past_key_values")
        cached = cache.get_seq_length() if cache is not None else 0
        report.phase = "decode" if cached and input_ids.shape[1] == 1 else "prompt"
        if report.active:
            report.calls[report.phase] += 1

    return hook


def _overwriting(ablation: AblationSettings) -> Overwrite:
    intervention = INTERVENTIONS[ablation.intervention]
    options = INTERVENTIONS.chosen_options(ablation.intervention, ablation.options)
    return lambda outputs, ablated: intervention.overwrite(outputs, ablated, options)


def _overwrite_heads(
    projection: Projection, heads: list[int], overwrite: Overwrite, report: HookReport, layer: int
) -> Any:
    ablated = torch.tensor(heads)

    def hook(_module: nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        nonlocal ablated
        if not report.active:
            return
        outputs = args[0].view(*args[0].shape[:-1], projection.heads, projection.head_width)
        ablated = ablated.to(outputs.device)  # copied in the first call only
        overwrite(outputs, ablated)  # [batch, positions, heads, head_width], only the ablated slices are written
        report.fired[layer][report.phase] += 1

    return hook
