"""Planned resources are matched with running ones: one to one, or not at all."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from operations.adopt import map_file
from operations.adopt.kinds import KINDS
from operations.adopt.map_file import Exemption, Map
from operations.adopt.resources import Source
from stackfiles.failures import BadConfiguration
from stackfiles.json_type import Json
from stackfiles.plan_document import UNKNOWN
from tests.operations.adopt.estates import ACCOUNT, ListedAccount, entry, match, planned, state
from tests.planning import document_of

ROLE = "aws:iam/role:Role"
SECRET = "aws:secretsmanager/secret:Secret"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
LISTENER = "aws:lb/listener:Listener"
RULE = "aws:lb/listenerRule:ListenerRule"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
CERTIFICATE = "aws:acm/certificate:Certificate"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
RECORD = "cloudflare:index/dnsRecord:DnsRecord"
POLICY = "aws:iam/rolePolicy:RolePolicy"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"


def arn(service: str, resource: str, region: str = "eu-central-1", account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{region}:{account}:{resource}"


def rule_of(hosts: list[str], number: int, listener: str) -> dict[str, object]:
    return {
        "arn": arn("elasticloadbalancing", f"listener-rule/{number}"),
        "priority": number,
        "listener_arn": listener,
        "condition": [{"host_header": [{"values": hosts}]}],
    }


def test_every_type_of_the_program_can_be_matched() -> None:
    types = {step["newState"]["type"] for step in document_of("prod")["steps"] if step["newState"]["custom"]}
    assert types - KINDS.keys() <= {"pulumi:pulumi:Stack", "aws:acm/certificateValidation:CertificateValidation"}


def test_a_reference_is_matched_by_the_resource_it_refers_to() -> None:
    balancer = planned(BALANCER, "edge", name="prod-edge")
    group = planned(GROUP, "edge-group", name="prod-edge", vpcId="vpc-1")
    listener = planned(LISTENER, "https", {"loadBalancerArn": balancer}, loadBalancerArn=UNKNOWN, port=443)
    hosts: Json = [{"hostHeader": {"values": ["Portal.example.com"]}}]
    rule = planned(RULE, "portal", {"listenerArn": listener}, listenerArn=UNKNOWN, priority=100, conditions=hosts)
    door: dict[str, Json] = {"fromPort": 443, "toPort": 443, "ipProtocol": "tcp", "prefixListId": "pl-1"}
    ingress = planned(INGRESS, "in", {"securityGroupId": group}, securityGroupId=UNKNOWN, **door)
    egress = planned(EGRESS, "out", {"securityGroupId": group}, securityGroupId=UNKNOWN, **door)
    listener_arn = arn("elasticloadbalancing", "listener/1")
    old = {
        "from_port": 443,
        "to_port": 443,
        "protocol": "tcp",
        "prefix_list_ids": ["pl-1"],
        "security_group_id": "sg-1",
    }
    read = state(
        entry("aws_lb", "this", {"arn": arn("elasticloadbalancing", "lb/1"), "name": "prod-edge"}, module="module.alb"),
        entry(
            "aws_alb_listener",
            "https",
            {"arn": listener_arn, "port": 443, "load_balancer_arn": arn("elasticloadbalancing", "lb/1")},
            {"arn": arn("elasticloadbalancing", "listener/2"), "port": 443, "load_balancer_arn": "arn:another"},
        ),
        entry("aws_lb_listener_rule", "a", rule_of(["portal.example.com"], 7, listener_arn)),
        entry("aws_security_group", "edge", {"id": "sg-1", "name": "prod-edge", "vpc_id": "vpc-1"}),
        # The older type of a rule is one type for both directions, and has another id than the import needs.
        entry(
            "aws_security_group_rule",
            "in",
            {**old, "type": "ingress", "id": "sgrule-1", "security_group_rule_id": "sgr-1"},
        ),
        entry(
            "aws_security_group_rule",
            "out",
            {**old, "type": "egress", "id": "sgrule-2", "security_group_rule_id": "sgr-2"},
        ),
    )
    found = match([rule, egress, ingress, listener, balancer, group], read)
    assert {name: one.import_id for name, one in found.items()} == {
        "edge": arn("elasticloadbalancing", "lb/1"),
        "edge-group": "sg-1",
        "https": listener_arn,
        "portal": arn("elasticloadbalancing", "listener-rule/7"),
        "in": "sgr-1",
        "out": "sgr-2",
    }
    assert {one.found for one in found.values()} == {Source.STATE}


def test_one_rule_for_two_hosts_stops_both() -> None:
    listener = arn("elasticloadbalancing", "listener/1")
    plan = [
        planned(
            RULE,
            host,
            listenerArn=listener,
            priority=number,
            conditions=[{"hostHeader": {"values": [f"{host}.x.com"]}}],
        )
        for number, host in enumerate(("portal", "pipelines"), 100)
    ]
    found = match(
        plan, state(entry("aws_lb_listener_rule", "a", rule_of(["portal.x.com", "pipelines.x.com"], 1, listener)))
    )
    assert {name: (one.import_id, one.rivals) for name, one in found.items()} == {
        "portal": ("", ("the planned pipelines",)),
        "pipelines": ("", ("the planned portal",)),
    }


def test_two_candidates_match_neither_unless_the_map_decides() -> None:
    role = planned(SECRET, "db", name="prod/db")
    arns = [arn("secretsmanager", f"secret:prod/db-{suffix}") for suffix in ("AAAAAA", "BBBBBB")]
    read = state(
        *(
            entry("aws_secretsmanager_secret", f"s{place}", {"arn": one, "name": "prod/db"})
            for place, one in enumerate(arns)
        )
    )
    (found,) = match([role], read).values()
    assert found.import_id == ""
    assert set(found.rivals) == {"aws_secretsmanager_secret.s0", "aws_secretsmanager_secret.s1"}
    (decided,) = match([role], read, known=Map(ids={role.urn: arns[1]})).values()
    assert (decided.import_id, decided.found, decided.rivals) == (arns[1], Source.MAP, ())
    assert decided.terraform
    assert decided.terraform.name == "s1"


def test_resources_of_another_region_match_by_id_and_of_another_account_never() -> None:
    hosts: dict[str, Json] = {"domainName": "portal.x.com", "subjectAlternativeNames": ["pipelines.x.com"]}
    origin = planned(CERTIFICATE, "origin", **hosts)
    viewer = planned(CERTIFICATE, "viewer", **hosts, region="us-east-1")
    names = {"domain_name": "portal.x.com", "subject_alternative_names": ["pipelines.x.com", "portal.x.com"]}
    read = state(
        *(
            entry("aws_acm_certificate", f"c{place}", {"arn": one, **names})
            for place, one in enumerate(
                (
                    arn("acm", "certificate/here"),
                    arn("acm", "certificate/there", "us-east-1"),
                    arn("acm", "certificate/foreign", account="999999999999"),
                )
            )
        ),
        entry("aws_acm_certificate", "narrower", {"arn": arn("acm", "certificate/n"), "domain_name": "portal.x.com"}),
    )
    found = match([origin, viewer], read)
    assert found["origin"].import_id == arn("acm", "certificate/here")
    assert found["viewer"].import_id == f"{arn('acm', 'certificate/there', 'us-east-1')}@us-east-1"


def test_a_resource_in_the_state_only_is_missing() -> None:
    read = state(entry("aws_iam_role", "a", {"name": "prod-task"}))
    (found,) = match([planned(ROLE, "task", name="prod-task")], read, ListedAccount()).values()
    assert found.missing


def test_a_resource_in_the_account_only_collides_unless_it_is_looked_up() -> None:
    role = planned(ROLE, "task", name="prod-task")
    live = ListedAccount({ROLE: [{"name": ("prod-task",)}, {"name": ("prod-other",)}]})
    (found,) = match([role], state(), live).values()
    assert (found.import_id, found.taken) == ("", "prod-task")
    for read in (state(), None):
        (found,) = match([role], read, live, lookup=True).values()
        assert (found.import_id, found.taken, found.found) == ("prod-task", "", Source.LOOKUP)


def test_a_resource_that_a_creation_would_overwrite_is_always_looked_up() -> None:
    policy = planned(BUCKET_POLICY, "data", bucket="prod-data")
    live = ListedAccount({BUCKET_POLICY: [{"bucket": ("prod-data",)}]})
    (found,) = match([policy], state(), live).values()
    assert (found.import_id, found.found) == ("prod-data", Source.LOOKUP)
    (absent,) = match([policy], state(), ListedAccount()).values()
    assert (absent.import_id, absent.taken) == ("", "")


def test_the_only_policy_of_a_role_matches_under_any_name() -> None:
    policy = planned(POLICY, "task", role="prod-task", name="prod-task")
    one = entry("aws_iam_role_policy", "a", {"role": "prod-task", "name": "access"})
    (found,) = match([policy], state(one)).values()
    assert found.import_id == "prod-task:access"
    two = entry("aws_iam_role_policy", "b", {"role": "prod-task", "name": "logs"})
    (found,) = match([policy], state(one, two)).values()
    assert (found.import_id, found.rivals) == ("", ())


def test_a_resource_with_an_unknown_name_is_matched_once_it_is_known() -> None:
    certificate = planned(CERTIFICATE, "c", domainName="x.com")
    unknown = planned(RECORD, "validation", {"name": certificate}, name=UNKNOWN, type="CNAME", zoneId="z")
    records = entry("cloudflare_record", "v", {"id": "1", "zone_id": "z", "hostname": "_a.x.com", "type": "CNAME"})
    assert match([unknown], state(records))["validation"].import_id == ""
    known = planned(RECORD, "validation", name="_a.x.com.", type="CNAME", zoneId="z")
    assert match([known], state(records))["validation"].import_id == "z/1"


@pytest.mark.parametrize(("alias", "taken"), [("portal.x.com", "E1"), ("*.x.com", "")])
def test_a_distribution_can_be_created_beside_one_with_a_wildcard_alias(alias: str, taken: str) -> None:
    new = planned(DISTRIBUTION, "portal", aliases=["portal.x.com"])
    read = state(entry("aws_cloudfront_distribution", "old", {"id": "E1", "aliases": [alias]}))
    left = Map(leave={new.urn: Exemption.model_validate(exemption())})
    assert match([new], read, known=left)["portal"].taken == taken
    assert match([new], read)["portal"].import_id == taken  # otherwise the old one is taken over


def exemption(days: int = 30, **changes: str) -> dict[str, str]:
    until = datetime.now(UTC).date() + timedelta(days=days)
    return {"reason": "made beside the old one", "owner": "edge", "until": str(until), **changes}


def test_a_resource_left_to_terraform_is_created_anew_unless_its_name_is_taken() -> None:
    certificate = planned(CERTIFICATE, "certificate", domainName="x.com")
    roles = [planned(ROLE, name, name=f"prod-{name}") for name in ("task", "new")]
    left = dict.fromkeys((one.urn for one in (certificate, *roles)), Exemption.model_validate(exemption()))
    read = state(
        entry("aws_acm_certificate", "c", {"arn": arn("acm", "certificate/1"), "domain_name": "x.com"}),
        entry("aws_iam_role", "a", {"name": "prod-task"}),
    )
    found = match([certificate, *roles], read, known=Map(leave=left))
    assert {name: (one.import_id, one.terraform, one.taken) for name, one in found.items()} == {
        "certificate": ("", None, ""),
        "task": ("", None, "prod-task"),
        "new": ("", None, ""),
    }


def test_a_map_is_refused_with_every_problem(tmp_path: Path) -> None:
    file = tmp_path / "map.yaml"
    urn = planned(ROLE, "task").urn
    file.write_text(
        json.dumps(
            {
                "ids": {"task": "x", urn: "two words"},
                "leave": {
                    urn: exemption(days=400),
                    f"{urn}-2": exemption(days=-1),
                    f"{urn}-3": exemption(reason="no"),
                    f"{urn}-4": {"owner": "me"},
                },
                "kept": [],
            }
        )
    )
    with pytest.raises(BadConfiguration) as refused:
        map_file.load(file)
    lines = str(refused.value).splitlines()
    assert len(lines) == 8
    for part in (
        "`ids.task`",
        f"`ids.{urn}`",
        f"`leave.{urn}.until` is ",
        f"{urn}-2.until",
        f"{urn}-3.reason",
        "`kept`",
    ):
        assert any(part in line for line in lines), (part, lines)


def test_a_map_of_unplanned_resources_is_refused() -> None:
    role = planned(ROLE, "task", name="prod-task")
    other = planned("aws:acm/certificateValidation:CertificateValidation", "v")
    known = Map(ids={f"{role.urn}-2": "x", other.urn: "y"})
    with pytest.raises(BadConfiguration) as refused:
        match([role, other], state(), known=known)
    assert "the program plans no such resource" in str(refused.value)
    assert "accepted: `leave`" in str(refused.value)
