"""No value of a config reaches a shell but as one quoted word, whatever rule and option it comes through."""

import ast
import json
import re
import string
import subprocess
import sys
import tokenize

import pytest
import yaml
from byte_tokenizer import save_byte_tokenizer
from project import PROJECT

from head_ablation.common.yaml_files import read_schema

SHELLS = 21  # shell commands of the rules
HOSTILE = "x y';touch TRACE;\"$(touch TRACE)`touch TRACE`&touch TRACE|{{0}}<#*\\"
ALWAYS = {"write_config", "audit", "make_tables", "draw_figures", "make_report"}
RUN = {
    "prepare_model",
    "find_shape",
    "make_samples",
    "accept_ranking",
    "build_prompts",
    "choose_heads",
    "generate",
    "score",
}
SCRIPTS = {"rankings": ALWAYS | RUN, "results_from": ALWAYS | {"accept_results"}}
NO_WEIGHTS = (2).to_bytes(8, "little") + b"{}"  # safetensors without a tensor
COLUMN = f"year {HOSTILE}"
FIELDS = {name: f"{name} {HOSTILE}" for name in ("filename", "company", "text")}


def shell_commands():
    """(file, command) for every `shell:` of the rules: the text of its string literals together."""
    for file in sorted(PROJECT.glob("rules/**/*.smk")):
        in_shell, text = False, ""
        with file.open("rb") as source:
            for token in tokenize.tokenize(source.readline):
                if token.type == tokenize.NAME and token.string == "shell":
                    in_shell, text = True, ""
                elif in_shell and token.type == tokenize.STRING:
                    text += ast.literal_eval(token.string)
                elif in_shell and text and token.type in (tokenize.DEDENT, tokenize.ENDMARKER, tokenize.NAME):
                    yield file.name, text
                    in_shell = False


def unquoted(command):
    """The placeholders of a command that do not end in :q."""
    parts = [part for part in string.Formatter().parse(command) if part[1] is not None]
    return [name for _, name, spec, _ in parts if spec != "q"]


def test_every_placeholder_of_every_shell_command_is_quoted():
    commands = list(shell_commands())
    assert len(commands) == SHELLS
    assert [(file, name) for file, command in commands for name in unquoted(command)] == []


def test_a_placeholder_that_is_not_quoted_is_seen():
    assert unquoted("python x --a {input.a:q} --b {input.b} {threads}") == ["input.b", "threads"]  # negative control


