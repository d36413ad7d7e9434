"""What `init` asks and offers, up to the last answer; test_init.py is about what it then writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from operations.init.lookups import FACTS, IN_ACCOUNT
from operations.init.questions import questions
from tests.operations.cloud import ACCOUNT, REGION, fault_of
from tests.operations.conftest import Bench, Outcome

ANSWERS: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "acme.yaml").read_text())


def ask(bench: Bench, typed: str = "", *options: str, terminal: bool = True) -> Outcome:
    """Ask the questions at a terminal, whose input ends before the last of them."""
    outcome = bench.run("init", "--stack", "staging", *options, stdin=typed, terminal=terminal)
    assert outcome.code in (1, 2)
    assert not (bench.project / "Pulumi.staging.yaml").exists()
    return outcome


def all_but(*keys: str, **changes: str) -> list[str]:
    """Options with the company's answers, except for some keys, which are then asked."""
    given = {key: value for key, value in {**ANSWERS, **changes}.items() if key not in keys}
    texts = {key: ",".join(value) if isinstance(value, list) else value for key, value in given.items()}
    return [f"--set={key}={text}" for key, text in texts.items()]


def test_without_a_terminal_missing_answers_are_listed(bench: Bench) -> None:
    outcome = ask(bench, "", "--offline", "--set", "kindeDomain=login.acme.io", terminal=False)
    assert outcome.code == 2
    declared = yaml.safe_load((bench.project / "Pulumi.yaml").read_text())["config"]
    required = {key for key, entry in declared.items() if "default" not in entry and not entry.get("secret")}
    for key in {"aws:region", "aws:allowedAccountIds", *required} - {"kindeDomain"}:
        assert f"- {key}: is missing; accepted: " in outcome.err
    assert "(VPC of the services)" in outcome.err
    assert "kindeDomain:" not in outcome.err


def test_every_wrong_answer_is_reported_before_the_first_question(bench: Bench) -> None:
    file = bench.project / "answers.json"
    file.write_text(
        '{"aws:region": "Frankfurt", "aws:allowedAccountIds": "12345", "vpcId": "vpc-1", "domain": "acme.io"}'
    )
    options = ("--set", "vpcID=vpc-0123abcd", "--set", "kindeClientSecret=prod/kinde/client-secret-2pS4d3")
    outcome = ask(bench, "", "--answers", str(file), *options)
    file.unlink()
    assert outcome.code == 2
    assert outcome.out == ""
    for told in (
        "vpcID: no such key; the nearest is vpcId",
        "aws:region: `Frankfurt` won't do; accepted: an AWS region such as",
        "aws:allowedAccountIds[0]: `12345` won't do; accepted: an AWS account id, 12 digits",
        "vpcId: `vpc-1` won't do; accepted: a VPC id",
        "belongs to another environment; accepted: a name that starts with staging/",
    ):
        assert told in outcome.text
    assert "domain" not in outcome.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--stack", "Staging"), "--stack Staging: accepted: 2 to 16 lower-case letters"),
        (("--like", "production"), "there is no stack `production`"),
        (("--set", "domain"), "--set domain: accepted: KEY=VALUE"),
        (("--answers", "missing.yaml"), "missing.yaml: No such file"),
        (("--set", "originHeaderSecret=1"), "originHeaderSecret: no such key"),
        (("--set", "parkMode=asleep"), "parkMode: `asleep` won't do; accepted: parked or unparked"),
        (("--set", "sessionSeconds=ten"), "sessionSeconds: `ten` won't do; accepted: a whole number"),
        (("--set", "readSecretsInPreview=maybe"), "readSecretsInPreview: `maybe` won't do; accepted: true or false"),
        (("--set", "privateSubnetIds=subnet-0123abcd"), "privateSubnetIds: `"),
    ],
)
def test_bad_usage_is_one_clear_error(bench: Bench, options: tuple[str, ...], told: str) -> None:
    outcome = ask(bench, "", "--offline", *options)
    assert outcome.code == 2
    assert told in outcome.text


