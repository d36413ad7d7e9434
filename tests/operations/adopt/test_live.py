"""What exists in the account: every listing is checked against AWS's own models, and some against moto's server."""

from __future__ import annotations

import json
import string
from dataclasses import dataclass
from typing import Any

import boto3
import jmespath
import pytest
from botocore.model import ListShape, OperationModel, Shape, StructureShape
from botocore.validate import ParamValidator

from operations.adopt.kinds import CLOUDFLARE, KINDS, Kind
from operations.adopt.live import Account, Live
from operations.web import Web
from stackfiles.failures import BadConfiguration, Failure
from tests.operations.adopt.estates import REGION, match, planned
from tests.operations.cloud import fault_of
from tests.operations.conftest import Bench

DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]})
AWS = {type_: kind for type_, kind in KINDS.items() if kind.listing.service != CLOUDFLARE}


def model(kind: Kind) -> OperationModel:
    client = made(kind.listing.service)
    name = client.meta.method_to_api_mapping[kind.listing.operation]
    found: OperationModel = client.meta.service_model.operation_model(name)
    return found


def sample(shape: Shape, flag: bool) -> Any:  # noqa: ANN401 - JSON
    """An answer that has each field once."""
    if isinstance(shape, StructureShape):
        return {name: sample(member, flag) for name, member in shape.members.items()}
    if isinstance(shape, ListShape):
        return [sample(shape.member, flag)]
    return flag if shape.type_name == "boolean" else 1 if shape.type_name in ("integer", "long") else "text"


def needed(kind: Kind) -> set[str]:
    """The attributes that matching and importing need, besides those in the request."""
    of_id = {name for _, name, _, _ in string.Formatter().parse(kind.import_id) if name}
    return of_id | {key.attribute for keys in kind.keys for key in keys} - kind.listing.given.keys()


@pytest.mark.parametrize("type_", AWS)
def test_a_listing_only_reads_and_returns_what_matching_needs(type_: str) -> None:
    kind = AWS[type_]
    assert kind.listing.operation.startswith(("list_", "describe_", "get_"))
    operation = model(kind)
    assert operation.input_shape
    assert operation.output_shape
    report = ParamValidator().validate(dict(kind.listing.arguments), operation.input_shape)
    assert not report.has_errors(), report.generate_report()
    answers = [jmespath.search(kind.listing.query, sample(operation.output_shape, flag)) for flag in (False, True)]
    found = [entry for answer in answers for entry in answer or ()]
    assert found
    assert needed(kind) - kind.listing.given.keys() <= found[0].keys()
    for name in needed(kind) - kind.listing.given.keys() - {"hosts"}:
        assert found[0][name] not in (None, [], [None]), f"{name}: AWS's answer has no such field"


def test_cloudflare_is_asked_only_about_the_zone() -> None:
    paths = [kind.listing.operation for kind in KINDS.values() if kind.listing.service == CLOUDFLARE]
    assert paths
    assert all(path.startswith("zones/{zoneId}/") for path in paths)


@pytest.fixture
def live(bench: Bench) -> Live:
    return Account(REGION, Web(10.0), "")


def made(service: str) -> Any:  # noqa: ANN401 - botocore makes it from its model
    return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]


@dataclass(frozen=True)
class Running:
    """The ids that AWS gave to the running resources."""

    vpc: str
    group: str
    balancer: str
    listener: str


def running() -> Running:
    """Create the running resources in the account."""
    iam, s3, ec2, elb = (made(service) for service in ("iam", "s3", "ec2", "elbv2"))
    iam.create_role(RoleName="prod-task", AssumeRolePolicyDocument=DOCUMENT)
    iam.put_role_policy(RoleName="prod-task", PolicyName="prod-task", PolicyDocument=DOCUMENT)
    for number in range(3):
        s3.create_bucket(Bucket=f"prod-{number}", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket="prod-0", VersioningConfiguration={"Status": "Enabled"})
    made("ssm").put_parameter(Name="/prod/a/b", Value="CanaryParameter", Type="SecureString")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"][
            "SubnetId"
        ]
        for number, zone in enumerate("ab")
    ]
    group = ec2.create_security_group(GroupName="prod-edge", Description="x", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "192.0.2.0/24"}]}],
    )
    balancer = elb.create_load_balancer(Name="prod-edge", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403"}}]
    listener = elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=443, DefaultActions=fixed)
    listener_arn = listener["Listeners"][0]["ListenerArn"]
    elb.create_rule(
        ListenerArn=listener_arn,
        Priority=100,
        Actions=fixed,
        Conditions=[{"Field": "host-header", "HostHeaderConfig": {"Values": ["portal.x.com"]}}],
    )
    return Running(vpc, group, balancer, listener_arn)


