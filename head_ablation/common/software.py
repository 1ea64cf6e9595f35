"""The software that decides numbers: which releases are taken for the same is the study's policy. No torch here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from head_ablation.common.problems import Problem

MINOR, EXACT, ANY = "minor", "exact", "any"
POLICIES = (MINOR, EXACT, ANY)
"""Releases that differ in the last number only are the same; none are; all are. The first one is the default."""
PACKAGES = ("torch", "transformers")
RELEASE = re.compile(r"(\d+\.\d+)(\.\d+)*(\.post\d+)?(\+.*)?")  # no pre-release, whose code is still in the making
SOFTWARE_FIX = (
    "Remove the one of the two files that an older release made and run again; what the store still holds is not"
    " computed again. Or set software: any, which takes all releases for the same."
)


def software_at_hand(policy: str) -> dict[str, str]:
    """package -> release, as a policy states what is installed here; none with `any`, or where a package is not.

    Args:
        policy: one of `POLICIES`.
    """
    found = {name: _installed(name) for name in PACKAGES} if policy != ANY else {}
    return {name: as_stated(policy, text) for name, text in found.items() if text} if all(found.values()) else {}


def stated_software(policy: str) -> dict[str, dict[str, str]]:
    """What a protocol says of it: nothing with `any`; no release where it is not installed, which no result has."""
    return {} if policy == ANY else {"software": software_at_hand(policy)}


def as_stated(policy: str, release: str) -> str:
    """A release as a policy states it: `minor` leaves out the last number, and for which device it was built."""
    match = RELEASE.fullmatch(release)
    return match[1] if match and policy == MINOR else release


def software_problems(file: str | Path, content: Any, policy: str, baseline: Any, fix: str) -> Iterator[Problem]:
    """What is wrong with the software that a generation file states; its baseline's must be the same.

    The installed software is no measure: scoring may run where there is no torch.

    Args:
        file: the generation file.
        content: what it holds.
        policy: the study's.
        baseline: what the baseline's file holds.
        fix: what to do about a file that does not state its software as the policy does.
    """
    if policy == ANY:
        return
    for name in PACKAGES:
        found, wanted = _stated_in(content, name), _stated_in(baseline, name)
        if not _is_of_policy(policy, found):
            expected = f"a release as `software: {policy}` states it ({as_stated(policy, '2.13.0')})"
            yield Problem(file, f"software.{name}", found, expected, fix)
        elif found != wanted and _is_of_policy(policy, wanted):
            expected = f"{wanted}, as the baseline's file states"
            yield Problem(file, f"software.{name}", found, expected, SOFTWARE_FIX)


def _stated_in(content: Any, name: str) -> Any:
    software = content.get("software") if isinstance(content, Mapping) else None
    return software.get(name) if isinstance(software, Mapping) else None


def _is_of_policy(policy: str, release: Any) -> bool:
    """Whether a release has as many numbers as a policy states; the other policy's file is another file."""
    if not isinstance(release, str):
        return False
    return (as_stated(MINOR, release) == release) == (policy == MINOR) or not RELEASE.fullmatch(release)


@cache
def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
