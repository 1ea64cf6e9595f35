"""Nothing that the schema accepts is unread: each option, changed, changes a setting, a plan or a request."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tiny_llama import save_tiny_llama

from head_ablation.common.files import write_json, write_text
from head_ablation.common.problems import StudyError
from head_ablation.common.registry import options_schema
from head_ablation.common.settings import to_text
from head_ablation.detectors import DETECTORS
from head_ablation.jobs.store import Store
from head_ablation.study import settings as stages
from head_ablation.study.config_schema import _schema, method_schema
from head_ablation.study.given_files import ranking_expectation, ranking_file
from head_ablation.study.loading import load_study
from head_ablation.study.requests import Requests
from head_ablation.study.study import EDGAR, Study
from head_ablation.study.tasks import acceptances, audit_task, figure_task, ranking_task, score_task

GIVEN = "given/{model_dir}/{question}.json"
NO_OWN_WORDS = {"models.tiny.prompt": {}}
CORPUS = {"filings.section_1": EDGAR}
TEXTS = {"filings.section_1": "texts.jsonl"}
PLANTED = {"models.tiny.source": "planted"}
RESULTS = {"rankings": {"mine": None}, "results_from": GIVEN}
CHANGES: dict[str, Any] = {
    # option: another value; or other values that must be there first, and the other value
    "study": "other",
    "seed": 43,
    "models.*.source": "model2",
    "models.*.revision": "abc",
    "models.*.model_dir": "elsewhere",
    "models.*.shape.layers": ({"models.tiny.source": "org/absent", "models.tiny.shape": {"layers": 8, "heads": 16}}, 9),
    "models.*.shape.heads": ({"models.tiny.source": "org/absent", "models.tiny.shape": {"layers": 8, "heads": 16}}, 17),
    "models.*.dtype": "bfloat16",
    "models.*.device": "cuda:1",
    "models.*.attention": "eager",
    "models.*.batch_size": 3,
    "models.*.memory_gb": 5,
    "models.*.trust_remote_code": True,
    "models.*.threads": 2,
    "models.*.gpu": 1,
    "models.*.mem_mb": 123,
    "models.*.runtime": 45,
    "models.*.billion_parameters": 3.5,
    "models.*.tflops": 0.00001,
    "models.*.prompt.template": "{filler}{passage}{filler}?{question}",
    "models.*.prompt.chat": True,
    "models.*.prompt.stop": ["."],
    "models.*.prompt.stems.*": "Answer: in",
    "models.*.prompt.texts.*": "When?",
    "models.*.planted.layers": (PLANTED, 4),
    "models.*.planted.heads": (PLANTED, 16),
    "models.*.planted.kv_heads": (PLANTED, 2),
    "models.*.planted.seed": (PLANTED, 1),
    "models.*.planted.retrieval": (PLANTED, [7, 5]),
    "models.*.planted.distractor": (PLANTED, [2.2]),
    "models.*.planted.negative": (PLANTED, []),
    "models.*.planted.thresholds": (PLANTED, [1.4]),
    "models.*.planted.attention_decoys": (PLANTED, 1),
    "models.*.planted.copy_decoys": (PLANTED, 1),
    "question_bank": (NO_OWN_WORDS, "bank.yaml"),
    "questions.*.text": (NO_OWN_WORDS, "When was it founded?"),
    "questions.*.stem": (NO_OWN_WORDS, "In"),
    "questions.*.column": "employee_count_truth",
    "questions.*.matcher": "text",
    "questions.*.label": "Founded",
    "tokens": [384, 512],
    "filings.ground_truth": "truth.csv",
    "filings.section_1": EDGAR,
    "filings.fields.filename": (TEXTS, "id"),
    "filings.fields.company": (TEXTS, "group"),
    "filings.fields.text": (TEXTS, "text"),
    "filings.corpus.source": (CORPUS, "org/corpus"),
    "filings.corpus.revision": (CORPUS, "main"),
    "filings.corpus.data_dir": (CORPUS, "year_1994"),
    "filings.null_values": ["NULL", "-"],
    "filings.absent": "leave_out",
    "filings.evidence": "evidence.jsonl",
    "filings.seed": 7,
    "filings.split": "published",
    "filings.test_fraction": 0.3,
    "prompt.template": "{filler}{passage}{filler}?{question}",
    "prompt.chat": True,
    "prompt.builder": "published",
    "prompt.depth": 0.25,
    "prompt.min_filler_tokens": 20,
    "prompt.filler": "filler.txt",
    "rankings.*": GIVEN.replace("given", "given2"),
    "rankings.*.detector": ({"rankings": {"mine": GIVEN}}, None),  # see below: a file becomes a detector
    "results_from": ({"rankings": {"mine": None}, "results_from": GIVEN}, GIVEN.replace("given", "given2")),
    "claims": (RESULTS, "claims.yaml"),
    "detection.prompts": 3,
    "detection.needle": "answer",
    "detection.success": "rouge1",
    "levels": [5, 6],
    "arms.random.draws": 2,
    "arms.random.seed": 8,
    "arms.random.sampler": "published",
    "arms.random.exclude_top": 9,
    "ablation.positions": "decode",
    "ablation.intervention": None,  # one is registered; tests/workflow/test_seams.py chooses another
    "generation.max_new_tokens": 11,
    "generation.stop": [],
    "software": "exact",
    "scoring.rule": "published",
    "scoring.count": "all",
    "figures.views": ["figure8_grid"],
    "figures.width": "column",
    "figures.font_size": 9,
    "figures.palette": "okabe_ito",
    "figures.legend": False,
    "figures.controls": "each",
    "figures.labels.methods.*": "Wu et al.",
    "figures.labels.models.*": "Llama",
    "figures.labels.questions.*": "Founded",
    "figures.labels.arms.*": "random",
}
CHOSEN_ELSEWHERE = {"ablation.intervention", "rankings.*.detector"}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every file that a change may name."""
    folder = tmp_path_factory.mktemp("inputs")
    with contextlib.chdir(folder):
        _write_inputs()
    return folder


