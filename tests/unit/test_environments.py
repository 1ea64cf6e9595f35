"""The pinned environments agree with each other and with what the library declares."""

from __future__ import annotations

import re
import tomllib

import yaml
from project import PROJECT


def pins(lines: list[str]) -> dict[str, str]:
    return dict(line.split("==") for line in lines if "==" in line)


def conda_pins(name: str) -> dict[str, str]:
    environment = yaml.safe_load((PROJECT / "envs" / f"{name}.yaml").read_text())
    (packages,) = (part["pip"] for part in environment["dependencies"] if isinstance(part, dict))
    return pins(packages)


def declared(group: str | None = None) -> set[str]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    names = project["optional-dependencies"][group] if group else project["dependencies"]
    return {re.sub("[-_.]+", "-", name) for name in names}


def test_conda_environments_pin_what_the_requirements_pin() -> None:
    everything = pins((PROJECT / "envs" / "requirements.txt").read_text().splitlines())
    for name in ("analysis", "gpu"):
        for package, version in conda_pins(name).items():
            assert everything[package] == version, f"envs/{name}.yaml, {package}"


def test_environments_hold_what_the_library_declares() -> None:
    assert set(conda_pins("analysis")) == declared()
    assert set(conda_pins("gpu")) == declared() | declared("gpu")


def test_the_analysis_environment_is_without_torch() -> None:
    assert not {"torch", "transformers"} & set(conda_pins("analysis"))
