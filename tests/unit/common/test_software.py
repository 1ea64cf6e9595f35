"""Releases that can change numbers are in the key: the store and scoring tell them apart as the study's policy says."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from project import PROJECT
from tiny_jobs import PROMPTS, tiny_job
from typed import level_settings, score_settings

from head_ablation.common import software
from head_ablation.common.files import read_json, write_json
from head_ablation.common.software import POLICIES, as_stated, software_at_hand, stated_software
from head_ablation.heads.head import HeadSet, ModelShape
from head_ablation.jobs.inventory import take_inventory
from head_ablation.jobs.protocol import generation_protocol, protocol_digest, score_protocol
from head_ablation.jobs.store import Entry, Store
from head_ablation.jobs.sweep import make_level
from head_ablation.models.pointer import Pointer

POINTER = Pointer("org/model", None, "/models/one", "f1", ModelShape(layers=2, heads=4, positions=512))
CPU = {"torch": "2.13.0+cpu", "transformers": "5.23.0"}
PATCH = {"torch": "2.13.1+cpu"}
BUILD = {"torch": "2.13.0+cu126"}
NEXT = {"torch": "2.14.0+cpu"}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch):
    """Says which releases are installed; None: the package is not."""

    def install(**changes: str | None) -> None:
        monkeypatch.setattr(software, "_installed", {**CPU, **changes}.get)

    install()
    return install


def level(policy: str) -> dict[str, Any]:
    return generation_protocol(POINTER, "d" * 64, HeadSet.parse(["L0H1"]), level_settings(software=policy))


def ranking(policy: str) -> dict[str, Any]:
    settings = score_settings(software=policy)
    return score_protocol(POINTER, settings.detectors[0], PROMPTS[0], settings)


@pytest.mark.parametrize(
    ("policy", "stated"),
    [("minor", {"torch": "2.13", "transformers": "5.23"}), ("exact", CPU), ("any", {})],
)
@pytest.mark.usefixtures("installed")
def test_a_protocol_states_what_is_installed_as_the_policy_does(policy: str, stated: dict[str, str]) -> None:
    assert software_at_hand(policy) == stated
    for made in (level(policy), ranking(policy)):
        assert made.get("software", {}) == stated
        assert ("software" in made) is (policy != "any")
        assert "software" not in made["settings"]


def test_what_is_installed_is_read_from_the_packages() -> None:
    assert software_at_hand("exact") == {name: version(name) for name in ("torch", "transformers")}
    short = software_at_hand("minor")
    assert all(version(name).startswith(f"{release}.") for name, release in short.items()) and len(short) == 2


SAME = {
    # (what is installed then, policy): whether results are found again
    ("another torch", "minor"): (NEXT, False),
    ("another torch", "exact"): (NEXT, False),
    ("another torch", "any"): (NEXT, True),
    ("a patch", "minor"): (PATCH, True),
    ("a patch", "exact"): (PATCH, False),
    ("a patch", "any"): (PATCH, True),
    ("another build", "minor"): (BUILD, True),
    ("another build", "exact"): (BUILD, False),
    ("another build", "any"): (BUILD, True),
    ("another transformers", "minor"): ({"transformers": "5.24.0"}, False),
    ("a patch of transformers", "minor"): ({"transformers": "5.23.1"}, True),
    ("a patch of transformers", "exact"): ({"transformers": "5.23.1"}, False),
    ("another major release", "minor"): ({"transformers": "6.23.0"}, False),
    ("a pre-release", "minor"): ({"torch": "2.13.0rc1"}, False),
    ("nothing else", "exact"): ({}, True),
}


@pytest.mark.parametrize(("what", "policy"), SAME)
@pytest.mark.parametrize("protocol", [level, ranking])
def test_the_store_finds_what_the_same_software_made(installed, tmp_path: Path, what, policy, protocol) -> None:
    changes, found = SAME[what, policy]
    store = Store(tmp_path / "store")
    store.add(Entry(protocol(policy), ["answers"], {}))
    installed(**changes)
    assert (store.find(protocol(policy)) is not None) is found


@pytest.mark.usefixtures("installed")
def test_policies_do_not_mix() -> None:
    assert len({protocol_digest(level(policy)) for policy in POLICIES}) == 3


@pytest.mark.parametrize("missing", ["torch", "transformers"])
@pytest.mark.parametrize("policy", ["minor", "exact"])
def test_where_a_package_is_missing_nothing_is_known_and_nothing_found(installed, tmp_path, missing, policy) -> None:
    store = Store(tmp_path / "store")
    store.add(Entry(level(policy), ["answers"], {}))
    assert store.find(level(policy))  # negative control
    installed(**{missing: None})
    assert software_at_hand(policy) == {} and stated_software(policy) == {"software": {}}
    assert store.find(level(policy)) is None


@pytest.mark.parametrize(
    ("release", "minor"),
    [
        ("2.13.0", "2.13"),
        ("2.13.11+cu126", "2.13"),
        ("5.23", "5.23"),
        ("2.13.0.post1", "2.13"),
        ("2.14.0.dev20260101+cpu", "2.14.0.dev20260101+cpu"),
        ("2.14.0a0+git1234", "2.14.0a0+git1234"),
        ("5.23.0rc2", "5.23.0rc2"),
    ],
)
def test_minor_leaves_out_the_last_number_of_what_is_released(release: str, minor: str) -> None:
    assert as_stated("minor", release) == minor
    assert as_stated("exact", release) == release


def test_a_generation_file_states_it_and_its_entry_is_known_by_it(tmp_path: Path) -> None:
    for policy in ("minor", "any"):
        folder = tmp_path / policy
        job = tiny_job(folder, software=policy)
        output = folder / "results" / "mine" / "generations" / "baseline.json"
        make_level(job, HeadSet(()), output, folder / "provenance.json", "none")
        stated = {"software": software_at_hand("minor")} if policy == "minor" else {}
        made = read_json(output)
        assert {key: made[key] for key in made if key == "software"} == stated
        (item,) = take_inventory(job.store, folder / "results").items
        assert item.studies == ("mine",)
        if policy == "minor":
            write_json(output, {**made, "software": {**made["software"], "torch": "1.0"}})
            (item,) = take_inventory(job.store, folder / "results").items
            assert item.studies == ()  # negative control


def test_the_config_explains_every_policy() -> None:
    text = (PROJECT / "config.yaml").read_text(encoding="utf-8")
    (comment,) = re.findall(r"((?:^#.*\n)+)software: minor\n", text, re.MULTILINE)
    assert all(f"`{policy}`" in comment for policy in POLICIES)
