"""Checks the calls that static analysis finds in the provider's code against the calls that were recorded."""

from __future__ import annotations

from fnmatch import fnmatchcase

from generators.ci_calls import record, unreached
from tests.upstream.static_calls import calls

CALLED = {operation for request in record() for operation in request.operations}


def test_each_call_in_the_providers_code_is_recorded_or_explained() -> None:
    unexplained = {
        operation
        for operation in set(calls()) - CALLED
        if not any(fnmatchcase(operation, pattern) for pattern in unreached())
    }
    assert sorted(unexplained) == []


def test_no_explanation_is_stale() -> None:
    stale = {
        pattern
        for pattern in unreached()
        if not any(fnmatchcase(operation, pattern) for operation in calls())
        or any(fnmatchcase(operation, pattern) for operation in CALLED)
    }
    assert sorted(stale) == []


def test_the_analysis_misses_two_calls_that_scenarios_make() -> None:
    assert CALLED - set(calls()) == {"ec2 ModifySecurityGroupRules", "secretsmanager GetSecretValue"}
