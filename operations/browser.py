"""A complete sign-in as a test user, in a headless Chromium."""

from __future__ import annotations

import contextlib
import html
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict
from urllib.parse import urlsplit

from pydantic import SecretStr

from components.applications import Application
from operations import symptoms
from operations.stack import Stack
from operations.symptoms import Symptom
from operations.verdicts import Check, Outcome, Verdict, host_check
from operations.web import Web, without_query
from stackfiles.failures import BadConfiguration

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

_POLL_SECONDS: Final = 0.1
_LOOK: Final = """
const shown = selector => [...document.querySelectorAll(selector)].find(
  field => field.offsetWidth && field.checkVisibility({checkOpacity: true, checkVisibilityCSS: true})) ?? null
return {
  loaded: document.readyState === "complete",
  url: document.URL,
  status: performance.getEntriesByType("navigation")[0]?.responseStatus ?? 0,
  html: document.documentElement.outerHTML,
  password: shown("input[type=password]"),
  code: shown("input[autocomplete=one-time-code], input[name*=code]"),
  email: shown("input[type=email], input[autocomplete=username], input[name*=email], input[name*=username]"),
}
"""
"""Reads a page in one script, because the next page could replace it between two calls."""
_NETWORK_ERRORS: Final = {
    "ERR_TOO_MANY_REDIRECTS": symptoms.REDIRECT_LOOP,
    "ERR_CERT_DATE_INVALID": symptoms.EXPIRED_CERTIFICATE,
    "ERR_CERT_": symptoms.WRONG_CERTIFICATE,
}
"""Chromium's names: https://chromium.googlesource.com/chromium/src/+/main/net/base/net_error_list.h"""


@dataclass(frozen=True)
class SigningIn:
    """A user of the Kinde business who signs in with a password and has no access to anything that matters."""

    email: str
    password: SecretStr


@dataclass(frozen=True)
class Browser:
    """Which browser to run and how; programs with an empty path are searched for. `seconds` limits one sign-in."""

    program: str
    driver: str
    arguments: Sequence[str]
    seconds: float
    screenshots: Path


def sign_in(stack: Stack, web: Web, browser: Browser, user: SigningIn) -> list[Verdict]:
    """Sign in at every host, each in a fresh profile, and return the verdicts; a failure leaves a screenshot.

    Raises:
        BadConfiguration: Selenium, Chromium or its driver isn't installed.
    """
    program = _find_program(browser.program, ("chromium", "chromium-browser", "google-chrome"), "--browser")
    driver = _find_program(browser.driver, ("chromedriver",), "--browser-driver")
    visits = [_Visit(stack, application, host, browser, user) for application, host in stack.hosts.items()]
    with ThreadPoolExecutor(len(visits)) as workers:
        return list(workers.map(lambda visit: visit.verdict(program, driver, web), visits))


def signed_in_everywhere(stack: Stack, verdicts: Sequence[Verdict]) -> bool:
    """Return whether the complete sign-in worked at every host."""
    wanted = {_whole_sign_in(host).key for host in stack.hosts.values()}
    return wanted <= {verdict.key for verdict in verdicts if verdict.outcome is Outcome.PASSED}


def _whole_sign_in(host: str) -> Check:
    return host_check("whole-sign-in", host, "whole sign-in")


def _find_program(given: str, names: Sequence[str], option: str) -> str:
    found = next((path for name in ([given] if given else names) if (path := shutil.which(name))), "")
    if not found:
        raise BadConfiguration(
            f"{option}: {given or ' or '.join(names)} isn't installed; Debian: apt install chromium chromium-driver"
        )
    return found


class _Page(TypedDict):
    """A page: its address, its HTTP status, and the fields that a user sees."""

    loaded: bool
    url: str
    status: int
    html: str
    password: WebElement | None
    code: WebElement | None
    email: WebElement | None


