"""One fault is one finding: its consequences are reported with it, and none is lost."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from typing import Any, Final

import pytest

from corpus import pack as corpus_pack
from corpus.labelled import independent, own
from policies.least_privilege.faults.documents import document_faults
from policies.least_privilege.faults.fault import Fault
from policies.least_privilege.language.documents import Kind
from tests.policies.analyzer import Level, StartPack, Violation
from tests.policies.least_privilege.test_findings import judged_documents

POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
PASS_ROLE: Final = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
FOLLOWING: Final = {"unscoped-pass-role", "permissions-management"}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def judged(
    pack: StartPack, config: dict[str, Any] | None = None, levels: dict[str, Level] | None = None
) -> dict[str, Violation]:
    """Return the violations of a role that may pass every role: rule -> violation."""
    found = pack("least_privilege", config=config, levels=levels).resource(POLICY, {"policy": policy(PASS_ROLE)})
    return {violation.rule: violation for violation in found}


def waived(rule: str, **changes: str) -> dict[str, Any]:
    expires = dt.datetime.now(dt.UTC).date() + dt.timedelta(100)
    entry = {"resource": "it", "reason": "agreed in the review", "owner": "platform", "expires": str(expires)} | changes
    return {rule: {"waivers": [entry]}}


def test_a_fault_is_reported_once_with_all_its_rules_and_the_worst_severity(pack: StartPack) -> None:
    [violation] = judged(pack).values()
    assert violation.rule == "wildcard-resource"
    assert violation.severity == "critical"  # the severity of unscoped-pass-role
    assert set(violation.rules) == {"wildcard-resource"} | FOLLOWING
    assert violation.message.splitlines()[2:] == [
        "It also breaks `unscoped-pass-role`, `permissions-management`.",
        "To fix: Allow `iam:PassRole` on `arn:aws:iam::ACCOUNT:role/NAME`.",
    ]


def test_a_waived_advisory_or_disabled_cause_leaves_its_consequences_separate(pack: StartPack) -> None:
    left = judged(pack, waived("wildcard-resource"))
    assert left.keys() == FOLLOWING
    assert {violation.level for violation in left.values()} == {"mandatory"}
    assert judged(pack, levels={"wildcard-resource": "disabled"}).keys() == FOLLOWING
    left = judged(pack, levels={"wildcard-resource": "advisory"})
    assert {rule: violation.level for rule, violation in left.items()} == {
        "wildcard-resource": "advisory",
        **dict.fromkeys(FOLLOWING, "mandatory"),
    }


def test_a_waived_or_disabled_consequence_is_not_reported_with_its_cause(pack: StartPack) -> None:
    for said in (
        judged(pack, waived("unscoped-pass-role")),
        judged(pack, levels={"unscoped-pass-role": "disabled"}),
    ):
        assert said["wildcard-resource"].rules == ["wildcard-resource", "permissions-management"]
        assert said["wildcard-resource"].severity == "high"
    said = judged(pack, levels={"unscoped-pass-role": "advisory"})
    assert {rule: violation.level for rule, violation in said.items()} == {"wildcard-resource": "mandatory"}


def test_a_waiver_for_a_finding_also_matches_it_as_a_consequence(pack: StartPack) -> None:
    entry = {
        **waived("unscoped-pass-role")["unscoped-pass-role"]["waivers"][0],
        "finding": "*every role of an account*",
    }
    said = judged(pack, {"unscoped-pass-role": {"waivers": [entry]}})
    assert said["wildcard-resource"].rules == ["wildcard-resource", "permissions-management"]


def test_an_expired_waiver_for_a_consequence_is_a_violation(pack: StartPack) -> None:
    [expired] = pack("least_privilege", config=waived("unscoped-pass-role", expires="2026-01-31")).root()
    assert (expired.rule, expired.level) == ("unscoped-pass-role", "mandatory")
    assert "expired on 2026-01-31" in expired.message


@pytest.mark.parametrize(
    ("levels", "told"),
    [
        ({}, ["unbounded-resource", "wildcard-resource"]),
        ({"unbounded-resource": "disabled"}, ["data-exfiltration", "wildcard-resource"]),
    ],
)
def test_a_finding_with_two_causes_is_reported_with_them_if_both_are_reported(
    pack: StartPack, levels: dict[str, Level], told: list[str]
) -> None:
    statements = [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:GetObjectVersion", "Resource": "arn:aws:s3:::*"},
    ]
    found = pack("least_privilege", levels=levels).resource(POLICY, {"policy": policy(*statements)})
    assert sorted(violation.rule for violation in found) == told
    assert "data-exfiltration" in {rule for violation in found for rule in violation.rules}


CAUSES: Final = {
    "a service": ("iam:*", ["service-wildcard"]),
    "what is named beside the service": (["s3:*", "iam:PassRole"], ["service-wildcard", "wildcard-resource"]),
    "permissions without a limit": ("iam:PutRolePolicy", ["privilege-escalation"]),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_consequence_is_reported_with_its_widest_cause(pack: StartPack, cause: str) -> None:
    actions, told = CAUSES[cause]
    found = pack("least_privilege").resource(POLICY, {"policy": policy({**PASS_ROLE, "Action": actions})})
    assert sorted(violation.rule for violation in found) == told
    assert max(len(violation.rules) for violation in found) > 1


@pytest.mark.parametrize(
    ("principal", "condition", "told"),
    [
        ({"Service": "*.amazonaws.com"}, {}, ["malformed-principal"]),
        ({"AWS": "*"}, {"StringLike": {"aws:PrincipalOrgID": "*"}}, ["ineffective-condition"]),
        # This condition, on something else, was never meant to restrict principals.
        ({"AWS": "*"}, {"Bool": {"aws:SecureTransport": "false"}}, ["ineffective-condition", "open-trust"]),
        ({"Service": "ecs-tasks.amazonaws.com"}, {"StringLike": {"aws:SourceArn": "*"}}, ["ineffective-condition"]),
    ],
)
def test_a_fault_in_a_name_or_condition_includes_its_consequences(
    pack: StartPack, principal: dict[str, str], condition: dict[str, Any], told: list[str]
) -> None:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition}
    inputs = {"name": "app", "permissionsBoundary": "arn:aws:iam::123456789012:policy/app-boundary"}
    found = pack("least_privilege").resource("aws:iam/role:Role", {**inputs, "assumeRolePolicy": policy(statement)})
    assert sorted(violation.rule for violation in found) == told


def test_no_finding_in_the_corpus_is_lost_and_most_documents_have_one() -> None:
    judge, tell = corpus_pack.load(), corpus_pack.telling()
    counts = []
    for labelled in (*own(), *independent()):
        told = tell(labelled)
        named = {rule.id for violation in told for rule in (violation.rule, *violation.also)}
        assert named == set(corpus_pack.judged(judge, labelled)), labelled.key
        counts += [len(told)] if told else []
    assert len(counts) > 1500
    assert sum(counts) / len(counts) < 1.25
    assert max(counts) < 8


def test_consequences_form_no_cycle() -> None:
    """So nothing follows from itself, in any document."""

    def depth(fault: Fault, seen: frozenset[Fault] = frozenset()) -> int:
        assert fault not in seen
        return 1 + max((depth(root, seen | {fault}) for root in fault.follows_from), default=0)

    depths = Counter(depth(fault) for *_, faults in judged_documents() for fault in faults)
    assert depths[2] > 500


def test_a_document_with_a_thousand_faults_is_judged_quickly() -> None:
    statements = [
        {"Effect": "Allow", "Action": ["s3:*", "iam:PassRole", "ec2:CreateTags", "s3:x"], "Resource": "*"}
    ] * 790
    faults = document_faults(policy(*statements), Kind.IDENTITY)
    assert len(faults) > 1000
    assert any(fault.follows_from for fault in faults)
