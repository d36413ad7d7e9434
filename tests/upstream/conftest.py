"""What the tests on upstream provider code share: one account, and a line for each scenario at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.planning import plan_of
from tests.upstream.deployment import Account, empty_account, missing

READS = ("aws:secretsmanager/getSecretVersion:getSecretVersion", "aws:secretsmanager/getSecret:getSecret")
OF_OPTIONS = ("aws:wafv2/ipSet:IpSet", "aws:wafv2/webAcl:WebAcl")
OF_BREAKAGES = ("aws:cloudcontrol/resource:Resource",)
_SUMMARIES: list[str] = []


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account that is empty at first."""
    planned = {step.type for step in plan_of("prod").steps if step.type.startswith("aws:")}
    with empty_account(
        tmp_path_factory.mktemp("upstream"), sorted({*READS, *OF_OPTIONS, *OF_BREAKAGES, *planned})
    ) as made:
        yield made
        _SUMMARIES.extend(ran.summary for ran in made.runs)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs programs that aren't here."""
    reason = missing()
    for item in items:
        if reason and item.get_closest_marker("upstream"):
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each scenario did and how long it took."""
    for summary in _SUMMARIES:
        terminalreporter.write_line(summary)
