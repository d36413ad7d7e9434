"""The page in a real browser: each section is opened, filtered and clicked, with mouse and keyboard."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from axe_core_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from review.page.data import Shown
from review.page.document import page
from tests.review.browser import Opened, opened, started
from tests.review.conftest import LINES, TASK, shown

SECTIONS: Final = ("overview", "stack", "access", "request", "rules", "difference", "adoption")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chrome]:
    """One browser for all pages."""
    with started() as browser:
        yield browser


@pytest.fixture(scope="module")
def browser(chromium: Chrome, file: Path) -> Iterator[Opened]:
    """The page, opened once for all tests; none may leave a message on the console or cause a request."""
    with opened(chromium, file) as page:
        page.messages()
        yield page
        assert page.messages() == []
        assert {address.partition("#")[0] for address in page.requests()} <= {file.as_uri()}


def test_the_overview_shows_verdict_violations_and_changes(browser: Opened) -> None:
    browser.go("overview")
    assert browser.one("#verdict").text == "stopped"
    text = browser.one("main").text
    assert "1 violation stops this change. Compared with main at 0123456." in text
    assert "policy: <b>s3:*</b> </script>" in text  # text from the plan, not markup
    assert "least-privilege/service-wildcard" in text
    assert "2027-03-31" in text
    assert browser.texts("h3")[0] == "Violations"  # this section comes first, since it stops the change
    assert browser.texts(".facts a[href='#difference']") == ["to replace", "to update"]
    assert browser.one(f'a[href="{LINES}components/workload_permissions.py#L101"]')
    browser.one('a[href="#rules/least-privilege/service-wildcard"]').click()
    browser.settle()
    assert browser.one("details[open] code").text == "least-privilege/service-wildcard"


def test_the_stack_shows_tree_panel_and_drawing(browser: Opened) -> None:
    browser.go("stack")
    names = browser.texts(".tree button")
    assert len(names) == len(shown().plan["steps"])
    browser.one("#find-resource").send_keys("db/admin")
    assert browser.shown(".tree button") == [
        "rocketclub-platform-prod pulumi:pulumi:Stack",
        "secrets guarded:secrets:SecretContainers",
        "db/admin aws:secretsmanager:Secret",
    ]
    browser.all(".tree button")[names.index("db/admin aws:secretsmanager:Secret")].click()
    browser.settle()
    panel = browser.one(".panel").text
    assert "read by prod-backstage-db-bootstrap-execution, prod-backstage-db-inspect-execution" in panel
    assert '"name": "prod/db/admin"' in panel
    chosen = browser.texts(".drawing a[aria-current] text")
    assert chosen == ["prod/db/admin"]
    assert len(browser.all(".drawing .r.on")) == 2


def test_a_name_in_the_drawing_links_to_its_resource(browser: Opened) -> None:
    browser.go("stack")
    link = next(one for one in browser.all(".drawing a") if one.text == TASK)
    browser.run("arguments[0].focus()", link)
    browser.keys(Keys.ENTER)
    browser.settle()
    assert browser.one(".panel h3").text == TASK
    browser.one(".panel a[href^='#access/']").click()
    browser.settle()
    assert browser.one("#filter-who").get_attribute("value") == TASK
    assert browser.texts(".matrix th[scope=col]") == [TASK]


def test_access_can_be_filtered_and_explained(browser: Opened) -> None:
    browser.go("access")
    everybody = browser.texts(".matrix th[scope=col]")
    assert len(everybody) == 14
    browser.one("#filter-what").send_keys("db/admin")
    Select(browser.one("#filter-level")).select_by_visible_text("Contents")
    assert set(browser.texts(".matrix th[scope=col]")) == {
        "prod-backstage-db-bootstrap-execution",
        "prod-backstage-db-inspect-execution",
    }
    button = browser.one(".matrix td button")
    assert str(button.get_attribute("class")).split() == ["Contents"]
    assert "contents on secret:prod/db/admin-??????" in str(button.get_attribute("aria-label"))
    browser.run("arguments[0].focus()", button)
    browser.keys(Keys.SPACE)
    assert "secretsmanager:GetSecretValue" in browser.one("#why").text
    assert "statement" in browser.one("#why").text
    browser.one("#filter-what").clear()
    browser.one("#filter-what").send_keys("no such thing")
    assert browser.one("main").text.count("Nobody is allowed to do that.") == 1
    assert browser.texts("td .badge.bad") == []  # the readers match the list


def test_a_request_can_be_tried(browser: Opened) -> None:
    browser.go("request")
    rows = {row[0]: row[2] for row in _rows(browser, ".scroll table")}
    assert len(rows) == len(browser.run("return data.attacks"))
    assert rows["somebody who is signed in"] == "reaches prod-portal-6be6"
    assert rows["bypassing Cloudflare, directly to the distribution"] == "blocked by the web ACL"
    for attack in browser.run("return data.attacks"):
        assert browser.run("return follow(data.way, arguments[0]).answer", attack) == attack["answer"]
    host = browser.one("#host")
    host.clear()
    host.send_keys("pipelines.rocketclub.online")
    assert browser.texts("#told .answer") == ["has to sign in"]
    browser.one("#sessions").send_keys("rc-pipelines")
    assert browser.texts("#told .answer")[0].startswith("reaches prod-pipelines-")
    Select(browser.one("#start")).select_by_value("balancer")
    assert browser.texts("#told .answer") == ["refused with 403"]
    browser.one("#headers").send_keys("X-Origin-Verify: [secret]")
    assert browser.texts("#told .answer")[0].startswith("reaches prod-pipelines-")
    browser.one('button[aria-label="Show: TRACE"]').click()
    assert browser.texts("#told .answer") == ["refused with 403"]
    assert "doesn't allow the method TRACE" in browser.one("#told").text


def test_rules_can_be_filtered_and_opened(browser: Opened) -> None:
    browser.go("rules")
    assert len(browser.all("#rule-list details")) == len(browser.run("return data.rules"))
    Select(browser.one("#which-rules")).select_by_value("violated")
    assert browser.texts("#rule-list summary code") == ["least-privilege/service-wildcard"]
    browser.run("arguments[0].focus()", browser.one("#rule-list summary"))
    browser.keys(Keys.ENTER)
    assert "To fix: " in browser.one("#rule-list").text
    Select(browser.one("#which-rules")).select_by_value("waived")
    assert browser.texts("#rule-list summary code") == ["naming/misnamed-bucket"]
    Select(browser.one("#which-rules")).select_by_value("all")
    browser.one("#find-rule").send_keys("certificate")
    assert 0 < len(browser.all("#rule-list details")) < 30


def test_the_difference_lists_changes_and_new_access(browser: Opened) -> None:
    browser.go("difference")
    text = browser.one("main").text
    assert "2 changed resources" in text
    assert "prod-blog-data-old-123456789012" in text
    assert f"This change lets {TASK} read" in text


def test_the_adoption_lists_stops_and_verdicts(browser: Opened) -> None:
    browser.go("adoption")
    text = browser.one("main").text
    assert "6 to resolve before anything is taken over." in text
    stops = browser.texts(".stop")
    assert len(stops) == 5  # stops of one type and cause are shown once
    assert "replaced aws:iam/role:Rolereplaced-too aws:iam/role:Role" in stops[0]
    assert "Ways out (named for the first resource" in stops[0]
    assert len(browser.all("#adopted .entry")) == len(browser.run("return data.adoption.rows"))
    Select(browser.one("#which-verdict")).select_by_value("changes in place")
    assert len(browser.all("#adopted .entry")) == 2
    assert _rows(browser, "#adopted") == [["description", "old", "new"]]
    assert browser.all("#adopted details") == []
    assert browser.texts("#adopted .secret") == ["Secrets that may change; their values aren't shown: actions"]
    Select(browser.one("#which-verdict")).select_by_value("tags only")
    assert browser.texts("#adopted summary") == ["4 changesin tags"]
    assert not browser.one("#adopted table").is_displayed()
    browser.one("#adopted summary").click()
    assert browser.one("#adopted table").is_displayed()


def test_the_page_can_be_used_by_keyboard_alone(browser: Opened) -> None:
    browser.go("overview")
    browser.run("document.activeElement.blur(); window.getSelection().removeAllRanges()")
    browser.run("document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex')")
    browser.keys(Keys.TAB)
    assert browser.run("return document.activeElement.textContent") == "Skip to the content"
    for section in SECTIONS:
        browser.keys(Keys.TAB)
        assert browser.run("return document.activeElement.hash") == f"#{section}"
    browser.keys(Keys.ENTER)
    browser.settle()
    assert browser.one("#section-adoption")


def test_all_sections_are_printed(browser: Opened) -> None:
    browser.go("overview")
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.texts("main > section > h2") == [name.capitalize() for name in SECTIONS]
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert browser.texts("main > section > h2") == ["Overview"]


def test_a_page_without_base_adoption_or_diagram_says_so(chromium: Chrome, tmp_path: Path) -> None:
    plan = copy.deepcopy(shown().plan)
    for step in plan["steps"]:
        step["newState"].get("inputs", {}).pop("proxied", None)
    file = tmp_path / "page.html"
    file.write_text(page(Shown("prod", plan)), encoding="utf-8")
    with opened(chromium, file) as browser:
        assert browser.texts("nav a") == [name.capitalize() for name in SECTIONS if name != "adoption"]
        browser.go("stack")
        assert "There is no diagram: portal.rocketclub.online has no proxied record." in browser.one("main").text
        assert browser.texts(".drawing") == []
        browser.all(".tree button")[0].click()
        browser.settle()
        assert browser.one(".panel h3").text == "rocketclub-platform-prod"
        browser.go("difference")
        assert "This page has no base to compare with." in browser.one("main").text
        assert browser.messages() == []


def test_a_plan_that_hides_origins_is_shown_without_the_path_of_a_request(chromium: Chrome, tmp_path: Path) -> None:
    """The Pulumi CLI's plan does that."""
    plan = copy.deepcopy(shown().plan)
    for step in plan["steps"]:
        if "origins" in (inputs := step["newState"].get("inputs", {})):
            inputs["origins"] = "[secret]"
    file = tmp_path / "page.html"
    file.write_text(page(Shown("prod", plan)), encoding="utf-8")
    with opened(chromium, file) as browser:
        browser.go("stack")
        assert "The diagram doesn't show the path of a request." in browser.one("main").text
        assert TASK in browser.texts(".drawing a text")
        browser.go("request")
        assert "it hides a list that contains a secret: origins of aws:cloudfront" in browser.one("main").text
        assert browser.messages() == []


