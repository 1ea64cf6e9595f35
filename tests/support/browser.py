"""A page in a real browser: what it shows, logs and asks the network for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE = 60  # seconds until a chart must be drawn, on a busy machine
FLAGS = ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars")
POINT = """
  const panel = document.querySelectorAll("#figure8-panels figure")[arguments[0]];
  return [...panel.querySelectorAll(".mark-symbol path")].find((mark) => mark.__data__?.datum?.key === arguments[1]);
"""


class Browser:
    """Chromium, headless.

    Args:
        chromium, driver: their paths.
        sandbox: off for root, whom Chromium refuses otherwise.
    """

    def __init__(self, chromium: str, driver: str, sandbox: bool):
        options = Options()
        options.binary_location = chromium
        for flag in [*FLAGS, *([] if sandbox else ["--no-sandbox"])]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(driver))

    def quit(self) -> None:
        self.driver.quit()

    def resize(self, width: int, height: int = 900) -> None:
        """Sets the viewport, as narrow as one likes."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def open(self, page: Path) -> None:
        """Loads a page and waits until its charts are drawn, those that it has."""
        self.logged(), self.requested()  # those of the page before
        self.driver.get("about:blank")
        self.driver.get(page.as_uri())
        for name in ("figure8", "heads"):
            if self.all(f"#data-{name}"):
                self.wait(lambda name=name: self.run(f"return document.documentElement.dataset.{name}") == "drawn")

    def wait(self, condition: Callable[[], Any]) -> None:
        WebDriverWait(self.driver, PATIENCE).until(lambda _: condition())

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script gives."""
        return self.driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """What the first such element shows."""
        return self.all(selector)[0].text

    def logged(self) -> list[str]:
        """Warnings and errors of the console since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requested(self) -> list[str]:
        """The addresses that were asked for since the last call."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]

    def point(self, panel: int, key: str) -> WebElement:
        """A point of Figure 8."""
        return self.run(POINT, panel, key)

    def click(self, element: WebElement) -> None:
        """Moves the mouse there and clicks."""
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        ActionChains(self.driver).move_to_element(element).click().perform()

    def hover(self, element: WebElement) -> None:
        """Moves the mouse there."""
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        ActionChains(self.driver).move_to_element(element).perform()

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    def tab_to(self, selector: str, most: int = 60) -> None:
        """Presses Tab until an element that fits is focused."""
        for _ in range(most):
            if self.run("return document.activeElement.matches(arguments[0])", selector):
                return
            self.press(Keys.TAB)
        raise AssertionError(f"{most} presses of Tab do not lead to {selector}")

    def select(self, selector: str, value: str) -> None:
        """Chooses an option as a user does: the change is announced."""
        (element,) = self.all(selector)
        self.run("arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change'))", element, value)
