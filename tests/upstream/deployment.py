"""A deployment whose AWS is the Terraform provider's own code, with moto's server as the account behind it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
import yaml

from components.catalogue import SECRETS, Maker
from components.naming import Names
from tests.engine.deployment import KINDE_SECRET, Deployment, Outcome, prepared
from tests.planning import PROJECT
from tests.upstream.bridged_provider import BRIDGE, PROVIDER

ACCOUNT: Final = "123456789012"
"""The account that moto plays."""


def missing() -> str:
    """Return why these tests can't run here, empty where they can."""
    unset = [name for name in (BRIDGE, PROVIDER) if not os.access(os.environ.get(name, ""), os.X_OK)]
    if unset:
        return f"{' and '.join(unset)} name no program (CONTRIBUTING.md, upstream provider code)"
    return ""


@dataclass
class Upstream:
    """A stack, its deployment and what plays the account."""

    deployment: Deployment
    server: str
    journal: Path
    region: str

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3's clients are made at run time
        """Return a client of the account's API."""
        return boto3.Session().client(  # type: ignore[call-overload]
            service, self.region, endpoint_url=self.server, aws_access_key_id="test", aws_secret_access_key="test"
        )

    def calls(self, after: int = 0) -> list[dict[str, Any]]:
        """Return what the engine asked the provider to do, from a place in the journal on."""
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        return [json.loads(line) for line in lines[after:]]

    def changes(self, after: int = 0) -> list[tuple[str, str]]:
        """Return what changed the account, or was meant to: method and type, in order."""
        return [
            (call["method"], call["type"])
            for call in self.calls(after)
            if call["method"] in ("Create", "Update", "Delete") and not call["preview"]
        ]

    def errors(self, after: int = 0) -> list[str]:
        """Return what the provider refused, from a place in the journal on."""
        return [f"{call['type']}: {call['error']}" for call in self.calls(after) if call.get("error")]

    def refused(self, outcome: Outcome, after: int = 0) -> list[str]:
        """Return why a run went wrong: what the provider refused and what the packs did, empty if it went well."""
        if outcome.code == 0:
            return []
        mandatory = [line.strip() for line in outcome.out.splitlines() if "[mandatory]" in line or "error:" in line]
        return [*self.errors(after), *mandatory] or [outcome.out]

    def up(self) -> Outcome:
        """Apply, with every pack, as `make up` does."""
        return self.deployment.up()


@contextmanager
def upstream(folder: Path, stack: str, types: Sequence[str]) -> Iterator[Upstream]:
    """Give a deployment of a stack on an empty account. `types` are the AWS types that the provider has to know."""
    deployment = prepared().deployment(folder, stack)
    document = yaml.safe_load(deployment.stack_file.read_text())
    document["config"]["aws:allowedAccountIds"] = [ACCOUNT]
    deployment.stack_file.write_text(yaml.safe_dump(document))
    journal = folder / "upstream.jsonl"
    with (
        _serving("tests.upstream.aws_server") as server,
        _serving("tests.upstream.bridged_provider", server, str(journal), *types) as address,
    ):
        given = deployment.environment["PULUMI_DEBUG_PROVIDERS"]
        deployment.environment["PULUMI_DEBUG_PROVIDERS"] = re.sub(r"aws:\d+", address, given)
        made = Upstream(deployment, server, journal, document["config"]["aws:region"])
        _make_what_is_expected(made)
        deployment.write_agreement()
        yield made
    deployment.attached.stop()


@contextmanager
def _serving(module: str, *arguments: str) -> Iterator[str]:
    """Run a module that prints an address and serves; give the address."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", module, *arguments],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _make_what_is_expected(made: Upstream) -> None:
    """Make what a stack finds in its account, and configure the stack with it: the network, secrets made by hand."""
    ec2, secrets = made.client("ec2"), made.client("secretsmanager")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=made.region + "ab"[number % 2])
        for number in range(4)
    ]
    ids = [subnet["Subnet"]["SubnetId"] for subnet in subnets]
    groups = {
        key: ec2.create_security_group(GroupName=key, Description=key, VpcId=vpc)["GroupId"]
        for key in ("backstageSecurityGroupId", "prefectSecurityGroupId", "deployerSecurityGroupId")
    }
    prefixes = ec2.create_managed_prefix_list(PrefixListName="cloudfront", MaxEntries=1, AddressFamily="IPv4")
    stack = made.deployment.stack
    for secret in SECRETS:
        if secret.maker is not Maker.PROGRAM:
            secrets.create_secret(Name=secret.name(Names(stack, ACCOUNT, made.region)), SecretString=KINDE_SECRET)
    kinde = secrets.describe_secret(SecretId=f"{stack}/kinde/client-secret")["ARN"]
    for key, value in {
        "vpcId": vpc,
        "privateSubnetIds": ids[:2],
        "publicSubnetIds": ids[2:],
        "cloudfrontPrefixListId": prefixes["PrefixList"]["PrefixListId"],
        "kindeClientSecret": kinde.partition(":secret:")[2],
        **groups,
    }.items():
        made.deployment.set(key, value)
