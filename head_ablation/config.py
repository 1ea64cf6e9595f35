"""A study's config: read, checked as a whole, defaults filled in, and asked for everything the workflow needs."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from head_ablation.config_schema import question_problems, schema_problems, with_defaults
from head_ablation.files import holds, json_text, sha256_file
from head_ablation.heads import Condition, ModelShape, RandomArm
from head_ablation.memory import CARD_GB
from head_ablation.model_sources import files_of_model, is_folder, known_shape, model_name
from head_ablation.problems import Problem, StudyError, did_you_mean, refuse
from head_ablation.prompts import pieces

DETECT = "detect"
EDGAR = "edgar-corpus"
EXCLUDE_TOP = 50  # as the published study; not the highest level, so that one more level changes no random draw
QUESTION_FIELDS = ("text", "stem", "column", "matcher", "label")
PATH_FIELDS = {"method", "model", "model_dir", "question", "tokens"}


class Experiment(NamedTuple):
    """One (model, question, tokens)."""

    model: str
    question: str
    tokens: int

    def __str__(self) -> str:
        return f"{self.model}/{self.question}/tokens_{self.tokens}"


@dataclass(frozen=True)
class Study:
    """A checked config with all defaults in place.

    Attributes:
        config: the resolved config.
        file: where it was read from, for messages.
    """

    config: Mapping[str, Any]
    file: str

    @property
    def name(self) -> str:
        return self.config["study"]

    @property
    def methods(self) -> list[str]:
        return list(self.config["rankings"])

    @property
    def ranked_methods(self) -> list[str]:
        """The methods that have rankings: all, unless finished results are given without."""
        return [method for method, source in self.config["rankings"].items() if source is not None]

    @property
    def has_results(self) -> bool:
        """Whether finished ablation results are given, so that no model is run."""
        return self.config["results_from"] is not None

    @property
    def levels(self) -> list[int]:
        return sorted(self.config["levels"])

    def experiments(self) -> list[Experiment]:
        """All experiments, in the config's order."""
        return [
            Experiment(model, question, tokens)
            for model in self.config["models"]
            for question in self.config["questions"]
            for tokens in self.config["tokens"]
        ]

    def batch(self, experiment: Experiment, size: int) -> list[Experiment]:
        """The experiments that an experiment travels with on a cluster: up to `size` of the same model."""
        same = [other for other in self.experiments() if other.model == experiment.model]
        first = same.index(experiment) // size * size
        return same[first : first + size]

    def conditions(self) -> list[Condition]:
        """All conditions of one method and experiment, without the baseline."""
        draws = range(self.config["random"]["draws"])
        top = [Condition("top", level) for level in self.levels]
        return top + [Condition("random", level, draw) for level in self.levels for draw in draws]

    def random_arm(self) -> RandomArm:
        """How control heads are drawn."""
        arm = self.config["random"]
        return RandomArm(
            draws=arm["draws"],
            seed=_either(arm["seed"], self.config["seed"]),
            sampler=arm["sampler"],
            exclude_top=_either(arm["exclude_top"], max(EXCLUDE_TOP, *self.levels)),
        )

    def model(self, model: str) -> Mapping[str, Any]:
        return self.config["models"][model]

    def model_origin(self, model: str) -> dict[str, Any]:
        """Where a model comes from, source and revision, and the grid of heads that the study says it has."""
        own = self.model(model)
        return {"source": own["source"], "revision": own["revision"], "grid": own["shape"]}

    def known_shape(self, model: str) -> ModelShape | None:
        """A model's shape if it can be told without fetching anything: from its config.json, or as declared."""
        own = self.model(model)
        return known_shape(own["source"], own["revision"]) or (ModelShape(**own["shape"]) if own["shape"] else None)

    def model_files(self, model: str) -> list[str]:
        """The files that make a local folder's model; none for a model from elsewhere."""
        source = self.model(model)["source"]
        return [str(path) for path in files_of_model(Path(source).expanduser())] if is_folder(source) else []

    @cached_property
    def questions(self) -> dict[str, dict[str, str]]:
        """question -> text, stem, column, matcher, label: the bank's entry with the config's overrides."""
        bank = _read_yaml(self.config["question_bank"])
        chosen = self.config["questions"].items()
        return {key: {**bank.get(key, {}), **(own or {})} for key, own in chosen}

    def filings_settings(self) -> dict[str, Any]:
        """What decides the samples, besides the question."""
        filings = {key: value for key, value in self.config["filings"].items() if key != "corpus"}
        if filings["section_1"] == EDGAR:
            filings["section_1"] = f"results/{self.name}/filings.jsonl"
        filings["seed"] = _either(filings["seed"], self.config["seed"])
        filings["columns"] = {key: question["column"] for key, question in self.questions.items()}
        return filings

    def corpus_index(self) -> dict[str, Any]:
        """What decides the filings that are fetched from a corpus."""
        filings = self.config["filings"]
        asked = {key: filings[key] for key in ("corpus", "absent")}
        return {**asked, "ground_truth_sha256": sha256_file(filings["ground_truth"])}

    def filings_at_hand(self) -> bool:
        """Whether the filings are here: all are, but those that have to be fetched from a corpus first."""
        if self.config["filings"]["section_1"] != EDGAR:
            return True
        folder = Path(f"results/{self.name}")
        current = holds(folder / "filings.index.json", json_text(self.corpus_index()))
        return current and (folder / "filings.jsonl").is_file()

    def prompt_settings(self, model: str, question: str) -> dict[str, Any]:
        """What decides the prompts, besides samples, tokens and the model's tokenizer."""
        own = self.model(model)["prompt"]
        shared = {key: value for key, value in self.config["prompt"].items() if key != "filler"}
        asked = self.questions[question]
        return {
            **shared,
            **{key: own[key] for key in ("template", "chat") if key in own},
            "stem": own["stems"].get(question, asked["stem"]),
            "question": own["texts"].get(question, asked["text"]),
        }

    def generation_settings(self, model: str) -> dict[str, Any]:
        """What decides the generations, besides model, prompts and heads."""
        return {**self._decoding_settings(model), **self.config["ablation"]}

    def _decoding_settings(self, model: str) -> dict[str, Any]:
        own = self.model(model)
        return {
            "max_new_tokens": self.config["generation"]["max_new_tokens"],
            "stop": own["prompt"].get("stop", self.config["generation"]["stop"]),
            **{key: own[key] for key in ("batch_size", "dtype", "attention", "device", "trust_remote_code")},
            **({"memory_gb": self.memory_gb(model)} if own["batch_size"] == "auto" else {}),
        }

    def memory_gb(self, model: str) -> float | None:
        """What a job of the model may take, on its card or of main memory; None without a card if nothing is said."""
        own = self.model(model)
        on_card = own["gpu"] > 0 or own["device"].startswith("cuda")
        return own["memory_gb"] or (CARD_GB if on_card else None)

    def detection_settings(self, model: str, question: str) -> dict[str, Any]:
        """What decides a detected ranking, besides model and train prompts."""
        matcher = {"matcher": self.questions[question]["matcher"]}
        return {**self._decoding_settings(model), **self.config["detection"], **matcher}

    def model_keys(self, model: str) -> list[str]:
        """What a ranking file may call this model."""
        return list(dict.fromkeys([model, self.model(model)["model_dir"] or model]))

    def ranking_identity(self, method: str, experiment: Experiment) -> dict[str, Any]:
        """What a ranking file says it ranks, in the published study's words."""
        return {
            "method": method,
            "model_key": experiment.model,
            "model_name": model_name(self.model(experiment.model)["source"]),
            "question": experiment.question,
            "question_prompt": self.prompt_settings(experiment.model, experiment.question)["question"],
            "total_tokens": experiment.tokens,
            "needle_position": self.config["prompt"]["depth"],
        }

    def result_identity(self, method: str, experiment: Experiment) -> dict[str, Any]:
        """What an ablation result says it is about; `method` as the published study writes it."""
        identity = self.ranking_identity(method, experiment)
        source = self.config["rankings"][method]
        own = {"method": f"{method}_ablation_incremental", "ranking_method": method, "heads_source": source}
        return {**identity, **own}

    def labels(self) -> dict[str, str]:
        """Names for figures: questions by their label, in the config's order."""
        return {key: question["label"] for key, question in self.questions.items()}

    def ranking_file(self, method: str, experiment: Experiment) -> str | None:
        """The path of a given ranking; None if the ranking is detected."""
        template = self.config["rankings"][method]
        return None if template in (DETECT, None) else self._path(template, method, experiment)

    def result_file(self, method: str, experiment: Experiment) -> str:
        """The path of a given ablation result."""
        return self._path(self.config["results_from"], method, experiment)

    def _path(self, template: str, method: str, experiment: Experiment) -> str:
        model_dir = self.model(experiment.model)["model_dir"] or experiment.model
        return template.format(method=method, model_dir=model_dir, **experiment._asdict())

    def ranking_expectation(self, experiment: Experiment) -> dict[str, Any]:
        """What a given ranking must agree with: the fields of `rankings.Expectation`, but for the model's shape."""
        return {**self._stated(experiment), "heads_needed": max(self.levels)}

    def result_expectation(self, method: str, experiment: Experiment) -> dict[str, Any]:
        """What a given ablation result must agree with: the fields of `results.ResultExpectation`."""
        return {**self._stated(experiment), "method": method, "methods": self.methods, "levels": self.levels}

    def _stated(self, experiment: Experiment) -> dict[str, Any]:
        """What a given file may say about its experiment."""
        return {
            "models": self.model_keys(experiment.model),
            "model_name": model_name(self.model(experiment.model)["source"]),
            "question": experiment.question,
            "tokens": experiment.tokens,
        }