def _write_inputs() -> None:
    for number, name in enumerate(("model", "model2")):
        save_tiny_llama(Path(name), seed=number, layers=8, heads=16 + 16 * number)
    rows = [f"{n}_1993.txt,{n},{1900 + n},Ohio,{n}" for n in range(30)]
    header = "filename,cik,original_Inc_year_truth,original_Inc_state_truth,employee_count_truth"
    for name in ("companies.csv", "truth.csv"):
        write_text(Path(name), "\n".join([header, *rows]) + "\n")
    for name in ("evidence.jsonl", "texts.jsonl"):
        write_text(Path(name), "")
    write_text(Path("claims.yaml"), "source: here\nclaims: []\n")
    write_text(Path("filler.txt"), "A river.")
    entry = "{text: 'When?', stem: 'A:', column: original_Inc_year_truth, matcher: year, label: Year}\n"
    for name in ("questions.yaml", "bank.yaml"):
        write_text(Path(name), f"inc_year: {entry}" + ("other: " + entry if name == "bank.yaml" else ""))
    write_text(Path("bank.yaml"), Path("bank.yaml").read_text().replace("When?", "Which year?"))
    write_text(Path("resources/filler.txt"), "Another river.")
    for folder in ("given", "given2"):
        write_json(Path(folder) / "tiny" / "inc_year.json", {"head_rankings": [{"head": "L0H0", "score": 1}]})


