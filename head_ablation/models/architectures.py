"""Which architectures have heads that can be ablated one by one.

A head's slice of the output projection's input is that head's attention output, or the output times a gate, in most
architectures, but not in all of them. Those below were compared with plain attention arithmetic, head by head
(tests/oracle/test_architectures.py; docs/architectures.md has the table). Any other one is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from head_ablation.common.problems import Problem

SEEN = "one whose heads are known to be ablated exactly (docs/architectures.md)"
WHOLE_LAYERS = ("full_attention", "sliding_attention", "chunked_attention")

ANY_ATTENTION = frozenset(
    """
    afmoe apertus arcee aria_text axk1 beam biogpt cohere cohere2 cohere2_moe ctrl cwm dbrx deepseek_v2 deepseek_v3
    dots1 ernie4_5 ernie4_5_moe exaone4 exaone_moe falcon flex_olmo fuyu gemma gemma3 gemma3_text gemma3n_text
    gemma4 gemma4_text gemma4_unified gemma4_unified_text glm glm4 glm4_moe glm4_moe_lite gpt-sw3 gpt2 gpt_bigcode
    gpt_neox granite granitemoe granitemoeshared helium hunyuan_v1_dense hunyuan_v1_moe hy_v3 hyperclovax internlm3
    iquestcoder jais2 kolibri1 laguna llama llama4 llama4_text mellum minicpm3 minimax_m2 ministral ministral3
    mistral mixtral nanochat nemotron olmo olmo2 olmo3 olmoe opt persimmon phi phi3 phimoe qwen2 qwen2_moe qwen3
    qwen3_moe seed_oss smollm3 solar_open stablelm starcoder2 youtu
    """.split()
)
EAGER_ONLY = frozenset(
    """
    bloom codegen flint gemma2 gpt_neo gpt_neox_japanese gpt_oss gptj granite_swa granitemoe_swa mimo_v2_flash
    mpt vaultgemma xglm
    """.split()
)
SINKS = frozenset({"flint", "gpt_oss", "mimo_v2_flash"})

_NO_ATTENTION = "It is no transformer: it keeps a state, and has no attention heads."
_HYBRID = "Some of its layers keep a state instead of attending, and have no attention heads."
_SPARSE = "An indexer chooses what its heads may see; what it keeps does not fit the engine's cache."
_ENCODER = "It is an encoder, or a decoder behind one, which only transformers' name makes a causal language model."
_VISION = "It is no text model; take its language model alone, if there is one."
REASONS: Mapping[str, str] = {
    **dict.fromkeys("falcon_mamba mamba mamba2 rwkv xlstm".split(), _NO_ATTENTION),
    **dict.fromkeys(
        """
        bailing_hybrid bamba falcon_h1 granitemoehybrid jamba kimi_linear lfm2 lfm2_moe lfm3 minimax nemotron_h
        olmo_hybrid qwen3_5 qwen3_5_moe qwen3_5_moe_text qwen3_5_text qwen3_next recurrent_gemma zamba zamba2 zaya
        """.split(),
        _HYBRID,
    ),
    **dict.fromkeys(
        "axk2 deepseek_v32 deepseek_v4 dots3_note dots3_note_text glm_moe_dsa hy_v4 minimax_m3_vl_text".split(), _SPARSE
    ),
    **dict.fromkeys(
        """
        bart bert bert-generation big_bird bigbird_pegasus blenderbot blenderbot-small camembert data2vec-text electra
        ernie git marian mbart megatron-bert mvp pegasus plbart prophetnet reformer rembert roberta
        roberta-prelayernorm roc_bert roformer trocr whisper xlm xlm-roberta xlm-roberta-xl xlnet xmod
        """.split(),
        _ENCODER,
    ),
    "emu3": _VISION,
    "bitnet": "A norm over all heads stands between its attention and the output projection.",
    "diffllama": "Its slices are differences of two attentions, normed together; none is one head's output.",
    "doge": "What its heads see depends on how many tokens are read at once.",
    "mllama": "Some of its layers attend to images only, and do nothing in a text.",
    "jetmoe": "Its heads are those of experts, which are chosen anew for each token.",
    "openai-gpt": "It keeps no keys and values, without which answers are not decoded here.",
}


def architecture_problems(file: Path, config: Mapping[str, Any], attention: str | None = None) -> Iterator[Problem]:
    """What keeps a model from being ablated, as far as its config.json tells; nothing where that names no type.

    Args:
        file: the config.json.
        config: its content.
        attention: the implementation that the model is to run with, if that is known.
    """
    kind = config.get("model_type")
    if kind is None:
        return
    if kind not in ANY_ATTENTION | EAGER_ONLY:
        yield Problem(file, "model_type", f"'{kind}'", SEEN, _reason(str(kind), config))
        return
    text = text_part(config)
    others = [layer for layer in text.get("layer_types") or () if layer not in WHOLE_LAYERS]
    if others:
        yield Problem(file, "layer_types", ", ".join(sorted(set(others))), f"only {', '.join(WHOLE_LAYERS)}", _HYBRID)
    if text.get("num_kv_shared_layers"):
        found = text["num_kv_shared_layers"]
        yield Problem(file, "num_kv_shared_layers", found, "0", "Layers that use others' keys and values are not run.")
    if attention not in (None, "eager") and kind in EAGER_ONLY:
        yield Problem(file, "model_type", f"'{kind}' with attention: {attention}", "attention: eager for this model")


def _reason(kind: str, config: Mapping[str, Any]) -> str:
    if kind in REASONS:
        return REASONS[kind]
    if any(key in config for key in ("vision_config", "audio_config", "thinker_config")):
        return _VISION
    return "Nobody has compared a slice of its output projection with a head's output yet."


def text_part(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a config that describes the language model: all of it, but for multimodal models."""
    part = config.get("text_config")
    return part if isinstance(part, Mapping) else config


def has_sinks(kind: str) -> bool:
    """Whether attention rows of this type rightly sum to less than 1: a sink takes the rest."""
    return kind in SINKS