def test_nothing_overflows_on_a_phone(browser: Opened) -> None:
    with browser.sized(390, 900):
        for section in SECTIONS:
            browser.go(section)
            assert is_in_sight(browser), section


def is_in_sight(page: Opened) -> bool:
    return bool(page.run("return document.documentElement.scrollWidth <= innerWidth"))


FILTERS: Final = {
    "stack": ("#find-resource", "db/admin"),
    "access": ("#filter-what", "db/admin"),
    "rules": ("#find-rule", "certificate"),
}
"""Filters to type, so that long lists show few rows: axe takes seconds for all of them."""


@pytest.mark.parametrize(
    ("width", "dark", "filters"),
    [
        pytest.param(1440, False, FILTERS, id="some rows"),
        *(
            pytest.param(width, dark, {}, id=f"{width}-{'dark' if dark else 'light'}", marks=pytest.mark.nightly)
            for width in (1440, 390)
            for dark in (False, True)
        ),
    ],
)
def test_the_page_is_accessible(
    browser: Opened, width: int, dark: bool, filters: Mapping[str, tuple[str, str]]
) -> None:
    with browser.sized(width, 900, dark=dark):
        browser.run(AXE_SCRIPT)
        for section in SECTIONS:
            browser.go(section)
            assert is_in_sight(browser), section
            if section in filters:
                field, text = filters[section]
                browser.one(field).clear()
                browser.one(field).send_keys(text)
                browser.settle()
            serious = [
                (rule["id"], node["html"][:200], node["failureSummary"])
                for rule in _violations(browser)
                if rule["impact"] in ("serious", "critical")
                for node in rule["nodes"][:3]
            ]
            assert serious == [], section


def _violations(page: Opened) -> list[dict[str, Any]]:
    """What axe finds; the list of passed checks, which takes most of its time, is left out."""
    script = """const done = arguments[0]
        axe.run(document, {resultTypes: ['violations']}).then((found) => done(found.violations))"""
    found: list[dict[str, Any]] = page.driver.execute_async_script(script)
    return found


def _rows(browser: Opened, selector: str) -> list[list[str]]:
    script = """return [...document.querySelectorAll(arguments[0] + ' tbody tr')]
        .map((row) => [...row.children].map((cell) => cell.textContent))"""
    return list(browser.run(script, selector))