def test_running_resources_are_found_in_the_account(bench: Bench, live: Live) -> None:
    made_by_aws = running()
    bench.cloud.reset()

    plan = [
        planned("aws:iam/role:Role", "role", name="prod-task"),
        planned("aws:iam/rolePolicy:RolePolicy", "policy", role="prod-task", name="prod-task"),
        planned("aws:iam/rolePolicy:RolePolicy", "policy of no role", role="prod-none", name="prod-none"),
        planned("aws:s3/bucket:Bucket", "bucket", bucket="prod-0"),
        planned("aws:s3/bucketVersioning:BucketVersioning", "versioned", bucket="prod-0"),
        planned("aws:s3/bucketVersioning:BucketVersioning", "never versioned", bucket="prod-1"),
        planned("aws:s3/bucketPolicy:BucketPolicy", "no policy", bucket="prod-0"),
        planned("aws:s3/bucketPolicy:BucketPolicy", "policy of no bucket", bucket="prod-9"),
        planned("aws:ssm/parameter:Parameter", "parameter", name="/prod/a/b"),
        planned("aws:secretsmanager/secret:Secret", "secret", name="prod/db/admin"),
        planned("aws:ec2/securityGroup:SecurityGroup", "group", name="prod-edge", vpcId=made_by_aws.vpc),
        planned(
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "rule of a group",
            securityGroupId=made_by_aws.group, ipProtocol="tcp", fromPort=443, toPort=443, cidrIpv4="192.0.2.0/24",
        ),
        planned("aws:lb/loadBalancer:LoadBalancer", "balancer", name="prod-edge"),
        planned("aws:lb/listener:Listener", "listener", loadBalancerArn=made_by_aws.balancer, port=443),
        planned(
            "aws:lb/listenerRule:ListenerRule", "rule",
            listenerArn=made_by_aws.listener, priority=1, conditions=[{"hostHeader": {"values": ["portal.x.com"]}}],
        ),
    ]  # fmt: skip
    found = match(plan, None, live, lookup=True)
    absent = {name for name, one in found.items() if not one.import_id}
    assert absent == {"policy of no role", "never versioned", "no policy", "policy of no bucket"}
    assert found["listener"].import_id == made_by_aws.listener
    assert found["rule of a group"].import_id.startswith("sgr-")
    assert found["secret"].import_id.startswith(f"arn:aws:secretsmanager:{REGION}:")
    assert ":listener-rule/" in found["rule"].import_id
    asked = [operation for _, operation in bench.cloud.requests if not operation.startswith("/")]
    assert "ListSecrets" in asked
    assert "GetSecretValue" not in asked
    assert "GetParameter" not in asked


def test_a_denied_listing_is_an_error(bench: Bench, live: Live) -> None:
    bench.cloud.fault = fault_of("DescribeParameters", "AccessDeniedException")
    with pytest.raises(Failure, match=r"aren't allowed to call DescribeParameters"):
        match([planned("aws:ssm/parameter:Parameter", "p", name="/prod/a/b")], None, live, lookup=True)


def test_records_need_a_token(live: Live) -> None:
    record = planned("cloudflare:index/dnsRecord:DnsRecord", "r", name="x.com", type="CNAME", zoneId="z")
    with pytest.raises(BadConfiguration, match="CLOUDFLARE_API_TOKEN isn't set"):
        match([record], None, live, lookup=True)
