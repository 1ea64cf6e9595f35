"""The batch size follows from memory: keys and values worked out by hand, real weights counted, refusals."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tiny_llama import save_tiny_llama, tiny_llama
from typed import run_settings

from head_ablation.common.problems import StudyError
from head_ablation.jobs.batch_size import MOST_ROWS, Load, settle
from head_ablation.models.pointer import prepare
from head_ablation.models.size import READ_TOKENS, ModelSize

LLAMA_3_8B = {
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "hidden_size": 4096,
    "intermediate_size": 14336,
}
SIZE = ModelSize.of(LLAMA_3_8B, parameters=8_030_261_248)
AUTO = run_settings(batch_size="auto", dtype="bfloat16", max_new_tokens=10, stop=())


def rows(memory_gb: float | None, tokens: int, prompts: int = 1000, size: ModelSize | None = SIZE, **own) -> int:
    run = replace(AUTO, memory_gb=memory_gb, **own)
    return settle(run, "any", size, Load(prompts, tokens)).batch_size


def test_keys_and_values_of_llama_3_8b_take_128_kib_a_token():
    assert SIZE.position_bytes("bfloat16") == 128 * 1024
    assert SIZE.weights_bytes("bfloat16") == pytest.approx(16.06e9, rel=1e-3)


def test_8_192_tokens_fit_cards_of_80_and_24_gb():
    tokens = 8192 + AUTO.max_new_tokens
    assert 32 <= rows(80, 8192) <= MOST_ROWS
    assert 1 <= rows(24, 8192) <= 4
    for gb in (24, 40, 80):
        assert SIZE.needed_bytes("bfloat16", "sdpa", tokens, rows(gb, 8192)) <= 0.95e9 * gb
        assert SIZE.needed_bytes("bfloat16", "sdpa", tokens, rows(gb, 8192) + 1) > 0.95e9 * gb  # and not one more


def test_less_memory_longer_prompts_wider_numbers_and_eager_weights_leave_room_for_fewer():
    most = rows(40, 4096)
    assert rows(30, 4096) < most
    assert rows(40, 6144) < most
    assert rows(40, 4096, dtype="float16") == most
    assert rows(80, 8192, dtype="float32") < rows(80, 8192)
    assert rows(40, 4096, attention="eager") < most
    assert rows(40, 4096, max_new_tokens=1000) < most


def test_no_more_rows_than_prompts_nor_than_decoding_gains_by():
    assert rows(80, 2048, prompts=26) == 26
    assert rows(80, 128) == MOST_ROWS
    assert rows(80, 2048, prompts=0) == 1


def test_without_a_card_the_weights_have_their_own_room():
    small = ModelSize(10**8, 10, 8, 512, 2048, 512)
    for size in (small, replace(small, parameters=10**11)):
        kept = (rows(None, 8192, size=size, dtype="float32") + 1) * 8202 * size.position_bytes("float32")
        assert 5e9 < kept < 8e9


def test_a_number_is_taken_as_it_is_and_what_it_follows_from_is_no_setting():
    assert rows(1, 8192, batch_size=7) == 7
    assert rows(1, 8192, batch_size=7, size=None) == 7
    settled = settle(replace(AUTO, memory_gb=80), "any", SIZE, Load(3, 100))
    assert settled == replace(AUTO, batch_size=3)


def test_a_prompt_that_does_not_fit_is_refused_with_both_numbers():
    with pytest.raises(StudyError, match=r"model any takes 21\.1 GB .* 8,192 tokens in bfloat16, memory_gb is 16;"):
        rows(16, 8192)


def test_a_model_of_unknown_width_needs_a_number():
    assert ModelSize.of({"n_layer": 2, "n_head": 4}, 100) is None
    with pytest.raises(StudyError, match=r"nothing says how large it is.*set a number for batch_size"):
        rows(80, 100, size=None)


@pytest.mark.parametrize(
    ("config", "keys", "intermediate"),
    [
        ({"n_embd": 768, "n_layer": 12, "n_head": 12, "n_inner": None}, 768, 3072),  # GPT-2
        ({**LLAMA_3_8B, "head_dim": None, "num_key_value_heads": None}, 4096, 14336),
        ({**LLAMA_3_8B, "head_dim": 256}, 2048, 14336),
    ],
)
def test_configs_of_other_families_are_understood(config, keys, intermediate):
    size = ModelSize.of(config, 1)
    assert (size.keys, size.intermediate) == (keys, intermediate)


def test_latent_attention_keeps_little_and_makes_much_of_it():
    deepseek = {"num_hidden_layers": 61, "num_attention_heads": 128, "num_key_value_heads": 128, "hidden_size": 7168}
    latent = {"kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128}
    size = ModelSize.of({**deepseek, **latent, "intermediate_size": 18432}, 1)
    assert size.position_bytes("bfloat16") == 2 * (61 * (512 + 64) + 128 * (128 + 128 + 192))  # kept, and one layer's
    queries_and_outputs = 128 * (192 + 128)
    assert size.attention == queries_and_outputs + 128 * (128 + 128 + 192)
    without = ModelSize.of({**deepseek, "intermediate_size": 18432}, 1)
    assert size.reading_bytes("bfloat16", "sdpa", 1) > 1.5 * without.reading_bytes("bfloat16", "sdpa", 1)


def test_heads_wider_than_the_residual_stream_take_what_they_take():
    assert ModelSize.of({**LLAMA_3_8B, "head_dim": 128}, 1) == ModelSize.of(LLAMA_3_8B, 1)
    assert ModelSize.of({**LLAMA_3_8B, "head_dim": 256}, 1).attention == 2 * ModelSize.of(LLAMA_3_8B, 1).attention


def test_a_size_without_the_newer_widths_means_what_it_meant():
    old = ModelSize(10, 32, 32, 4096, 14336, 1024)
    assert old.position_bytes("bfloat16") == SIZE.position_bytes("bfloat16")
    assert old.reading_bytes("bfloat16", "eager", 9) == SIZE.reading_bytes("bfloat16", "eager", 9)


def test_a_real_models_size_is_read_from_its_folder_and_equals_what_it_holds(tmp_path):
    size = prepare(str(save_tiny_llama(tmp_path / "tiny")), None, tmp_path).size
    model = tiny_llama()
    assert size.parameters == sum(parameter.numel() for parameter in model.parameters())
    output = model(input_ids=model.dummy_inputs["input_ids"][:1], use_cache=True).past_key_values
    kept = [tensor for layer in output.layers for tensor in (layer.keys, layer.values)]
    positions = kept[0].shape[2]
    assert size.position_bytes("float32") == sum(tensor.nbytes for tensor in kept) / positions


def test_reading_takes_what_one_forward_call_of_many_prompts_takes_at_most():
    assert SIZE.reading_bytes("bfloat16", "sdpa", 100) == SIZE.reading_bytes("bfloat16", "sdpa", READ_TOKENS)
    assert SIZE.reading_bytes("bfloat16", "sdpa", 2 * READ_TOKENS) > SIZE.reading_bytes("bfloat16", "sdpa", READ_TOKENS)