def _either(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value


def load_study(config: Mapping[str, Any], file: str) -> Study:
    """The study of a config as Snakemake read it; refuses it, with all problems at once, if it does not hold.

    Raises:
        StudyError: unknown keys, wrong types or values, missing files. What needs the contents of those files
            is checked by `head_ablation.checks`.
    """
    resolved = with_defaults(config)
    refuse(schema_problems(resolved, file))
    study = Study(resolved, file)
    refuse(_file_problems(study))
    refuse(_bank_problems(study))
    refuse(_reference_problems(study))
    return study


def read_resolved(path: str | Path) -> Study:
    """The study of a resolved config, as it stands beside its results."""
    return Study(_read_yaml(str(path)), str(path))


def _read_yaml(path: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        found = f"broken YAML ({' '.join(str(error).split())})"
        raise StudyError([Problem(path, "file", found, "YAML")]) from None
    if not isinstance(content, dict):
        raise StudyError([Problem(path, "file", f"a {type(content).__name__}", "key: value pairs")])
    return content


def _file_problems(study: Study) -> list[Problem]:
    filings = study.config.get("filings") or dict.fromkeys(("ground_truth", "section_1", "evidence"))
    needed = {
        "question_bank": study.config["question_bank"],
        "filings.ground_truth": filings["ground_truth"],
        "filings.section_1": filings["section_1"] if filings["section_1"] not in ("generated", EDGAR) else None,
        "filings.evidence": filings["evidence"],
        "prompt.filler": study.config["prompt"]["filler"],
        "claims": study.config["claims"],
    }
    return [
        Problem(study.file, field, f"'{path}', which does not exist", "an existing file")
        for field, path in needed.items()
        if path is not None and not Path(path).is_file()
    ]


def _bank_problems(study: Study) -> list[Problem]:
    """Everything in which the bank's entries for the study's questions depart from a question's schema."""
    file = study.config["question_bank"]
    bank = _read_yaml(file)
    asked = {key: bank[key] for key in study.config["questions"] if key in bank}
    return question_problems(asked, file)


def _reference_problems(study: Study) -> list[Problem]:
    return [
        *_question_problems(study),
        *_template_problems(study),
        *_override_problems(study),
        *_ranking_template_problems(study),
        *_sampler_problems(study),
    ]


def _question_problems(study: Study) -> Iterator[Problem]:
    bank = _read_yaml(study.config["question_bank"])
    for key, question in study.questions.items():
        missing = [field for field in QUESTION_FIELDS if field not in question]
        if missing:
            hint = did_you_mean(key, bank) if key not in bank else ""
            where = f"a question of {study.config['question_bank']}, or {', '.join(missing)} given here"
            yield Problem(study.file, f"questions.{key}", f"no {', '.join(missing)}", where, hint)


def _template_problems(study: Study) -> Iterator[Problem]:
    templates = {"prompt.template": study.config["prompt"]["template"]}
    for key, model in study.config["models"].items():
        if "template" in model["prompt"]:
            templates[f"models.{key}.prompt.template"] = model["prompt"]["template"]
    for field, template in templates.items():
        try:
            pieces(template)
        except ValueError:
            wanted = "the slots {filler} {passage} {filler} {question}, each in this order"
            yield Problem(study.file, field, repr(template), wanted)


def _override_problems(study: Study) -> Iterator[Problem]:
    known = {*_read_yaml(study.config["question_bank"]), *study.config["questions"]}
    for key, model in study.config["models"].items():
        for part in ("stems", "texts"):
            for question in sorted(set(model["prompt"][part]) - known):
                field = f"models.{key}.prompt.{part}.{question}"
                hint = did_you_mean(question, known)
                yield Problem(study.file, field, "an unknown question", "a known one", hint)


def _ranking_template_problems(study: Study) -> Iterator[Problem]:
    templates = {"results_from": study.config["results_from"]} if study.has_results else {}
    for method, source in study.config["rankings"].items():
        if source == DETECT and study.has_results:
            wanted = "a path template, or null for no ranking: with results_from no model is run"
            yield Problem(study.file, f"rankings.{method}", DETECT, wanted)
        elif source is None and not study.has_results:
            yield Problem(study.file, f"rankings.{method}", "null", "'detect' or a path template")
        elif source not in (DETECT, None):
            templates[f"rankings.{method}"] = source
    for field, template in templates.items():
        yield from _path_problems(study.file, field, template)


def _path_problems(file: str, field: str, template: str) -> Iterator[Problem]:
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    except ValueError as error:
        yield Problem(file, field, repr(template), f"a path with fields in braces ({error})")
        return
    for name in sorted(names - PATH_FIELDS):
        yield Problem(file, field, f"{{{name}}}", "a known field", did_you_mean(name, PATH_FIELDS))


def _sampler_problems(study: Study) -> Iterator[Problem]:
    arm = study.config["random"]
    if arm["sampler"] == "study" and arm["draws"] > 1:
        wanted = "at most 1 draw with sampler 'study', which has one seed and so one draw"
        yield Problem(study.file, "random.draws", arm["draws"], wanted)
