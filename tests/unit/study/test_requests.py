"""What jobs ask for: enough for what was measured, more for more work, nothing for what the store has."""

import math
from dataclasses import replace

import pytest
from tiny_jobs import PROMPTS
from tiny_llama import save_tiny_llama, tiny_llama

from head_ablation.common import software
from head_ablation.common.experiment import Experiment
from head_ablation.common.files import write_json, write_jsonl
from head_ablation.common.problems import StudyError
from head_ablation.heads.head import HeadSet
from head_ablation.jobs.protocol import generation_protocol, score_protocol
from head_ablation.jobs.slurm import minutes_left
from head_ablation.jobs.store import Entry, Store
from head_ablation.models.pointer import prepare
from head_ablation.models.shape import known_parameters
from head_ablation.prompts.prompt import prompts_digest
from head_ablation.study.loading import load_study
from head_ablation.study.requests import Requests, Work
from head_ablation.study.settings import level_settings, score_settings

LLAMA_8B = Work(8.03e9, "bfloat16", prompts=26, tokens=8192, batch_size=8, on_gpu=True, tflops=100)
SMOLLM2 = Work(134.5e6, "float32", prompts=9, tokens=384, batch_size=9, on_gpu=False, tflops=0.03)
EXPERIMENT = Experiment("tiny", "inc_year", 4)


@pytest.mark.parametrize(
    ("prompts", "tokens", "measured_mb"),
    [(1, 384, 981), (9, 384, 1256), (4, 2048, 1665), (2, 4096, 1693)],
)
def test_memory_covers_what_smollm2_was_measured_to_take(prompts, tokens, measured_mb):
    asked = replace(SMOLLM2, prompts=prompts, batch_size=prompts, tokens=tokens).mem_mb()
    assert 1.5 * measured_mb < asked < 4 * measured_mb


def test_the_weights_of_an_8b_model_pass_through_main_memory():
    assert 16_060 < LLAMA_8B.mem_mb() < 32_000
    assert replace(LLAMA_8B, batch_size=1).mem_mb() == LLAMA_8B.mem_mb()  # on the GPU, not here


@pytest.mark.parametrize("work", [LLAMA_8B, SMOLLM2])
@pytest.mark.parametrize("field", ["prompts", "tokens", "parameters"])
def test_more_work_asks_for_more_minutes(work, field):
    more = replace(work, **{field: getattr(work, field) * 20})
    assert work.minutes() < more.minutes() < 25 * work.minutes()


def test_a_slower_device_asks_for_more_minutes():
    assert replace(LLAMA_8B, tflops=20).minutes() > LLAMA_8B.minutes()


@pytest.fixture
def study(tmp_path):
    save_tiny_llama(tmp_path / "model")
    model = {"source": str(tmp_path / "model"), "gpu": 1, "threads": 3, "batch_size": 2}
    config = {
        "study": "requests",
        "models": {"tiny": model, "other": {**model, "mem_mb": 7000, "runtime": 11}},
        "questions": {"inc_year": {}, "inc_state": {}},
        "tokens": [16, 17, 18],
        "filings": {"ground_truth": "resources/companies.csv", "section_1": "generated"},
        "rankings": {"wu24": "detect"},
        "detection": {"prompts": 2},
        "levels": [1],
    }
    return load_study(config, "study.yaml")


@pytest.fixture
def requests(tmp_path, study):
    """Of 1,000 test samples and 9 train samples of each question."""
    return Requests(study, lambda _, split: {"test": 1000, "train": 9}[split], Store(tmp_path / "store"))


def test_every_attempt_asks_for_more_time_and_memory(requests):
    first, second, third = (requests.for_model(EXPERIMENT, "test", attempt) for attempt in (1, 2, 3))
    assert (first.threads, first.gpu) == (second.threads, second.gpu) == (3, 1)
    assert (second.mem_mb, third.mem_mb) == (2 * first.mem_mb, 3 * first.mem_mb)
    assert (second.runtime, third.runtime) == (2 * first.runtime, 3 * first.runtime)


def test_what_the_config_says_is_asked_for(requests):
    asked = requests.for_model(EXPERIMENT._replace(model="other"), "test", 1)
    assert (asked.mem_mb, asked.runtime) == (7000, 11)


def test_the_size_of_a_model_is_counted_in_its_weights(tmp_path):
    model = tiny_llama()
    counted = known_parameters(str(save_tiny_llama(tmp_path / "model")), None)
    assert counted == sum(tensor.numel() for tensor in model.parameters())
    assert known_parameters("org/not-here", None) is None


