"""A page in a real headless Chromium, with its console messages and requests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE: Final = 100
"""Seconds for a script: more than a loaded machine needs, and less than selenium's own timeout."""
_SIZE: Final = (1440, 1000)
"""Width and height of the screen, in pixels."""
DRIVERS: Final = ("chromedriver", "chromium.chromedriver")


@dataclass(frozen=True)
class Opened:
    """A page in a browser."""

    driver: webdriver.Chrome

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)"
        return list(self.driver.execute_script(script, selector))

    def shown(self, selector: str) -> list[str]:
        """The texts of the visible elements, fetched at once, since there may be hundreds."""
        script = """return [...document.querySelectorAll(arguments[0])]
            .filter((one) => one.checkVisibility({visibilityProperty: true})).map((one) => one.textContent)"""
        return list(self.driver.execute_script(script, selector))

    def go(self, section: str) -> None:
        """Open a section by its link."""
        self.one(f'nav a[href="#{section}"]').click()
        self.settle()
        assert self.one(f"#section-{section}")

    @contextmanager
    def sized(self, width: int, height: int, *, dark: bool = False) -> Iterator[None]:
        """Change the screen to this size, and to a dark scheme if wanted."""
        _set_screen(self.driver, (width, height), dark=dark)
        try:
            yield
        finally:
            _set_screen(self.driver, _SIZE, dark=False)

    def run(self, script: str, *arguments: object) -> Any:  # noqa: ANN401 - what the script returns
        return self.driver.execute_script(script, *arguments)

    def keys(self, *keys: str) -> None:
        """Press keys where the focus is."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def messages(self) -> list[str]:
        """The messages on the console since the last call."""
        return [entry["message"] for entry in self._log("browser")]

    def requests(self) -> set[str]:
        """The addresses that the page has requested."""
        found = [json.loads(entry["message"]) for entry in self._log("performance")]
        events = [one["message"] for one in found if one["webview"] == self.driver.current_window_handle]
        return {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}

    def _log(self, kind: str) -> list[dict[str, str]]:
        entries: list[dict[str, str]] = self.driver.get_log(kind)  # type: ignore[no-untyped-call]
        return entries

    def settle(self) -> None:
        """Wait until the browser has drawn all changes."""
        self.driver.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"
        )


@contextmanager
def started() -> Iterator[webdriver.Chrome]:
    """Start a browser; skip the test if there is no Chromium with its driver."""
    program, driver = _found(PROGRAMS), _found(DRIVERS)
    if not (program and driver):
        pytest.skip("there is no Chromium with chromedriver on the path")
    options = Options()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(driver))
    browser.set_script_timeout(_PATIENCE)
    try:
        yield browser
    finally:
        browser.quit()


@contextmanager
def opened(browser: webdriver.Chrome, file: Path) -> Iterator[Opened]:
    """Open a page in its own tab, and close that at the end."""
    before = browser.current_window_handle
    browser.switch_to.new_window("tab")
    _set_screen(browser, _SIZE, dark=False)
    browser.get(file.as_uri())
    try:
        yield Opened(browser)
    finally:
        browser.close()
        browser.switch_to.window(before)


def _set_screen(browser: webdriver.Chrome, size: tuple[int, int], *, dark: bool) -> None:
    screen = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def _found(names: Sequence[str]) -> str:
    return next((path for name in names if (path := shutil.which(name))), "")
