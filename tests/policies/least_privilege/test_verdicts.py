"""Tight documents pass and flawed ones are named, through the analyzer protocol. The documents are in `cases.yaml`."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from policies.least_privilege.faults.fault import RuleId
from tests.policies.analyzer import Json, StartPack, Violation

CASES: Final[list[dict[str, Any]]] = yaml.safe_load(Path(__file__).with_name("cases.yaml").read_text(encoding="utf-8"))

BOUNDARY: Final = "arn:aws:iam::123456789012:policy/app-boundary"
SECRET: Final = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/backstage/session-secret-AbCdEf"

HELD: Final[dict[str, tuple[str, str, dict[str, Json]]]] = {
    "role policy": ("aws:iam/rolePolicy:RolePolicy", "policy", {"role": "app", "name": "app"}),
    "trust": ("aws:iam/role:Role", "assumeRolePolicy", {"name": "app", "permissionsBoundary": BOUNDARY}),
    "bucket": ("aws:s3/bucketPolicy:BucketPolicy", "policy", {"bucket": "acme-logs"}),
    "key": ("aws:kms/key:Key", "policy", {}),
    "queue": ("aws:sqs/queuePolicy:QueuePolicy", "policy", {"queueUrl": "https://sqs/mail"}),
    "secret": ("aws:secretsmanager/secretPolicy:SecretPolicy", "policy", {"secretArn": SECRET}),
}
"""What a document is attached to: resource type, property, other inputs."""


def document(statements: Json) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def judged(pack: StartPack, holder: str, text: Json) -> list[Violation]:
    type_, path, rest = HELD[holder]
    return pack("least_privilege").resource(type_, {**rest, path: text})


def _step(container: Json, step: str) -> Json:
    return container[int(step)] if isinstance(container, list) else container[step]


def changed(statements: Json, flaw: dict[str, Json]) -> Json:
    statements = copy.deepcopy(statements)
    for path, value in flaw.get("set", {}).items():
        *steps, last = str(path).split("/")
        target = statements
        for step in steps:
            target = _step(target, step)
        if isinstance(target, list) and int(last) == len(target):
            target.append(value)
        else:
            target[int(last) if isinstance(target, list) else last] = value
    for path in flaw.get("drop", []):
        *steps, last = path.split("/")
        target = statements
        for step in steps:
            target = _step(target, step)
        del target[last]
    return [*statements, *([flaw["add"]] if "add" in flaw else [])]


def tight() -> Iterator[Any]:
    for number, case in enumerate(CASES):
        yield pytest.param(case["held by"], case["tight"], id=f"{number}-{case['held by']}")


def flawed() -> Iterator[Any]:
    for number, case in enumerate(CASES):
        for flaw in case["flaws"]:
            rules = flaw["rule"] if isinstance(flaw["rule"], list) else [flaw["rule"]]
            statements = changed(case["tight"], flaw)
            assert statements != case["tight"], flaw
            yield pytest.param(case["held by"], statements, set(rules), id=f"{number}-{rules[0]}-{flaw['why']}")


@pytest.mark.parametrize(("holder", "statements"), list(tight()))
def test_tight(pack: StartPack, holder: str, statements: Json) -> None:
    assert judged(pack, holder, document(statements)) == []


@pytest.mark.parametrize(("holder", "statements", "rules"), list(flawed()))
def test_flawed(pack: StartPack, holder: str, statements: Json, rules: set[str]) -> None:
    found = judged(pack, holder, document(statements))
    assert rules <= {violation.rule for violation in found}
    assert {violation.level for violation in found} == {"mandatory"}
    assert all("The rule failed" not in violation.message for violation in found)


def test_every_rule_about_documents_has_a_case() -> None:
    named = {rule for _, _, rules in (case.values for case in flawed()) for rule in rules}
    assert named == set(RuleId)


def test_every_fault_has_a_rule_that_reports_it(pack: StartPack) -> None:
    """A fault whose rule isn't in the table would be dropped, and the gate would fail open."""
    others = """
        unknown-document secret-readers parameter-readers broad-managed-policy unresolved-managed-policy
        foreign-managed-policy joint-privilege-escalation iam-user role-without-boundary
    """
    assert set(pack("least_privilege").rules) == {*RuleId, *others.split()}