def test_a_wrong_answer_is_reported_at_once_and_asked_again(bench: Bench) -> None:
    outcome = ask(bench, "Frankfurt\n\nus-east-1\n123\n", "--offline")
    assert outcome.code == 1
    assert "aws:region: `Frankfurt` won't do; accepted: an AWS region such as eu-central-1" in outcome.out
    assert "An answer is needed." in outcome.out
    assert "aws:allowedAccountIds[0]: `123` won't do; accepted: an AWS account id, 12 digits\n" in outcome.out
    assert "the input ended before the last answer; nothing was written" in outcome.err


def test_values_from_the_account_are_offered(bench: Bench) -> None:
    ec2 = boto3.client("ec2", REGION)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"][
            "SubnetId"
        ]
        for number, zone in enumerate("abab")
    ]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    for subnet in subnets[:2]:
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    groups = [
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
        for name in ("backstage", "prefect-api", "prefect-deployer", "other")
    ]
    for name in ("staging-acme", "tools"):
        boto3.client("ecs", REGION).create_cluster(clusterName=name)
    suffix = bench.cloud.put("staging/kinde/client-secret", "CanaryOfStaging0123456789")
    bench.cloud.put("staging/kinde/client-secret-before", "CanaryOfStagingBefore0123456789")
    bench.patch.setenv("AWS_DEFAULT_REGION", REGION)
    bench.patch.setenv("CLOUDFLARE_API_TOKEN", "CanaryTokenOfCloudflare0123456789")

    looked_up = (
        "aws:region",
        "aws:allowedAccountIds",
        "kindeClientSecret",
        "cloudflareZoneId",
        "cloudfrontPrefixListId",
    )
    network = ("vpcId", "privateSubnetIds", "publicSubnetIds", "backstageSecurityGroupId", "prefectSecurityGroupId")
    typed = "\n" * len(looked_up) + f"{vpc}\n\n\n\n{groups[1]}\n\n\n"
    left = ("cluster", "deployerSecurityGroupId", "orkFunction")
    outcome = ask(bench, typed, *all_but(*looked_up, *network, *left))
    assert outcome.err.splitlines() == ["error: the input ended before the last answer; nothing was written"]
    for prompt in (
        f"aws:region [{REGION}]: ",
        f"aws:allowedAccountIds [{ACCOUNT}]: ",
        f"kindeClientSecret [staging/kinde/client-secret-{suffix}]: ",
        "cloudflareZoneId [0123456789abcdef0123456789abcdef]: ",
        f"privateSubnetIds [{', '.join(subnets[2:])}]: ",
        f"publicSubnetIds [{', '.join(subnets[:2])}]: ",
        f"backstageSecurityGroupId [{groups[0]}]: ",
        f"deployerSecurityGroupId [{groups[2]}]: ",
        "cluster [staging-acme]: ",
    ):
        assert prompt in outcome.out
    assert "cloudfrontPrefixListId [pl-" in outcome.out


