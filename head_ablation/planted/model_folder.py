"""The folder of a planted model, as transformers loads it: config, weights, tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from filelock import FileLock

from head_ablation.common.files import whole_file, write_json
from head_ablation.common.problems import refuse
from head_ablation.heads.head import ModelShape
from head_ablation.planted.blocks import Blocks
from head_ablation.planted.options import PlantedOptions, option_problems
from head_ablation.planted.rotation import HEAD_WIDTH, POSITIONS, ROTARY_BASE
from head_ablation.planted.saturation import check_margins
from head_ablation.planted.texts import BOS, EOS, NOT_KNOWN, PlantedTexts, read_texts
from head_ablation.planted.weights import INTERMEDIATE, Construction


def planted_shape(options: PlantedOptions) -> ModelShape:
    """The grid of a planted model's heads."""
    return ModelShape(options.layers, options.heads, POSITIONS, rotary=True)


def planted_parameters(options: PlantedOptions) -> int:
    """How many numbers a planted model's weights hold."""
    texts = read_texts()
    width = Blocks.of(texts).width
    projections = 2 * (options.heads + options.key_value_heads) * HEAD_WIDTH * width
    layer = projections + 3 * INTERMEDIATE * width + 2 * width
    return 2 * len(texts.vocabulary) * width + width + options.layers * layer


def write_planted(home: Path, options: PlantedOptions) -> None:
    """Writes the model's files; the same options and texts, the same bytes.

    Args:
        home: the model's folder.
        options: of the model.

    Raises:
        StudyError: options or texts of which no such model can be made; nothing is written then.
    """
    refuse(option_problems("planted model", "planted", options))
    texts = read_texts()
    made = Construction(options, texts)
    check_margins(made)
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / ".lock"):  # two studies may ask for it at once
        _write_weights(home / "model.safetensors", made)
        files = {
            "config.json": _config(made),
            "generation_config.json": {key: _config(made)[key] for key in ("bos_token_id", "eos_token_id")},
            "tokenizer.json": _tokenizer(texts),
            "tokenizer_config.json": _tokenizer_config(),
        }
        for name, content in files.items():
            write_json(home / name, content)


def _write_weights(path: Path, made: Construction) -> None:
    from safetensors.numpy import save

    with whole_file(path) as temporary:
        temporary.write_bytes(save(made.weights(), metadata={"format": "pt"}))


def _config(made: Construction) -> dict[str, Any]:
    vocabulary, options = made.texts.vocabulary, made.options
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": made.width,
        "intermediate_size": INTERMEDIATE,
        "num_hidden_layers": options.layers,
        "num_attention_heads": options.heads,
        "num_key_value_heads": options.key_value_heads,
        "head_dim": HEAD_WIDTH,
        "vocab_size": len(vocabulary),
        "max_position_embeddings": POSITIONS,
        "rope_parameters": {"rope_type": "default", "rope_theta": ROTARY_BASE},
        "rms_norm_eps": 1e-6,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": False,
        "bos_token_id": vocabulary.index(BOS),
        "eos_token_id": vocabulary.index(EOS),
        "dtype": "float32",
    }


def _tokenizer(texts: PlantedTexts) -> Any:
    """Words, runs of marks, and nothing between them; BOS goes first. A word of no text is `<unk>`."""
    numbers = {word: number for number, word in enumerate(texts.vocabulary)}
    added = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    start = [{"SpecialToken": {"id": BOS, "type_id": 0}}]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": numbers[word], "content": word, **added} for word in (BOS, EOS, NOT_KNOWN)],
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [*start, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [*start, {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {BOS: {"id": BOS, "ids": [numbers[BOS]], "tokens": [BOS]}},
        },
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": numbers, "unk_token": NOT_KNOWN},
    }


def _tokenizer_config() -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOS,
        "unk_token": NOT_KNOWN,
        "model_max_length": POSITIONS,
        "clean_up_tokenization_spaces": False,
    }
