"""Real provider code takes over a platform that real Terraform created, with the commands of the runbook."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from components.iam_names import every_policy_name
from components.naming import Names
from operations.adopt import hand_over
from tests.operations.adopt.terraform_estate import CANARIES, Workspace, made_within
from tests.operations.adopt.test_terraform_forgets import READS, delete
from tests.operations.adopt.zone_double import ServedZone, ZoneDouble, serving_zone
from tests.planning import NAME, PROJECT, plan_of
from tests.policies.acceptance import terraform
from tests.upstream.conftest import OF_OPTIONS
from tests.upstream.conftest import READS as LOOKUPS
from tests.upstream.deployment import Ran, Upstream, empty_account

pytestmark = pytest.mark.upstream

NETWORK: Final = (
    *("vpcId", "privateSubnetIds", "publicSubnetIds", "cloudfrontPrefixListId", "kindeClientSecret"),
    *("backstageSecurityGroupId", "prefectSecurityGroupId", "deployerSecurityGroupId"),
)
"""The settings that name what both Terraform's platform and the program find in the account."""

POLICIES: Final = every_policy_name(Names(NAME, "prod", "", ""))
IMMUTABLE: Final = {
    "policies": {name: {"description": "Managed by Terraform"} for name in POLICIES},
    "securityGroups": {"prod-edge": {"name": "prod-edge-alb", "description": "Allow CloudFront"}},
    "targetGroups": {
        name: {"name": name.replace("prod-", "prod-edge-"), "port": 80} for name in ("prod-portal", "prod-pipelines")
    },
    "certificates": {"acm-alb-origin": {"keyAlgorithm": "RSA_2048"}},
}
"""The path of roles, and the five usual differences; a new viewer certificate is created beside the old one."""
CERTIFICATE: Final = "aws:acm/certificate:Certificate"
AGREED: Final = {
    "naming": {"misplaced-iam-resource": {"path": "/"}},
    "entry_points": {"unguarded-egress": {"ports": [7007, 4200]}},
}
CREATED: Final = {
    CERTIFICATE: 1,
    "aws:acm/certificateValidation:CertificateValidation": 1,  # for that certificate; it only waits
    "aws:cloudwatch/logDelivery:LogDelivery": 2,
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": 1,
    "aws:cloudwatch/logDeliverySource:LogDeliverySource": 2,
    "cloudflare:index/dnsRecord:DnsRecord": 6,  # the zone is empty here
}
"""Type -> how many resources the program creates that Terraform's platform doesn't have."""


@dataclass(frozen=True)
class Adoption:
    """Terraform's platform, and a stack with an empty state on the same account and an empty zone."""

    stack: Upstream
    estate: Workspace
    zone: ServedZone

    def adopt(self, *arguments: str, typed: str = "") -> str:
        """Run `operations adopt`, which must succeed, and return what it prints."""
        project = str(self.stack.deployment.project)
        where = ("--stack", "prod", "--project", project, "--connect-to", self.zone.route, "--timeout", "60")
        command = [sys.executable, "-m", "operations", "adopt", *where, *arguments]
        account = {
            "CLOUDFLARE_API_TOKEN": "a token",
            "SSL_CERT_FILE": str(self.zone.authority),
            **self.stack.account.environment,
        }
        done = subprocess.run(
            command,
            cwd=PROJECT,
            env={**self.stack.deployment.environment, **account},
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1800,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def written(self) -> list[str]:
        """Return the calls so far that changed the account, or may have."""
        asked = (call.get("operation", "") for call in self.stack.account.journal("api"))
        return [operation for operation in asked if not operation.startswith(READS)]

    def leaks(self, *folders: Path) -> list[str]:
        """Return the files that contain the value of a secret of Terraform's platform."""
        files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
        return [str(path) for path in files if any(value.encode() in path.read_bytes() for value in CANARIES.values())]


@pytest.fixture(scope="module")
def adoption(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adoption]:
    """Terraform's platform, just created."""
    if reason := terraform.missing():
        pytest.skip(reason)
    planned = {step.type for step in plan_of("prod").steps if step.type.startswith("aws:")}
    folder = tmp_path_factory.mktemp("adoption")
    with empty_account(folder, sorted({*LOOKUPS, *OF_OPTIONS, *planned})) as account:
        stack = account.stack("prod", rolePath="/", immutable=IMMUTABLE)
        project = stack.deployment.project
        for pack, config in AGREED.items():
            (project / "policies" / "config" / f"{pack}.prod.json").write_text(json.dumps(config))
        given = yaml.safe_load(stack.deployment.stack_file.read_text())["config"]
        estate = made_within(folder / "estate", account.server, {key: given[key] for key in NETWORK})
        with serving_zone(ZoneDouble(given["domain"]), folder) as zone:
            yield Adoption(stack, estate, zone)


def changed(ran: Ran) -> Counter[tuple[str, str]]:
    """Return the changes that a run made to AWS, each as method and URN."""
    return Counter(
        (call["method"], call["urn"])
        for call in ran.provider
        if call["method"] in ("Create", "Update", "Delete") and not call["preview"]
    )


def left_with_terraform() -> Mapping[str, Mapping[str, Any]]:
    """Return the map's entry for the viewers' certificate."""
    (certificate,) = [step.urn for step in plan_of("prod").steps if step.urn.endswith(f"{CERTIFICATE}::acm-viewer")]
    until = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)
    return {certificate: {"reason": "One with an EC key is made beside it", "owner": "platform", "until": until}}


