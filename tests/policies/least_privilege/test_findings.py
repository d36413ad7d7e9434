"""Findings say where a fault is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache

import pytest

from corpus.families import DOCUMENTS, families, policy
from corpus.labelled import Labelled, independent, own
from policies.least_privilege.faults.documents import document_faults, joint_escalations
from policies.least_privilege.faults.fault import Fault, RuleId
from policies.least_privilege.language.documents import Kind, parse
from rehearsal.engine.plan import Step

KINDS = {"identity": Kind.IDENTITY, "bundle": Kind.IDENTITY, "trust": Kind.TRUST, "resource": Kind.RESOURCE}


@cache
def judged_documents() -> Sequence[tuple[str, Kind, str, Sequence[Fault]]]:
    """Return every document of the corpus: its text, its kind, the service of a resource policy, and its faults."""
    return tuple((*document, tuple(document_faults(*document))) for document in _documents())


def _documents() -> Iterator[tuple[str, Kind, str]]:
    for labelled in (*own(), *independent()):
        for content in labelled.policies or [labelled.document]:
            yield json.dumps(content), KINDS[labelled.kind], labelled.on.replace("other", "")
    for family in families(DOCUMENTS / "rules.yaml"):
        for statements in (family.statements, *(flaw.statements for flaw in family.flaws)):
            yield json.dumps(policy(statements)), KINDS[family.kind], family.service


def misses(fault: Fault, text: str, kind: Kind) -> list[str]:
    """Return the parts of a fault's place that its message doesn't name."""
    found = [] if fault.places else ["statement"]
    by_name = {one.where: one for one in parse(text, kind).statements}
    for place in fault.places[:3]:
        statement = by_name[place.statement.where]
        written = json.loads(text)["Statement"]
        entry = written[list(by_name).index(statement.where)] if isinstance(written, list) else written
        wanted = {
            "statement": f"statement {list(by_name).index(statement.where) + 1}",
            "Sid": f"(`{entry['Sid'][:77]}" if entry.get("Sid") else "",
            "action": f"`{place.actions[0][:100]}" if place.actions else "action none",
            "resource": f"`{place.resources[0][:100]}" if place.resources else "resource none",
        }
        if kind is Kind.TRUST:
            wanted["resource"] = "the resource is the role"
        found += [part for part, words in wanted.items() if words.lower() not in fault.message.lower()]
    return found


def test_every_finding_names_statement_sid_action_and_resource() -> None:
    told = 0
    for text, kind, _, faults in judged_documents():
        for fault in faults:
            # A document that can't be read, or that lacks something, has no statement to name.
            if fault.rule is not RuleId.MALFORMED_DOCUMENT or fault.places:
                assert misses(fault, text, kind) == [], fault.message
                told += 1
    assert told > 5000


def test_denials_that_spare_networks_of_different_ip_versions_spare_nobody() -> None:
    def denial(network: str) -> dict[str, object]:
        condition = {"NotIpAddress": {"aws:SourceIp": network}}
        return {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": condition}

    def judged(*networks: str) -> list[str]:
        faults = document_faults(json.dumps(policy([denial(network) for network in networks])), Kind.RESOURCE, "s3")
        return [fault.message for fault in faults if "together deny everybody" in fault.message]

    assert len(judged("192.0.2.0/24", "2001:db8::/32")) == 1
    assert judged("192.0.2.0/24", "192.0.2.128/25") == []


def test_a_role_that_a_statement_excludes_is_not_reported_as_passed() -> None:
    def judged(element: str) -> list[str]:
        role = "arn:aws:iam::111122223333:role/OrgAdmin"
        statement = {"Effect": "Allow", "Action": "iam:PassRole", element: role}
        faults = document_faults(json.dumps(policy([statement])), Kind.IDENTITY, "")
        return [fault.message for fault in faults if "is an administrator's" in fault.message]

    assert len(judged("Resource")) == 1
    assert judged("NotResource") == []


def test_findings_about_a_role_name_the_policy_of_each_statement() -> None:
    bundles = [one for one in own() if one.kind == "bundle" and len(one.policies) > 1]
    found = [fault for bundle in bundles for fault in joint_escalations(named(bundle))]
    assert found
    for fault in found:
        assert len({place.statement.where for place in fault.places}) > 1, fault.message
        assert all(f"{place.statement.where}: action" in fault.message for place in fault.places[:3]), fault.message
        assert " of `policy-" in fault.message


def named(bundle: Labelled) -> list[tuple[str, str]]:
    return [(f"policy-{number}", json.dumps(content)) for number, content in enumerate(bundle.policies)]


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (
            [
                {"Sid": "Run", "Effect": "Allow", "Action": "ecs:RunTask", "Resource": "*"},
                {"Effect": "Allow", "Action": ["s3:ListAllMyBuckets", "iam:PassRole"], "Resource": "*"},
            ],
            "`iam:PassRole`, `ecs:RunTask` allow privilege escalation (pass-to-task). See statement 2: action "
            "`iam:PassRole`, resource `*`; statement 1 (`Run`): action `ecs:RunTask`, resource `*`.",
        ),
        (
            [{"Sid": "All", "Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:*"], "Resource": "*"}],
            "statement 1 (`All`) allows `sqs:*`: every action of sqs. See action `sqs:*`, resource `*`.",
        ),
        (
            [{"Effect": "Allow", "NotAction": ["iam:*"], "NotResource": ["arn:aws:s3:::a", "arn:aws:s3:::b"]}],
            "statement 1 allows every action that `NotAction` doesn't name. See action all but `iam:*`, resources all "
            "but `arn:aws:s3:::a`, `arn:aws:s3:::b`.",
        ),
    ],
)
def test_messages_name_actions_and_statements(statements: list[dict[str, object]], said: str) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    assert said in [fault.message for fault in document_faults(text, Kind.IDENTITY)]


def test_a_preview_finds_the_line_of_a_statement_whose_sid_is_a_service_name() -> None:
    statements = [
        {"Sid": "ecs", "Effect": "Allow", "Action": "ecs:ListClusters", "Resource": "*"},
        {"Sid": "Run", "Effect": "Allow", "Action": "ecs:RunTask", "Resource": "*"},
    ]
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    [fault] = document_faults(text, Kind.IDENTITY)
    lines = {"ecs": ["project:///a.py#1"], "Run": ["project:///a.py#2", "project:///b.py#3"]}
    step = Step("urn", "aws:iam/rolePolicy:RolePolicy", "it", True, {}, source="project:///c.py#4", statements=lines)
    assert "`ecs:RunTask`" in fault.message.partition("Run`)")[0]
    assert step.made_at(fault.message) == ("project:///a.py#2", ["project:///b.py#3"])
    assert step.made_at("ecs may not list") == ("project:///a.py#1", [])
    assert step.made_at("nothing that it names") == ("project:///c.py#4", ())