@dataclass(frozen=True)
class _Visit:
    stack: Stack
    application: Application
    host: str
    browser: Browser
    user: SigningIn

    @property
    def check(self) -> Check:
        return _whole_sign_in(self.host)

    def verdict(self, program: str, driver: str, web: Web) -> Verdict:
        try:
            from selenium.common.exceptions import WebDriverException
        except ModuleNotFoundError:
            raise BadConfiguration("Selenium isn't installed; pip install '.[browser]'") from None
        try:
            with self._started(program, driver, web) as page:
                try:
                    page.get(f"https://{self.host}/")
                except WebDriverException as error:
                    return self._failed(page, str(error.msg).splitlines()[0], _network_symptom(str(error.msg)))
                return self._walk(page)
        except WebDriverException as error:
            # Its text may contain what was typed.
            return self.check.failed(f"the browser failed ({type(error).__name__})")

    @contextlib.contextmanager
    def _started(self, program: str, driver: str, web: Web) -> Iterator[Chrome]:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = program
        routes = [f"MAP {host}:{port} {address}:{other}" for (host, port), (address, other) in web.routes.items()]
        for argument in (
            "--headless=new",
            "--window-size=1280,900",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            *([f"--host-resolver-rules={', '.join(routes)}"] if routes else []),
            *self.browser.arguments,
        ):
            options.add_argument(argument)
        page = webdriver.Chrome(options=options, service=Service(driver))
        try:
            page.set_page_load_timeout(self.browser.seconds)
            yield page
        finally:
            page.quit()

    def _walk(self, page: Chrome) -> Verdict:
        """Fill in Kinde's fields until the application or an error shows."""
        from selenium.common.exceptions import (
            ElementNotInteractableException,
            JavascriptException,
            StaleElementReferenceException,
        )

        typed: dict[str, WebElement] = {}
        deadline = time.monotonic() + self.browser.seconds
        while time.monotonic() < deadline:
            # A page that is being replaced raises one of these; the next round reads it again.
            with contextlib.suppress(
                ElementNotInteractableException, JavascriptException, StaleElementReferenceException
            ):
                seen: _Page = page.execute_script(_LOOK)
                verdict = self._step(page, seen, typed) if seen["loaded"] else None
                if verdict:
                    return verdict
            time.sleep(_POLL_SECONDS)
        return self._failed(
            page, f"not done after {self.browser.seconds:g} seconds, at {without_query(page.current_url)}"
        )

    def _step(self, page: Chrome, seen: _Page, typed: dict[str, WebElement]) -> Verdict | None:
        """Do one step on the page; return a verdict if the visit has ended."""
        status, place = seen["status"], without_query(seen["url"])
        if seen["url"].startswith("chrome-error:"):
            # Chromium's own error page, also shown for an answer without a body. The driver knows the address.
            place = without_query(page.current_url)
            if not (answered := re.search(r"HTTP ERROR (\d{3})", seen["html"])):
                return self._failed(page, "the browser shows its own error page", _network_symptom(seen["html"]))
            status = int(answered[1])
        at_host = urlsplit(place).hostname == self.host
        if at_host and status >= HTTPStatus.BAD_REQUEST:
            return self._failed(page, f"answers {status} at {place}", symptoms.find_by_status(status))
        if at_host:
            return self._signed_in(page, place)
        if status >= HTTPStatus.BAD_REQUEST:
            mismatch = "redirect" in seen["html"].lower()
            answer = f"Kinde answers {status} at {place}"
            return self._failed(page, answer, symptoms.CALLBACK_MISMATCH if mismatch else None)
        return self._fill(page, seen, typed)

    def _fill(self, page: Chrome, seen: _Page, typed: dict[str, WebElement]) -> Verdict | None:
        at, kinde = urlsplit(seen["url"]), urlsplit(self.stack.endpoints.authorization)
        if (at.scheme, at.netloc) != (kinde.scheme, kinde.netloc):
            place = without_query(seen["url"])
            return self._failed(page, f"at {place}, which isn't Kinde's host: nothing was typed there")
        if field := seen["password"]:
            again = "Kinde asks for the password again: it doesn't accept the test user's password"
            return self._answer(page, typed, field, self.user.password.get_secret_value(), again)
        if seen["code"]:
            return self._failed(page, "Kinde asks for a one-time code; the test user must sign in with a password only")
        if field := seen["email"]:
            again = "Kinde asks for the e-mail address again: it doesn't know the test user"
            return self._answer(page, typed, field, self.user.email, again)
        return None

    def _answer(
        self, page: Chrome, typed: dict[str, WebElement], field: WebElement, text: str, again: str
    ) -> Verdict | None:
        """Fill in a field once; while the same field still shows, the page is processing it."""
        if again not in typed:
            _type(field, text)
            typed[again] = field
        elif typed[again] != field:
            return self._failed(page, again)
        return None

    def _signed_in(self, page: Chrome, place: str) -> Verdict:
        cookies = [
            cookie for cookie in page.get_cookies() if str(cookie["name"]).startswith(self.application.session_cookie)
        ]
        if not cookies:
            return self._failed(page, f"shows a page without the session cookie {self.application.session_cookie}")
        if not all(cookie["secure"] for cookie in cookies):
            return self._failed(page, f"the session cookie {self.application.session_cookie} lacks Secure")
        return self.check.passed(f"signed in; {place} shows")

    def _failed(self, page: Chrome, seen: str, symptom: Symptom | None = None) -> Verdict:
        return self.check.failed(f"{seen}. {self._screenshot(page)}", symptom)

    def _screenshot(self, page: Chrome) -> str:
        """Save a picture of the page with every field emptied, unless the password shows elsewhere on it."""
        page.execute_script("document.querySelectorAll('input').forEach(field => { field.value = '' })")
        if self.user.password.get_secret_value() in html.unescape(page.page_source):
            return "No screenshot: the page shows the password"
        file = self.browser.screenshots / f"{self.host}.png"
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(page.get_screenshot_as_png())
        except OSError as error:
            return f"No screenshot: {file}: {error.strerror}"
        return f"Screenshot: {file}"


def _type(field: WebElement, text: str) -> None:
    from selenium.webdriver.common.keys import Keys

    field.clear()
    field.send_keys(text, Keys.ENTER)


def _network_symptom(text: str) -> Symptom | None:
    return next((symptom for error, symptom in _NETWORK_ERRORS.items() if error in text), None)
