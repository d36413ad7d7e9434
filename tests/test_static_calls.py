"""What a static analysis of the provider's code says that it may call, held against the record of what it called."""

from __future__ import annotations

from fnmatch import fnmatchcase

from generators.ci_calls import record, unreached
from tests.upstream.static_calls import calls

CALLED = {operation for request in record() for operation in request.operations}


def test_each_call_of_the_providers_code_is_made_by_a_scenario_or_explained() -> None:
    unexplained = {
        operation
        for operation in set(calls()) - CALLED
        if not any(fnmatchcase(operation, pattern) for pattern in unreached())
    }
    assert sorted(unexplained) == []


def test_no_explanation_is_of_a_call_that_a_scenario_makes_or_nothing_has() -> None:
    stale = {
        pattern
        for pattern in unreached()
        if not any(fnmatchcase(operation, pattern) for operation in calls())
        or any(fnmatchcase(operation, pattern) for operation in CALLED)
    }
    assert sorted(stale) == []


def test_the_analysis_misses_two_calls_that_scenarios_make() -> None:
    assert CALLED - set(calls()) == {"ec2 ModifySecurityGroupRules", "secretsmanager GetSecretValue"}