@pytest.fixture
def base(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A config that detects a ranking, in the folder of its files."""
    monkeypatch.chdir(inputs)
    return {
        "study": "base",
        "models": {"tiny": {"source": "model", "prompt": {"stems": {"inc_year": "A:"}, "texts": {"inc_year": "Q?"}}}},
        "question_bank": "questions.yaml",
        "questions": {"inc_year": {}},
        "tokens": [384],
        "filings": {"ground_truth": "companies.csv", "section_1": "generated"},
        "rankings": {"mine": {"detector": "copy_score"}},
        "levels": [5],
    }


def everything(study: Study, folder: Path) -> dict[str, str]:
    """All that the rules are told by a study, by who is told."""
    (experiment, *_), questions = study.experiments(), study.questions
    requests = Requests(study, lambda *_: 40, Store(folder / "store"))
    facts: dict[str, Any] = {
        "folder": study.folder,
        "experiments": study.experiments(),
        "model": [stages.model_source(study, "tiny"), stages.model_files(study, "tiny")],
        "shape": stages.shape_at_hand(study, "tiny"),
        "filler": study.filler,
        "prompts": [to_text(stages.prompt_settings(study, "tiny", question)) for question in questions],
        "head sets": to_text(stages.head_set_settings(study, experiment)),
        "expected": to_text(ranking_expectation(study, experiment)),
        "given rankings": [ranking_file(study, method, experiment) for method in study.methods],
        "head scores": to_text(stages.score_settings(study, "tiny", "inc_year")),
        "detected": [to_text(ranking_task(study, method, experiment)) for method in study.detected_methods],
        "scores": [to_text(score_task(study, method, experiment)) for method in study.methods],
        "figures": [study.config["figures"]["views"], to_text(figure_task(study))],
        "audit": [study.claims, to_text(audit_task(study))],
        "request": [requests.for_model(experiment, split, 1) for split in ("train", "test")],
    }
    if study.has_results:
        facts["given results"] = acceptances(study)
    else:
        facts["filings"] = stages.filings_files(study)
        facts["samples"] = [to_text(stages.sample_settings(study, question)) for question in questions]
        if study.config["filings"]["section_1"] == EDGAR:
            facts["corpus"] = [to_text(stages.corpus_request(study)), stages.corpus_cache(study)]
    return {name: str(fact) for name, fact in facts.items()}


def put(config: dict[str, Any], option: str, value: Any) -> None:
    keys = {"models.*": "models.tiny", "questions.*": "questions.inc_year", "rankings.*": "rankings.mine"}
    keys |= {"methods.*": "methods.mine", "arms.*": "arms.random"}
    for pattern, key in keys.items():
        option = option.replace(pattern, key)
    *parents, last = option.replace("*", "inc_year").split(".")
    for parent in parents:
        config = config.setdefault(parent, {})
    config[last] = value


def leaves(schema: Mapping[str, Any], definitions: Mapping[str, Any], place: str = "") -> Iterator[str]:
    """Every option that the schema knows, `*` for a key of one's own."""
    if "$ref" in schema:
        schema = {**definitions[schema["$ref"].rsplit("/", 1)[1]], **schema}
    parts = {**schema.get("properties", {})}
    if isinstance(schema.get("additionalProperties"), Mapping):
        parts["*"] = schema["additionalProperties"]
    if not parts and place not in ("arms.top",):
        yield place
    for key, part in parts.items():
        yield from leaves(part, definitions, f"{place}.{key}".lstrip("."))


def known_options() -> set[str]:
    schema = _schema({})
    methods = {f"rankings.*.{option}" for option in method_schema("copy_score")["properties"]}
    return {*leaves(schema, schema["$defs"]), *methods}


def test_every_option_of_the_schema_is_changed_here() -> None:
    assert set(CHANGES) == known_options()


@pytest.mark.parametrize("option", sorted(set(CHANGES) - CHOSEN_ELSEWHERE))
def test_an_option_changes_what_a_rule_is_told(base: dict[str, Any], tmp_path: Path, option: str) -> None:
    first, value = CHANGES[option] if isinstance(CHANGES[option], tuple) else ({}, CHANGES[option])
    for place, other in first.items():
        put(base, place, other)
    changed = copy.deepcopy(base)
    put(changed, option, value)
    before, after = (everything(load_study(config, "study.yaml"), tmp_path) for config in (base, changed))
    assert [name for name in before | after if before.get(name) != after.get(name)]


def another(schema: Mapping[str, Any]) -> Any:
    """A value of an option that is not its default."""
    if "enum" in schema:
        return next(value for value in schema["enum"] if value != schema["default"])
    return schema["default"] + 1


OPTIONS = [(one.name, option, schema) for one in DETECTORS for option, schema in options_schema(one).items()]


@pytest.mark.parametrize(("detector", "option", "schema"), OPTIONS)
def test_an_option_of_a_detector_changes_what_its_job_is_told(
    base: dict[str, Any], tmp_path: Path, detector: str, option: str, schema: dict[str, Any]
) -> None:
    base["rankings"] = {"mine": {"detector": detector}}
    changed = copy.deepcopy(base)
    changed["rankings"]["mine"][option] = another(schema)
    before, after = (everything(load_study(config, "study.yaml"), tmp_path) for config in (base, changed))
    assert {name for name in before if before[name] != after[name]} - {"request"} == {"head scores", "detected"}
    changed["rankings"]["mine"][f"{option}x"] = 1
    with pytest.raises(StudyError, match=f"{option}x"):
        load_study(changed, "study.yaml")


def test_what_nobody_reads_would_be_seen(base: dict[str, Any], tmp_path: Path) -> None:
    study = load_study(base, "study.yaml")
    before = everything(study, tmp_path)
    study.config["filings"]["forgotten"] = 1  # type: ignore[index]
    assert everything(study, tmp_path) == before
    known = known_options()
    assert "filings.forgotten" not in known and "filings.seed" in known


def test_a_method_is_given_or_detected(base: dict[str, Any], tmp_path: Path) -> None:
    detected = everything(load_study(base, "study.yaml"), tmp_path)
    put(base, "rankings", {"mine": GIVEN})
    given = everything(load_study(base, "study.yaml"), tmp_path)
    assert detected["detected"] != given["detected"] and detected["given rankings"] != given["given rankings"]
