"""The planted model through the whole workflow: what is found is what was predicted, and a wrong ablation is not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkouts import Checkout, copy_project

from head_ablation.common.experiment import Experiment
from head_ablation.planted.roles import Roles
from head_ablation.prompts.prompt import read_prompts
from head_ablation.results.result_files import read_results
from head_ablation.results.truth import truth_markdown, truth_rows
from head_ablation.study.loading import read_resolved
from head_ablation.study.tasks import truth_task

pytestmark = pytest.mark.workflow

SMALL = {"tokens": [128], "levels": [2], "arms": {"random": {"draws": 1, "exclude_top": 6}}}
RIGHT = "layers.setdefault(layer, []).append(head)"
WRONG = "layers.setdefault(layer, []).append((head + 1) % 8)"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """studies/planted.yaml with one length, one level, one draw."""
    copied = copy_project(tmp_path_factory.mktemp("planted"), share_models=False)
    checkout = changed_study(copied, "small", **SMALL)
    checkout.snakemake()
    return checkout


def changed_study(checkout: Checkout, name: str, **changes: Any) -> Checkout:
    """studies/planted.yaml under another name, with some of its keys changed."""
    studies = checkout.folder / "studies"
    config = {**yaml.safe_load((studies / "planted.yaml").read_text()), **changes, "study": name}
    (studies / f"{name}.yaml").write_text(yaml.safe_dump(config))
    return Checkout(checkout.folder, f"studies/{name}.yaml", name)


def page(checkout: Checkout) -> str:
    return checkout.results("tables", "truth.md").read_text()


def test_every_condition_is_as_predicted(finished: Checkout) -> None:
    conditions = 2 * (1 + 2 * 2)  # questions; the baseline, and methods x arms
    assert f"**PASS**: {conditions} of {conditions} conditions" in page(finished)
    assert page(finished).count("| pass |") == conditions


def test_the_report_shows_the_page(finished: Checkout) -> None:
    shown = finished.results("report.html").read_text()
    assert "<strong>PASS</strong>" in shown and 'id="truth"' in shown


def test_a_second_run_has_nothing_to_do(finished: Checkout) -> None:
    assert "Nothing to be done" in finished.snakemake("--dry-run")


def test_copy_score_cannot_tell_retrieval_heads_from_what_attends_as_they_do(finished: Checkout) -> None:
    roles = {one["head"]: one["role"] for one in read(finished.folder / "results/models/planted/roles.json")["heads"]}
    for question in ("founded", "seat"):
        ranking = read(finished.results(f"rankings/wu24/planted/{question}/tokens_128.json"))["head_rankings"]
        first = [entry for entry in ranking if entry["score"] == ranking[0]["score"]]
        found = sorted(roles[entry["head"]] for entry in first)
        assert found == ["attention_decoy"] * 2 + ["negative"] + ["retrieval"] * 6
        needed = [entry["score"] for entry in ranking if roles[entry["head"]] in ("previous_token", "constant")]
        assert needed == [0, 0]


def test_a_prediction_from_wrong_strengths_fails(finished: Checkout) -> None:
    """Negative control: the answers are right, the strengths that predict them are not."""
    roles = Roles.read(finished.folder / "results/models/planted/roles.json")
    weak = [replace(one, strength=1.0) if one.role == "retrieval" else one for one in roles.heads]
    results = read_results([*finished.results("ablation").glob("*/*/*/tokens_*.json")])
    prompts = {
        Experiment("planted", question, 128): read_prompts(
            finished.results(f"prompts/planted/{question}/tokens_128.test.jsonl")
        )
        for question in ("founded", "seat")
    }
    task = truth_task(read_resolved(finished.results("config.yaml")))
    told = {
        name: truth_markdown(truth_rows(results, prompts, {"planted": chosen}, task), [], task)
        for name, chosen in {"right": roles, "wrong": replace(roles, heads=tuple(weak))}.items()
    }
    assert "**PASS**: 10 of 10 conditions" in told["right"]
    assert "**FAIL**: " in told["wrong"] and "predicted 'unknown'" in told["wrong"]


def test_roles_that_were_edited_are_made_again(finished: Checkout) -> None:
    file = finished.folder / "results/models/planted/roles.json"
    before = file.read_bytes()
    file.write_text(file.read_text().replace('"strength": 6.0', '"strength": 3.5'))
    assert file.read_bytes() != before
    output = finished.snakemake()
    assert "roles.json was changed, cut or removed" in output and file.read_bytes() == before


def test_other_texts_make_another_model_and_other_roles(finished: Checkout) -> None:
    filler = finished.folder / "resources" / "planted" / "filler.txt"
    before = filler.read_text()
    filler.write_text(f"{before}Nobody hurries.\n")
    output = finished.snakemake("--dry-run")
    filler.write_text(before)
    for name in ("model", "roles"):
        assert f"results/models/planted/{name}.json is made again: it was made from another files" in output


def test_a_wrong_ablation_fails(finished: Checkout) -> None:
    """Negative control: the engine ablates each head's neighbour."""
    heads = finished.folder / "head_ablation" / "heads" / "head.py"
    text = heads.read_text()
    assert RIGHT in text
    heads.write_text(text.replace(RIGHT, WRONG))
    top = {
        "arms": {"random": {"draws": 0, "exclude_top": 6}},
        "levels": [1],
        "rankings": {"truth": "resources/planted/truth.json"},
    }
    wrong = changed_study(finished, "wrong", **{**SMALL, **top, "questions": {"seat": {}}})
    (finished.folder / "results" / "store").rename(finished.folder / "results" / "store.before")
    wrong.snakemake("results/wrong/tables/truth.md")
    assert "**FAIL**: 1 of 2 conditions" in page(wrong)
    assert page(wrong).count("| pass |") == 1  # the baseline


def read(path: Path) -> dict:
    return json.loads(path.read_text())
