"""`verify-login --sign-in`: the whole sign-in in a real browser, with no screenshot that shows the password."""

from __future__ import annotations

import html
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from pydantic import SecretStr
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from operations.browser import Browser, SigningIn, sign_in, signed_in_everywhere
from operations.stack import load
from operations.verdicts import Outcome, Verdict
from operations.web import Web
from tests.operations.conftest import CLIENT_SECRET, KINDE_SECRET, PASSWORD, Bench
from tests.operations.conftest import Outcome as Run
from tests.operations.edge_double import DISTRIBUTIONS, HOSTS
from tests.operations.kinde_double import EMAIL

MISSING = [program for program in ("chromium", "chromedriver") if not shutil.which(program)]
NEEDS_BROWSER = pytest.mark.skipif(bool(MISSING), reason=f"{' and '.join(MISSING)} not installed")

PORTAL, PIPELINES = HOSTS
NEW = "CanaryClientSecretAfter0123456789"
WRONG = "CanaryWrongPassword<&>"
PICTURES = Path("build/sign-in")


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The content of each screenshot: the page's text, and the values of its fields."""
    shown: list[str] = []
    take: Callable[[Chrome], bytes] = Chrome.get_screenshot_as_png

    def watched(page: Chrome) -> bytes:
        fields = page.find_elements(By.CSS_SELECTOR, "input:not([type=hidden])")
        text = page.find_element(By.TAG_NAME, "html").text
        shown.append(f"{text} {[field.get_property('value') for field in fields]}")
        return take(page)

    monkeypatch.setattr(Chrome, "get_screenshot_as_png", watched)
    yield shown
    assert not any(secret in text for text in shown for secret in (PASSWORD, WRONG, EMAIL))


def browse(bench: Bench, command: str, *arguments: str, password: str = PASSWORD, stdin: str = "") -> Run:
    bench.patch.setenv("SIGN_IN_PASSWORD", password)
    return bench.run(
        command,
        *(f"--distribution={host}={name}" for host, name in DISTRIBUTIONS.items()),
        "--browser-argument=--no-sandbox",
        f"--browser-argument=--ignore-certificate-errors-spki-list={bench.servers.key_digest}",
        *arguments,
        stdin=stdin,
    )


def whole(outcome: Run) -> list[dict[str, str]]:
    return [outcome.check(f"{host}: whole sign-in") for host in HOSTS]


@NEEDS_BROWSER
def test_one_host_signs_in_and_another_asks_for_a_code(bench: Bench, pictures: list[str]) -> None:
    """Both cases in one run, since each host needs its own browser."""
    bench.kinde.page_faults = {PORTAL: "busy", PIPELINES: "one-time code"}
    outcome = browse(bench, "verify-login", "--sign-in", "--json")
    assert (outcome.code, outcome.failures) == (1, [f"{PIPELINES}: whole sign-in"])
    portal, pipelines = whole(outcome)
    assert portal["text"] == f"signed in; https://{PORTAL}/ shows"
    assert "the test user must sign in with a password only. Screenshot: " in pipelines["text"]
    assert [text.splitlines()[0] for text in pictures] == ["Sign in"]
    assert [path.name for path in PICTURES.iterdir()] == [f"{PIPELINES}.png"]


class AskingAgain:
    """A page of Kinde's that always asks for the password again, and shows the one typed before."""

    def __init__(self, url: str, typed: str) -> None:
        self.page_source = f"<p>{html.escape(typed)} is wrong</p>"
        self.current_url = url
        self._seen = {"loaded": True, "url": url, "status": 200, "html": self.page_source, "code": None, "email": None}

    def execute_script(self, script: str) -> dict[str, object] | None:
        return {**self._seen, "password": Mock()} if "return" in script else None

    def get_screenshot_as_png(self) -> bytes:
        raise AssertionError("the page shows the password")

    def get(self, url: str) -> None:
        """Accept being sent to an address."""

    set_page_load_timeout = quit = Mock()


def test_a_page_that_shows_the_password_gets_no_screenshot(bench: Bench) -> None:
    stack = load(bench.project, "prod")
    bench.patch.setattr(
        "selenium.webdriver.Chrome", lambda **_: AskingAgain(stack.endpoints.authorization, typed=WRONG)
    )
    browser = Browser(sys.executable, sys.executable, (), 60, PICTURES)
    for found in sign_in(stack, Web(10, {}), browser, SigningIn(EMAIL, SecretStr(WRONG))):
        assert found.outcome is Outcome.FAILED
        assert found.text.endswith(
            "doesn't accept the test user's password. No screenshot: the page shows the password"
        )


