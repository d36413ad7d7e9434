"""Deployments with the Terraform AWS provider's own code, and moto's server as the account behind it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import boto3
import yaml

from components.catalogue import SECRETS, Maker
from components.naming import Names
from components.workload_settings import HERE
from operations.deploy import WITHOUT_WORKLOADS
from tests.engine.deployment import KINDE_SECRET, Deployment, prepared
from tests.planning import NAME, PROJECT
from tests.upstream.bridged_provider import BRIDGE, PLUGIN, PROVIDER
from tests.upstream.permissions import ACCOUNT

Role = Literal["ci-preview", "ci-deploy", "ci-workloads"]


def missing() -> str:
    """Return why these tests can't run here, or an empty text."""
    named = [name for name in (PLUGIN, BRIDGE, PROVIDER) if os.access(os.environ.get(name, ""), os.X_OK)]
    if PLUGIN not in named and named != [BRIDGE, PROVIDER]:
        return f"neither {PLUGIN} nor {BRIDGE} and {PROVIDER} name programs (CONTRIBUTING.md, upstream provider code)"
    if "PYTEST_XDIST_WORKER" in os.environ:
        return "they are the life of one account, in order: run them without --numprocesses"
    return ""


def provider_code() -> str:
    """Return the provider code that these tests run on, with its version: the name of its file or folder."""
    program = Path(os.environ.get(PLUGIN) or os.environ[PROVIDER]).resolve()
    return program.parent.name if PLUGIN in os.environ else program.name


@dataclass(frozen=True)
class Ran:
    """What one run of the engine did."""

    scenario: str
    stack: str
    roles: Sequence[Role]
    """The CI roles that should be able to do this run."""
    options: str
    """The set of options that was on (see generators.ci_calls.OPTIONS)."""
    code: int
    out: str = field(repr=False)
    seconds: float
    provider: Sequence[dict[str, Any]] = field(repr=False)
    """The engine's calls of the provider (see bridged_provider.py)."""
    api: Sequence[dict[str, Any]] = field(repr=False)
    """The provider's calls of AWS (see recording.py)."""

    @property
    def changes(self) -> list[tuple[str, str]]:
        """What changed the account, or was meant to: method and type, in order."""
        return [
            (call["method"], call["type"])
            for call in self.provider
            if call["method"] in ("Create", "Update", "Delete") and not call["preview"]
        ]

    @property
    def steps(self) -> list[tuple[str, str, str]]:
        """What changed the account, in order: method, type and logical name."""
        return [
            (call["method"], call["type"], call["urn"].rpartition("::")[2])
            for call in self.provider
            if call["method"] in ("Create", "Update", "Delete") and not call["preview"] and call["outcome"] == "done"
        ]

    @property
    def replaced(self) -> set[str]:
        """The types with resources that were to be replaced."""
        return {call["type"] for call in self.provider if call["method"] == "Diff" and call.get("replaces")}

    @property
    def differing(self) -> list[str]:
        """The differences from the provider's earlier state: URN and inputs."""
        found = (call for call in self.provider if call["method"] == "Diff" and call.get("diffs"))
        return [f"{call['urn'].rpartition('$')[2]}: {', '.join(call['diffs'])}" for call in found]

    @property
    def refused(self) -> list[str]:
        """Why the run failed: the errors of the provider and of the packs; empty if it succeeded."""
        if self.code == 0:
            return []
        errors = [f"{call['type']}: {call['error']}" for call in self.provider if call.get("error")]
        said = [line.strip() for line in self.out.splitlines() if "[mandatory]" in line or "error:" in line]
        return [*errors, *said] or [self.out]

    @property
    def summary(self) -> str:
        """The run in one line."""
        counted = Counter(method for method, _ in self.changes)
        changes = ", ".join(f"{method} {number}" for method, number in sorted(counted.items())) or "no change"
        times = f"{self.seconds:.0f} s, {len(self.provider)} calls of the provider, {len(self.api)} of AWS"
        return f"{self.scenario} ({self.stack}): {changes}; {times}"


