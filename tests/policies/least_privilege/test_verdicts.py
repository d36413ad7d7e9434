"""Tight documents pass and flawed ones are reported, through the analyzer protocol: `rules.yaml` of the corpus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from corpus.families import DOCUMENTS, Family, Flaw, families, policy
from policies.least_privilege.faults.fault import RuleId
from tests.policies.analyzer import Json, StartPack, Violation

FAMILIES: Final = list(families(DOCUMENTS / "rules.yaml"))

BOUNDARY: Final = "arn:aws:iam::123456789012:policy/app-boundary"
SECRET: Final = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/backstage/session-secret-AbCdEf"

HELD: Final[dict[str, tuple[str, str, dict[str, Json]]]] = {
    "identity": ("aws:iam/rolePolicy:RolePolicy", "policy", {"role": "app", "name": "app"}),
    "trust": ("aws:iam/role:Role", "assumeRolePolicy", {"name": "app", "permissionsBoundary": BOUNDARY}),
    "s3": ("aws:s3/bucketPolicy:BucketPolicy", "policy", {"bucket": "acme-logs"}),
    "kms": ("aws:kms/key:Key", "policy", {}),
    "sqs": ("aws:sqs/queuePolicy:QueuePolicy", "policy", {"queueUrl": "https://sqs/mail"}),
    "secretsmanager": ("aws:secretsmanager/secretPolicy:SecretPolicy", "policy", {"secretArn": SECRET}),
}
"""Where a document is attached: resource type, property, other inputs."""


def holder(family: Family) -> str:
    return family.service or family.kind


def judged(pack: StartPack, family: Family, statements: Json) -> list[Violation]:
    type_, path, rest = HELD[holder(family)]
    return pack("least_privilege").resource(type_, {**rest, path: json.dumps(policy(statements))})


def tight() -> Iterator[Any]:
    for number, family in enumerate(FAMILIES):
        yield pytest.param(family, id=f"{number}-{holder(family)}")


def flawed() -> Iterator[Any]:
    for number, family in enumerate(FAMILIES):
        for flaw in family.flaws:
            yield pytest.param(family, flaw, id=f"{number}-{flaw.rules[0]}-{flaw.reason}")


@pytest.mark.parametrize("family", list(tight()))
def test_a_tight_document_passes(pack: StartPack, family: Family) -> None:
    assert judged(pack, family, family.statements) == []


@pytest.mark.parametrize(("family", "flaw"), list(flawed()))
def test_a_flawed_document_breaks_its_rules(pack: StartPack, family: Family, flaw: Flaw) -> None:
    found = judged(pack, family, flaw.statements)
    assert set(flaw.rules) <= {rule for violation in found for rule in violation.rules}
    assert {violation.level for violation in found} == {"mandatory"}
    assert all("The rule failed" not in violation.message for violation in found)


def test_every_rule_about_documents_has_a_case() -> None:
    named = {rule for family in FAMILIES for flaw in family.flaws for rule in flaw.rules}
    assert named == set(RuleId)


def test_every_fault_has_a_rule_that_reports_it(pack: StartPack) -> None:
    """A fault whose rule isn't in the table would be dropped, and the gate would fail open."""
    others = """
        unknown-document secret-readers parameter-readers broad-managed-policy unresolved-managed-policy
        foreign-managed-policy foreign-boundary misused-boundary joint-privilege-escalation iam-user
        role-without-boundary unidentified-caller unagreed-session unagreed-deletion
    """
    assert set(pack("least_privilege").rules) == {*RuleId, *others.split()}