def test_weights_that_are_none_are_named(tmp_path):
    (save_tiny_llama(tmp_path / "model") / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(StudyError, match=r"model\.safetensors: file: found no weights"):
        known_parameters(str(tmp_path / "model"), None)


def test_experiments_travel_with_others_of_their_model(study):
    batches = {tuple(study.batch(experiment, 4)) for experiment in study.experiments()}
    assert sorted(map(len, batches)) == [2, 2, 4, 4]
    assert sorted(e for batch in batches for e in batch) == sorted(study.experiments())
    assert all(len({experiment.model for experiment in batch}) == 1 for batch in batches)


def written(folder, pointer):
    """The pointer, prompts and head-set files of a level job."""
    files = [folder / name for name in ("model.json", "prompts.jsonl", "heads.json")]
    pointer.write(files[0])
    write_jsonl(files[1], [prompt.to_json() for prompt in PROMPTS])
    write_json(files[2], {"heads": ["L0H1"]})
    return files


def test_a_level_is_in_the_store_only_with_all_that_decides_it(tmp_path, study, requests):
    pointer = prepare(str(tmp_path / "model"), None, tmp_path)
    files = written(tmp_path, pointer)
    settings, asked = level_settings(study, "tiny"), prompts_digest(PROMPTS)
    assert not requests.holds_level(EXPERIMENT, *files)
    other = generation_protocol(pointer, asked, HeadSet.parse(["L1H1"]), settings)
    requests.store.add(Entry(other, [], {}))
    assert not anew(requests).holds_level(EXPERIMENT, *files)
    requests.store.add(Entry(generation_protocol(pointer, asked, HeadSet.parse(["L0H1"]), settings), [], {}))
    assert anew(requests).holds_level(EXPERIMENT, *files)


def test_what_the_installed_software_would_make_is_looked_up_and_nothing_where_there_is_none(
    tmp_path, study, requests, monkeypatch
):
    pointer = prepare(str(tmp_path / "model"), None, tmp_path)
    files = written(tmp_path, pointer)
    level = level_settings(study, "tiny")
    heads = HeadSet.parse(["L0H1"])
    requests.store.add(Entry(generation_protocol(pointer, prompts_digest(PROMPTS), heads, level), [], {}))
    add_scores(requests, pointer, study)
    for installed, held in ((software._installed, True), (lambda _: "1.0.0", False), (lambda _: None, False)):
        monkeypatch.setattr(software, "_installed", installed)
        assert anew(requests).holds_level(EXPERIMENT, *files) is held
        assert anew(requests).holds_scores(EXPERIMENT, *files[:2]) is held


def test_a_level_is_looked_up_again_when_its_files_change(tmp_path, study, requests):
    pointer = prepare(str(tmp_path / "model"), None, tmp_path)
    files = written(tmp_path, pointer)
    protocol = generation_protocol(
        pointer, prompts_digest(PROMPTS), HeadSet.parse(["L0H1"]), level_settings(study, "tiny")
    )
    requests.store.add(Entry(protocol, [], {}))
    assert requests.holds_level(EXPERIMENT, *files)
    write_jsonl(files[1], [prompt.to_json() for prompt in PROMPTS[1:]])
    assert not requests.holds_level(EXPERIMENT, *files)
    files[1].unlink()
    assert not requests.holds_level(EXPERIMENT, *files)


@pytest.mark.parametrize("count", ["answerable", "all"])
def test_prompts_that_do_not_count_are_no_part_of_what_is_looked_up(tmp_path, study, requests, count):
    pointer = prepare(str(tmp_path / "model"), None, tmp_path)
    files = written(tmp_path, pointer)
    unanswerable = replace(PROMPTS[0], filename="cut.txt", answer_span=None, reason="cut off")
    write_jsonl(files[1], [prompt.to_json() for prompt in [*PROMPTS, unanswerable]])
    study.config["scoring"]["count"] = count
    asked = prompts_digest(PROMPTS if count == "answerable" else [*PROMPTS, unanswerable])
    protocol = generation_protocol(pointer, asked, HeadSet.parse(["L0H1"]), level_settings(study, "tiny"))
    requests.store.add(Entry(protocol, [], {}))
    assert anew(requests).holds_level(EXPERIMENT, *files)


def add_scores(requests, pointer, study, prompts=PROMPTS[:2]):
    settings = score_settings(study, "tiny", "inc_year")
    for prompt in prompts:
        for choice in settings.detectors:
            requests.store.add(Entry(score_protocol(pointer, choice, prompt, settings), {}, {}))


def test_head_scores_are_in_the_store_only_when_all_are(tmp_path, study, requests):
    pointer = prepare(str(tmp_path / "model"), None, tmp_path)
    model, prompts, _ = written(tmp_path, pointer)
    for count in (0, 1):
        add_scores(requests, pointer, study, PROMPTS[:count])
        assert not anew(requests).holds_scores(EXPERIMENT, model, prompts)
    add_scores(requests, pointer, study)
    assert anew(requests).holds_scores(EXPERIMENT, model, prompts)
    study.config["rankings"]["other"] = {"detector": "summed_attention"}
    assert not anew(requests).holds_scores(EXPERIMENT, model, prompts)


def test_detectors_with_passes_of_their_own_ask_for_more_time(study, requests):
    study.config["models"]["tiny"]["tflops"] = 1e-9
    watched = requests.for_model(EXPERIMENT, "train", 1).runtime
    study.config["rankings"]["other"] = {"detector": "summed_attention"}
    assert anew(requests).for_model(EXPERIMENT, "train", 1).runtime == watched
    asked = []
    for detector in ("attribution", "single_head"):
        study.config["rankings"]["other"] = {"detector": detector, "prompts": 4, "distractors": 8}
        asked.append(anew(requests).for_model(EXPERIMENT, "train", 1).runtime)
    assert watched < asked[0] < asked[1]
    assert anew(requests).for_model(EXPERIMENT, "test", 1) == requests.for_model(EXPERIMENT, "test", 1)


def anew(requests):
    """The same, with nothing remembered: as another run of the workflow."""
    return Requests(requests.study, requests.samples, requests.store)


def test_outside_of_an_allocation_there_is_no_limit(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert minutes_left() == math.inf