@dataclass
class Account:
    """The server that plays the account, and the runs on it so far."""

    folder: Path
    server: str
    provider: str
    runs: list[Ran] = field(default_factory=list, repr=False)

    def client(self, service: str, region: str) -> Any:  # noqa: ANN401 - boto3's clients are made at run time
        """Return a client of the account's API."""
        return boto3.Session().client(  # type: ignore[call-overload]
            service, region, endpoint_url=self.server, aws_access_key_id="test", aws_secret_access_key="test"
        )

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a command at the account."""
        return {"AWS_ENDPOINT_URL": self.server, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

    def journal(self, name: str) -> list[dict[str, Any]]:
        """Return all lines of the journal `provider` or `api`."""
        file = self.folder / f"{name}.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def faults(self, *faults: dict[str, Any]) -> None:
        """Set the faults that happen from now on (see recording.Fault)."""
        (self.folder / "faults.json").write_text(json.dumps(faults))

    def settings(self, stack: str) -> Mapping[str, Any]:
        """Return the current settings in a stack's file."""
        document = yaml.safe_load((self.folder / stack / "project" / f"Pulumi.{stack}.yaml").read_text())
        config: dict[str, Any] = document["config"]
        return config

    def stack(self, name: str, **settings: Any) -> Upstream:  # noqa: ANN401 - as YAML has it
        """Return an empty stack with some settings of its own, and create everything that it expects to find."""
        folder = self.folder / name
        folder.mkdir()
        deployment = prepared().deployment(folder, name)
        document = yaml.safe_load(deployment.stack_file.read_text())
        document["config"]["aws:allowedAccountIds"] = [ACCOUNT]
        deployment.stack_file.write_text(yaml.safe_dump(document))
        given = deployment.environment["PULUMI_DEBUG_PROVIDERS"]
        deployment.environment["PULUMI_DEBUG_PROVIDERS"] = re.sub(r"aws:\d+", self.provider, given)
        made = Upstream(deployment, self, document["config"]["aws:region"])
        make = make_secrets_by_hand if document["config"].get("workloads") == HERE else make_what_is_expected
        for key, value in {**make(self.client, made.region, name), **settings}.items():
            deployment.set(key, value)
        deployment.write_readers()  # the committed ones are for another account
        deployment.write_agreement()
        return made


