"""Fixtures of the tests on upstream provider code: one account, and a summary of each scenario at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.planning import plan_of
from tests.upstream.deployment import Account, empty_account, missing, provider_code

READS = ("aws:secretsmanager/getSecretVersion:getSecretVersion", "aws:secretsmanager/getSecret:getSecret")
OF_OPTIONS = ("aws:wafv2/ipSet:IpSet", "aws:wafv2/webAcl:WebAcl")
OF_BREAKAGES = ("aws:cloudcontrol/resource:Resource", "aws:ecs/taskDefinition:TaskDefinition")
SUMMARIES: list[str] = []
"""Summaries of the runs on all accounts, printed at the end of the session."""


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account, empty at first."""
    planned = {step.type for step in plan_of("prod").steps if step.type.startswith("aws:")}
    with empty_account(
        tmp_path_factory.mktemp("upstream"), sorted({*READS, *OF_OPTIONS, *OF_BREAKAGES, *planned})
    ) as made:
        yield made
        SUMMARIES.extend(ran.summary for ran in made.runs)


def compare(file: Path, source: str, text: str) -> None:
    """Compare a record with what was seen; skip if the record was made with other provider code."""
    if os.environ.get("UPSTREAM_RECORD") == "write":
        file.write_text(text)
    elif source != provider_code():
        pytest.skip(f"{file.name} is of {source}; UPSTREAM_RECORD=write makes it one of {provider_code()}")
    assert file.read_text() == text, f"{file.name} is stale: run the upstream tests with UPSTREAM_RECORD=write"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests that need programs which aren't installed."""
    reason = missing()
    for item in items:
        if reason and item.get_closest_marker("upstream"):
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each scenario did and how long it took."""
    for summary in SUMMARIES:
        terminalreporter.write_line(summary)
