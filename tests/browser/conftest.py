"""A headless Chromium, from the system's packages (Debian: chromium, chromium-driver); nothing is downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from browser import Browser

BINARIES = ("chromium", "chromedriver")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what needs the browser."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a module; they are skipped, with the reason, where there is none."""
    binaries = [shutil.which(name) for name in BINARIES]
    missing = [name for name, path in zip(BINARIES, binaries, strict=True) if path is None]
    if missing:
        pytest.skip(f"no {' and no '.join(missing)} on this machine")
    chromium, driver = map(str, binaries)
    browser = Browser(chromium, driver, sandbox=os.geteuid() != 0)
    yield browser
    browser.quit()