@dataclass
class Upstream:
    """A stack on the account."""

    deployment: Deployment
    account: Account
    region: str
    options: str = ""
    """The set of options that is on (see generators.ci_calls.OPTIONS)."""

    def client(self, service: str) -> Any:  # noqa: ANN401
        """Return a client of the account's API in the stack's region."""
        return self.account.client(service, self.region)

    def gated_up(self, scenario: str) -> Ran:
        """Apply, with every pack, as `make up` does."""
        return self._run(scenario, ("ci-deploy",), *self.deployment.command("up", "--yes"), folder=PROJECT)

    def up(
        self,
        scenario: str,
        *,
        preview: bool = False,
        roles: Sequence[Role] = ("ci-deploy",),
        without_workloads: bool = False,
    ) -> Ran:
        """Apply without packs; first make a preview if its answers from the provider are wanted."""
        options = (*(() if preview else ("--skip-preview",)), *(WITHOUT_WORKLOADS if without_workloads else ()))
        return self._pulumi(scenario, roles, "up", "--yes", "--suppress-outputs", *options)

    def apply_as_ci(self, scenario: str) -> list[Ran]:
        """Apply without packs, as CI's job on main does: in two updates, each with its role."""
        return [
            self.up(f"{scenario}, without workloads", without_workloads=True),
            self.up(scenario, roles=("ci-workloads",)),
        ]

    def operate(self, scenario: str, command: str, *options: str) -> Ran:
        """Run another command of `operations` on the stack, as a person with an administrator's credentials does."""
        where = ("--stack", self.deployment.stack, "--project", str(self.deployment.project))
        return self._run(scenario, (), sys.executable, "-m", "operations", command, *where, *options, folder=PROJECT)

    def preview(self, scenario: str, role: Role = "ci-deploy") -> Ran:
        """Preview without packs."""
        return self._pulumi(scenario, (role,), "preview", "--diff")

    def refresh(self, scenario: str) -> Ran:
        """Compare the state with the account; no change is expected."""
        return self._pulumi(
            scenario, ("ci-deploy", "ci-preview"), "refresh", "--yes", "--skip-preview", "--expect-no-changes"
        )

    def search_for_drift(self, scenario: str) -> Ran:
        """Compare the state with the account as CI does each day; no change is expected."""
        command = self.deployment.command("refresh", "--preview-only", "--expect-no-changes", "--without-secrets")
        return self._run(scenario, ("ci-preview",), *command, folder=PROJECT)

    def destroy(self, scenario: str, roles: Sequence[Role] = ("ci-deploy",)) -> Ran:
        """Destroy everything, as `make destroy` does."""
        command = self.deployment.command("destroy", "--confirm", self.deployment.stack)
        return self._run(scenario, roles, *command, folder=PROJECT)

    def left(self) -> list[str]:
        """Return what the account still has of the stack, found by the stack's names."""
        iam, edge, ecs = self.client("iam"), self.account.client("acm", "us-east-1"), self.client("ecs")
        clusters = ecs.describe_clusters(clusters=ecs.list_clusters()["clusterArns"])["clusters"]
        found = [
            *(role["RoleName"] for role in iam.list_roles(MaxItems=1000)["Roles"]),
            *(policy["PolicyName"] for policy in iam.list_policies(Scope="Local", MaxItems=1000)["Policies"]),
            *(bucket["Name"] for bucket in self.client("s3").list_buckets()["Buckets"]),
            *(group["TargetGroupName"] for group in self.client("elbv2").describe_target_groups()["TargetGroups"]),
            *(one["LoadBalancerName"] for one in self.client("elbv2").describe_load_balancers()["LoadBalancers"]),
            *(one["Name"].lstrip("/") for one in self.client("ssm").describe_parameters(MaxResults=50)["Parameters"]),
            *(one["DomainName"] for one in edge.list_certificates()["CertificateSummaryList"]),
            *(cluster["clusterName"] for cluster in clusters if cluster["status"] == "ACTIVE"),
            *(one["DBClusterIdentifier"] for one in self.client("rds").describe_db_clusters()["DBClusters"]),
            *(one["FunctionName"] for one in self.client("lambda").list_functions()["Functions"]),
            *(url.rpartition("/")[2] for url in self.client("sqs").list_queues().get("QueueUrls", ())),
            *(
                tag["Value"]
                for vpc in self.client("ec2").describe_vpcs()["Vpcs"]
                for tag in vpc.get("Tags", ())
                if tag["Key"] == "Name"
            ),
        ]
        return [name for name in found if name.startswith(self.deployment.stack)]

    def _pulumi(self, scenario: str, roles: Sequence[Role], *arguments: str) -> Ran:
        command = ["pulumi", *arguments, "--stack", self.deployment.stack, "--non-interactive"]
        return self._run(scenario, roles, *command, folder=self.deployment.project)

    def _run(self, scenario: str, roles: Sequence[Role], *command: str, folder: Path) -> Ran:
        before = {name: len(self.account.journal(name)) for name in ("provider", "api")}
        began = time.monotonic()
        done = subprocess.run(
            command,
            cwd=folder,
            env={**self.deployment.environment, **self.account.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1800,
            check=False,
        )
        seconds = time.monotonic() - began
        provider, api = (self.account.journal(name)[number:] for name, number in before.items())
        ran = Ran(
            scenario=scenario,
            stack=self.deployment.stack,
            roles=roles,
            options=self.options,
            code=done.returncode,
            out=done.stdout,
            seconds=seconds,
            provider=provider,
            api=api,
        )
        self.account.runs.append(ran)
        return ran


@contextmanager
def empty_account(folder: Path, types: Sequence[str]) -> Iterator[Account]:
    """Serve an empty account, and a provider that knows these AWS types."""
    with (
        serving("tests.upstream.aws_server", str(folder / "api.jsonl")) as server,
        serving("tests.upstream.bridged_provider", server, str(folder / "provider.jsonl"), *types) as provider,
    ):
        yield Account(folder, server, provider)


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[str]:
    """Run a module that prints an address and serves; yield the address."""
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


def make_what_is_expected(client: Callable[[str, str], Any], region: str, stack: str) -> dict[str, Any]:
    """Create what a stack finds in its account (network, secrets made by hand), and return the settings for it.

    `client` returns a client of the account's API for a service and a region.
    """
    ec2 = client("ec2", region)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=region + "ab"[number % 2])
        for number in range(4)
    ]
    ids = [subnet["Subnet"]["SubnetId"] for subnet in subnets]
    groups = {
        key: ec2.create_security_group(GroupName=key, Description=key, VpcId=vpc)["GroupId"]
        for key in ("backstageSecurityGroupId", "prefectSecurityGroupId", "deployerSecurityGroupId")
    }
    network = {"vpcId": vpc, "privateSubnetIds": ids[:2], "publicSubnetIds": ids[2:]}
    return {**network, **groups, **make_secrets_by_hand(client, region, stack)}


def make_secrets_by_hand(client: Callable[[str, str], Any], region: str, stack: str) -> dict[str, Any]:
    """Create what every stack finds in its account, as `make_what_is_expected` does: secrets, and CloudFront's list."""
    ec2, secrets = client("ec2", region), client("secretsmanager", region)
    prefixes = ec2.create_managed_prefix_list(PrefixListName="cloudfront", MaxEntries=1, AddressFamily="IPv4")
    names = Names(NAME, stack, ACCOUNT, region)
    existing = {secret["Name"] for secret in secrets.list_secrets(MaxResults=100)["SecretList"]}
    for name in (secret.name(names) for secret in SECRETS if secret.maker is not Maker.PROGRAM):
        if name not in existing:  # two stacks of one account share some
            secrets.create_secret(Name=name, SecretString=KINDE_SECRET)
    kinde = secrets.describe_secret(SecretId=f"{stack}/kinde/client-secret")["ARN"]
    return {
        "cloudfrontPrefixListId": prefixes["PrefixList"]["PrefixListId"],
        "kindeClientSecret": kinde.partition(":secret:")[2],
    }