def test_a_number_selects_an_offered_value(bench: Bench) -> None:
    ec2 = boto3.client("ec2", REGION)
    ids = {ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"] for number in range(2)}
    outcome = ask(bench, "99\n1\n", *all_but("vpcId", "orkFunction", **OWN))
    listed = [line.split() for line in outcome.out.splitlines() if "vpc-" in line and line.startswith("  ")]
    assert {id_ for _, id_, *_ in listed[:3]} >= ids
    assert "vpcId: `99` won't do; accepted: a VPC id" in outcome.out
    assert outcome.out.endswith("orkFunction: ")


OWN = {"aws:region": REGION, "aws:allowedAccountIds": ACCOUNT}
"""The account of the credentials."""


def test_a_failed_look_up_is_reported_in_one_line_and_asked(bench: Bench) -> None:
    bench.cloud.fault = fault_of("ListSecrets", "AccessDeniedException")
    outcome = ask(bench, "", *all_but("kindeClientSecret", **OWN))
    assert outcome.err.splitlines()[0] == (
        "kindeClientSecret couldn't be looked up: these credentials aren't allowed to call ListSecrets "
        "(AccessDeniedException)"
    )
    assert outcome.out.endswith("kindeClientSecret: ")


def test_nothing_is_looked_up_in_a_foreign_account(bench: Bench) -> None:
    outcome = ask(bench, "staging/kinde/client-secret-2pS4d3\n", *all_but("kindeClientSecret", "vpcId"))
    assert outcome.err.splitlines()[:-1] == [
        f"kindeClientSecret couldn't be looked up: the credentials belong to account {ACCOUNT}; accepted: "
        "345678901234, the stack's own; set AWS_PROFILE"
    ]
    assert outcome.out.endswith("vpcId: ")
    assert not {"ListSecrets"} & set(bench.cloud.calls)


def test_without_credentials_everything_is_asked(bench: Bench) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        bench.patch.delenv(name)
    outcome = ask(bench, "", *all_but("aws:allowedAccountIds"))
    assert "aws:allowedAccountIds couldn't be looked up: the account: there are no AWS credentials" in outcome.text
    assert outcome.out.endswith("aws:allowedAccountIds: ")


def test_answers_required_by_other_answers_are_asked_last(bench: Bench) -> None:
    without = all_but("circleciRepository")
    outcome = ask(bench, "", *without, "--offline")
    assert "circleciRepository: is missing; accepted: a value, or a ciIssuer that isn't circleci" in outcome.out
    assert outcome.out.endswith("circleciRepository: ")
    outcome = ask(bench, "", *without, "--offline", terminal=False)
    assert outcome.code == 2
    assert "circleciRepository: is missing" in outcome.err


def test_offline_looks_nothing_up(bench: Bench) -> None:
    ask(bench, "us-east-1\n", "--offline")
    assert bench.cloud.calls == []


def test_suitable_answers_of_another_stack_are_offered(bench: Bench) -> None:
    bench.configure(
        cluster="prod-acme", kindeDomain="login.acme.io", sessionSeconds=3600, circleciRepository=REPOSITORY
    )
    outcome = ask(bench, "", "--offline", "--yes", "--like=prod")
    missing = {line.partition(":")[0].removeprefix("  - ") for line in outcome.err.splitlines()[1:]}
    # What an environment has of its own in Kinde, and names of the other environment, can't be reused.
    assert {"kindeDomain", "kindeClientId", "kindeClientSecret", "cluster"} <= missing
    assert not {"aws:region", "aws:allowedAccountIds", "vpcId", "circleciRepository"} & missing

    outcome = ask(bench, "", *all_but("cluster", **OWN), "--offline", "--like=prod")
    assert outcome.out.endswith("cluster [staging-acme]: ")
    outcome = ask(bench, "", *all_but("kindeDomain", **OWN), "--offline", "--like=prod")
    assert outcome.out.endswith("kindeDomain [login.acme.io]: ")
    # Values that AWS chooses can't be guessed.
    outcome = ask(bench, "", *all_but("kindeClientSecret", **OWN), "--offline", "--like=prod")
    assert outcome.out.endswith("kindeClientSecret: ")


REPOSITORY = "github.com/acme/platform"


def test_another_account_needs_its_own_network(bench: Bench) -> None:
    elsewhere = ("--offline", "--yes", "--like=prod", "--set=aws:allowedAccountIds=345678901234")
    missing = ask(bench, "", *elsewhere).err
    assert "vpcId: is missing" in missing
    assert "circleciRepository: is missing" not in missing


def test_every_value_that_is_looked_up_has_a_question(bench: Bench) -> None:
    assert {question.key for question in questions(bench.project)} >= IN_ACCOUNT | FACTS