@pytest.mark.nightly
@NEEDS_BROWSER
def test_the_test_user_signs_in_on_both_hosts(bench: Bench) -> None:
    outcome = browse(bench, "verify-login", "--sign-in", "--json")
    assert (outcome.code, outcome.failures) == (0, [])
    assert [found["text"] for found in whole(outcome)] == [f"signed in; https://{host}/ shows" for host in HOSTS]
    assert not PICTURES.exists()


@pytest.mark.nightly
@NEEDS_BROWSER
def test_errors_of_the_load_balancer_get_a_screenshot(bench: Bench, pictures: list[str]) -> None:
    """On each change, tests without a browser cover these symptoms (test_verify_login.py)."""
    bench.edge.callback_status = {PORTAL: 500, PIPELINES: 561}
    outcome = browse(bench, "verify-login", "--sign-in", "--json")
    assert outcome.code == 1
    assert [found["symptom"] for found in whole(outcome)] == ["500", "561"]
    for host, found in zip(HOSTS, whole(outcome), strict=True):
        assert f"Screenshot: {PICTURES}/{host}.png" in found["text"]
        assert "?" not in found["text"].partition(". ")[0]  # the code and the state must not be shown
        assert (PICTURES / f"{host}.png").read_bytes().startswith(b"\x89PNG")
    assert len(pictures) == 2


@pytest.mark.nightly
@NEEDS_BROWSER
def test_an_endless_sign_in_and_a_foreign_page_are_reported(bench: Bench, pictures: list[str]) -> None:
    bench.edge.fault = "always asks"
    bench.kinde.page_faults = {PIPELINES: "elsewhere"}
    portal, pipelines = whole(browse(bench, "verify-login", "--sign-in", "--json"))
    assert portal["symptom"] == "redirect loop"
    assert "at https://api.cloudflare.com/auth/start, which isn't Kinde's host: nothing was typed" in pipelines["text"]


@pytest.mark.nightly
@NEEDS_BROWSER
def test_no_screenshot_shows_the_password(bench: Bench, pictures: list[str]) -> None:
    bench.kinde.page_faults = {PORTAL: "shows password", PIPELINES: "one-time code"}
    portal, pipelines = whole(browse(bench, "verify-login", "--sign-in", "--json", password=WRONG))
    assert "doesn't accept the test user's password. No screenshot: the page shows the password" in portal["text"]
    assert "the test user must sign in with a password only. Screenshot: " in pipelines["text"]
    assert [text.splitlines()[0] for text in pictures] == ["Sign in"]


@pytest.mark.nightly
@NEEDS_BROWSER
def test_the_test_users_sign_in_proves_a_rotation(bench: Bench) -> None:
    """Until the new secret is applied, the load balancer sends the old one, which Kinde no longer accepts."""
    bench.kinde.client_secrets.add(NEW)
    assert bench.run("rotate-kinde", stdin=NEW).code == 0
    bench.kinde.client_secrets.remove(CLIENT_SECRET)
    early = browse(bench, "rotate-kinde", "--applied")
    assert early.code == 1
    assert "401: the load balancer refuses the sign-in" in early.text
    assert "The rotation isn't complete" in early.text
    assert bench.cloud.labels(KINDE_SECRET)["ROTATION_BEFORE"] == CLIENT_SECRET

    bench.edge.client_secret = NEW
    assert browse(bench, "rotate-kinde", "--applied").code == 0
    assert bench.cloud.labels(KINDE_SECRET) == {"AWSCURRENT": NEW, "AWSPREVIOUS": CLIENT_SECRET}


def test_a_whole_sign_in_is_recognized_by_its_key(bench: Bench) -> None:
    stack = load(bench.project, "prod")
    passed = [Verdict(f"whole-sign-in/{host}", "another text", Outcome.PASSED, "") for host in HOSTS]
    other = Verdict(f"certificate/{PORTAL}", f"{PORTAL}: whole sign-in", Outcome.PASSED, "")
    failed = Verdict(f"whole-sign-in/{PORTAL}", f"{PORTAL}: whole sign-in", Outcome.FAILED, "")
    assert signed_in_everywhere(stack, passed)
    assert not signed_in_everywhere(stack, [other, failed, *passed[1:]])


@pytest.mark.parametrize("option", ["--browser", "--browser-driver"])
def test_a_missing_browser_is_reported(bench: Bench, option: str) -> None:
    given = {"--browser": sys.executable, "--browser-driver": sys.executable, option: "not-there"}
    outcome = browse(bench, "verify-login", "--sign-in", *(f"{name}={value}" for name, value in given.items()))
    assert outcome.code == 2
    assert f"error: {option}: not-there isn't installed; Debian: apt install chromium chromium-driver" in outcome.err