def test_a_platform_made_by_terraform_is_taken_over(adoption: Adoption, tmp_path: Path) -> None:
    stack, estate = adoption.stack, adoption.estate
    state, report, files = estate.state(), tmp_path / "report.json", tmp_path / "hand-over"
    read, to = ("--terraform-state", "-"), ("--folder", str(files))
    before = adoption.written()

    known = tmp_path / "map.yaml"
    known.write_text(yaml.safe_dump({"leave": left_with_terraform()}))
    printed = adoption.adopt(*read, "--map", str(known), "--report", str(report), typed=state)
    rows: list[dict[str, Any]] = json.loads(report.read_text())["rows"]
    by_verdict: dict[str, Counter[str]] = {}
    for row in rows:
        by_verdict.setdefault(row["verdict"], Counter())[_type(row["resource"])] += 1
    assert by_verdict["created"] == CREATED, printed
    assert by_verdict.keys() <= {
        *("same", "state only", "tags only", "changes in place", "created"),
        *("forgotten by Terraform", "stays with Terraform", "stays, but refers to what leaves"),
    }
    printed += adoption.adopt(*read, "--hand-over", str(report), *to, typed=state)
    printed += adoption.adopt(*read, "--take-over", str(report), typed=state)
    # The way back, which works until Terraform has forgotten; then the take-over is repeated.
    for command in (("stack", "rm", "--force", "--preserve-config", "--yes"), ("stack", "init", "--no-select")):
        assert stack.deployment.pulumi(*command).code == 0
    printed += adoption.adopt(*read, "--take-over", str(report), typed=state)
    assert adoption.written() == before
    assert adoption.leaks(stack.deployment.folder / "state", tmp_path) == []
    assert not [value for value in CANARIES.values() if value in printed]

    leaving = hand_over.read_addresses(files / hand_over.ADDRESSES)
    for name in (hand_over.REMOVED, hand_over.LOOKED_UP):
        shutil.copy(files / name, estate.folder)
    delete(
        estate.folder / "main.tf", re.findall(r"^  from = (.*)$", (files / hand_over.REMOVED).read_text(), re.MULTILINE)
    )
    assert f"It keeps none of the {len(leaving)} that have to leave" in adoption.adopt(
        "--check-plan", "-", *to, typed=estate.plan()
    )
    estate.apply()
    assert adoption.written() == before

    up = stack.gated_up("first up after an adoption")
    assert up.code == 0, up.refused
    told = {
        row["resource"]: "Create" if row["verdict"] == "created" else "Update"
        for row in rows
        if row["verdict"] in ("created", "changes in place", "tags only", "state only")
        and _type(row["resource"]).startswith("aws:")
    }
    done = changed(up)
    assert {method for method, _ in done} == {"Create", "Update"}
    assert {urn: method for method, urn in done} == told

    # Terraform still has the old certificate, which is no longer used, and everything that was never taken over.
    after = len(adoption.written())
    estate.run("destroy", "-auto-approve", "-input=false", "-no-color")
    assert sorted(adoption.written()[after:]) == ["DeleteCertificate", "DeleteLogGroup", "DeregisterTaskDefinition"]
    (new,) = stack.account.client("acm", "us-east-1").list_certificates(
        Includes={"keyTypes": ["RSA_2048", "EC_prime256v1"]}
    )["CertificateSummaryList"]
    assert new["DomainName"] == plan_of("prod").inputs(CERTIFICATE)[1]["domainName"]


def _type(resource: str) -> str:
    return resource.split("::")[2].rpartition("$")[2] if resource.startswith("urn:") else "terraform"