def write_inputs(folder):
    """A model, filings, a bank, rankings and results in folders of hostile names."""
    own = folder / f"-own {HOSTILE.replace('{{0}}', '')}"
    save_byte_tokenizer(own / "model")
    shape = {"num_hidden_layers": 4, "num_attention_heads": 8, "max_position_embeddings": 512}
    (own / "model" / "config.json").write_text(json.dumps(shape))
    (own / "model" / "model.safetensors").write_bytes(NO_WEIGHTS)
    numbers = range(1, 21)
    header = [*list(FIELDS.values())[:2], COLUMN]
    (own / "truth.csv").write_text(
        ",".join(f'"{name.replace(chr(34), chr(34) * 2)}"' for name in header)
        + "\n"
        + "".join(f"{n}_1993.txt,{n},{1900 + n}\n" for n in numbers)
    )
    text = {f"{n}_1993.txt": f"Founded in {1900 + n}." for n in numbers}
    rows = [{FIELDS["filename"]: name, FIELDS["text"]: said} for name, said in text.items()]
    (own / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (own / "evidence.jsonl").write_text("")
    (own / "filler.txt").write_text("A river in flat country is never in a hurry.")
    entry = {"text": HOSTILE, "stem": HOSTILE, "column": COLUMN, "matcher": "year", "label": HOSTILE}
    (own / "bank.yaml").write_text(yaml.safe_dump({"year": entry}))
    claim = {"method": HOSTILE, "arm": "top", "level": 2, "mean_drop_points": 1.0}
    (own / "claims.yaml").write_text(yaml.safe_dump({"source": HOSTILE, "claims": [claim]}))
    entries = [{"head": f"L{n % 4}H{n // 4}", "score": 1 - n / 10, "rank": n + 1} for n in range(6)]
    (own / "ranking.json").write_text(json.dumps({"question": "year", "total_tokens": 128, "head_rankings": entries}))
    (own / "result.json").write_text(json.dumps(given_result()))
    return own


def given_result():
    """A finished result whose free strings are hostile."""
    counts = {"accuracy": 1.0, "correct": 1, "total": 1}
    ablated = {**counts, "num_heads": 2, "heads": [[0, 0], [1, 0]], "heads_str": ["L0H0", "L1H0"], "accuracy_drop": 0.0}
    about = {
        "method": HOSTILE,
        "model_key": "tiny",
        "model_name": HOSTILE,
        "question": "year",
        "question_prompt": HOSTILE,
    }
    numbers = {"total_tokens": 128, "test_samples": 1, "ablation_levels": [2]}
    return {**about, **numbers, "baseline": counts, "top_heads_ablations": [ablated]}


def study(folder):
    """A study whose every free string is hostile."""
    own = str(write_inputs(folder).relative_to(folder))
    keys = {"methods": "given", "models": "tiny", "questions": "year", "arms": "random"}
    template = f"{HOSTILE}{{filler}}{HOSTILE}{{passage}}{{filler}}{{question}}"
    asked = {"text": HOSTILE, "stem": HOSTILE, "column": COLUMN, "label": HOSTILE}
    prompt = {"template": template, "stop": [HOSTILE], "stems": {"year": HOSTILE}, "texts": {"year": HOSTILE}}
    model = {
        "source": f"{own}/model",
        "revision": HOSTILE,
        "model_dir": HOSTILE.replace("{{0}}", ""),
        "device": "cpu",
        "prompt": prompt,
    }
    return {
        "study": "hostile",
        "models": {"tiny": model},
        "question_bank": f"{own}/bank.yaml",
        "questions": {"year": asked},
        "tokens": [128],
        "filings": {
            "ground_truth": f"{own}/truth.csv",
            "section_1": f"{own}/texts.jsonl",
            "evidence": f"{own}/evidence.jsonl",
            "corpus": {"source": HOSTILE, "revision": HOSTILE, "data_dir": HOSTILE},
            "null_values": [HOSTILE],
            "fields": FIELDS,
        },
        "prompt": {"template": template, "filler": f"{own}/filler.txt"},
        "rankings": {"given": f"{own}/ranking.json"},
        "claims": f"{own}/claims.yaml",
        "generation": {"stop": [HOSTILE]},
        "levels": [2],
        "arms": {"random": {"exclude_top": 5}},
        "figures": {"labels": {kind: {key: HOSTILE} for kind, key in keys.items()}},
    }


def planned_commands(folder, config):
    """The shell commands that Snakemake would run for a config, as it prints them."""
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(PROJECT / "Snakefile"), "-n", "-p", "--cores", "1"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return re.findall(r"^Shell command: (?!None$)(.*)$", done.stdout + done.stderr, re.MULTILINE)


def words_given(folder, command):
    """The words that a shell gives to `python` when it runs a command in an empty folder."""
    folder.mkdir()
    log = folder / re.search(r"2> ([\w./-]+)$", command)[1]
    log.parent.mkdir(parents=True)
    recorder = "python() { printf '%s\\0' \"$@\" > words; }; "
    subprocess.run(["bash", "-c", recorder + command], cwd=folder, capture_output=True, check=False)
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert left == {"words", str(log.relative_to(folder))}
    return (folder / "words").read_text().split("\0")[:-1]


@pytest.mark.slow
@pytest.mark.parametrize(("given", "scripts"), SCRIPTS.items())
def test_no_value_of_a_config_runs_in_a_shell(tmp_path, given, scripts):
    config = study(tmp_path)
    if given == "results_from":
        config["results_from"] = config["rankings"]["given"].replace("ranking.json", "result.json")
    commands = planned_commands(tmp_path, config)
    assert {re.search(r"scripts/(\w+)\.py ", command)[1] for command in commands} == scripts
    words = [words_given(tmp_path / f"job{number}", command) for number, command in enumerate(commands)]
    assert sum("touch TRACE" in "".join(given) for given in words) > len(scripts) / 2  # the values have come through
    assert not list(tmp_path.rglob("TRACE"))


def test_a_value_that_is_not_quoted_leaves_its_trace(tmp_path):
    with pytest.raises(AssertionError, match="TRACE"):  # negative control
        words_given(tmp_path / "job", "python script --filler own/f;touch TRACE;.txt 2> logs/a.log")


def free_strings(schema, definitions):
    """The dotted places of all strings that a schema leaves free, `*` for a key of the user's choice."""
    schema = {**definitions.get(schema.get("$ref", "").rsplit("/", 1)[-1], {}), **schema}
    if "string" in schema.get("type", ()) and not schema.keys() & {"pattern", "enum", "anyOf"}:
        yield ""
    parts = {**schema.get("properties", {}), "*": schema.get("additionalProperties"), "[]": schema.get("items")}
    for name, part in parts.items():
        if isinstance(part, dict):
            yield from (f"{name}.{place}".rstrip(".") for place in free_strings(part, definitions))


def hostile_places(value):
    """The places of a config whose text is hostile, written like those of the schema."""
    if isinstance(value, dict):
        chosen = {"tiny", "year", "given", "random"}
        parts = [("*" if key in chosen else key, part) for key, part in value.items()]
    else:
        parts = [("[]", part) for part in value] if isinstance(value, list) else []
    if isinstance(value, str) and "touch TRACE" in value:
        yield ""
    for name, part in parts:
        yield from (f"{name}.{place}".rstrip(".") for place in hostile_places(part))


def test_the_hostile_study_has_a_hostile_value_wherever_the_schema_allows_one(tmp_path):
    schema = read_schema("config")
    config = study(tmp_path) | {"results_from": HOSTILE}
    assert set(free_strings(schema, schema["$defs"])) - set(hostile_places(config)) == set()
