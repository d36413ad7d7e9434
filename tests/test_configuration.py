"""Bad configuration: one screen lists every problem, exit code 2, nothing is registered, no traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from operations.stack import load
from stackfiles.failures import BadConfiguration
from tests.owner import lay
from tests.planning import PROJECT, copy_project, plan_only, rehearse

SECRET = {"secure": "v1:EXAMPLE:EXAMPLE"}
STATE_KEY = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
WEB_ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/own/0a1b2c3d-0000-4000-8000-000000000000"

# Key -> (value in the stack's file, or None to remove the key; what the screen says about it).
FAULTS: dict[str, tuple[Any, str]] = {
    "aws:region": ("Mars", "aws:region: `Mars` won't do; accepted: an AWS region such as eu-central-1"),
    "partition": ("aws-us-gov", "partition: `aws-us-gov` won't do; accepted: aws"),
    "aws:allowedAccountIds": ("123456789012", "aws:allowedAccountIds: is `123456789012`; accepted: a list"),
    "vpcId": (None, "vpcId: is missing; accepted: a VPC id such as vpc-0123456789abcdef0"),
    "vpcID": ("vpc-0123456789abcdef0", "vpcID: no such key; the nearest is vpcId"),
    "kindeDomain": ("https://example.kinde.com/", "kindeDomain: `https://example.kinde.com/` won't do"),
    "kindeClientSecret": (
        "dev/kinde/client-secret-2pS4d3",
        "belongs to another environment; accepted: a name that starts with prod/",
    ),
    "privateSubnetIds": (
        ["subnet-0123456789abcdef0", "subnet-0123456789abcdef0"],
        "privateSubnetIds: `['subnet-0123456789abcdef0', 'subnet-0123456789abcdef0']` won't do; "
        "has subnet-0123456789abcdef0 more than once; accepted: each value once",
    ),
    "publicSubnetIds": (["subnet-0123456789abcdef0"], "has too few values; accepted: at least 2"),
    "webAclArn": ("arn:aws:wafv2:eu-central-1:1:x", "webAclArn: `arn:aws:wafv2:eu-central-1:1:x` won't do"),
    "circleciProviderManaged": ("maybe", "circleciProviderManaged: `maybe` won't do; accepted: true or false"),
    "cloudflareZoneId": (
        "01234567890123456789012345678e12",  # PyYAML writes it without quotes, as people do
        "accepted: a Cloudflare zone id, 32 hexadecimal digits; YAML takes digits without quotes for a number and may "
        "change them: write the value in quotes",
    ),
    "parkMode": ("half", "parkMode: `half` won't do; accepted: parked or unparked"),
    "secretRecoveryDays": (3, "secretRecoveryDays: `3` won't do; accepted: 7 to 30"),
    "sessionSeconds": ("a day", "sessionSeconds: `a day` won't do; accepted: a whole number"),
    "bucketSuffix": (
        "data-s3alias",
        "bucketSuffix: `data-s3alias` won't do; accepted: account-id, or at most 23 lower-case letters",
    ),
    "stateBucket": (
        "State",
        "stateBucket: `State` won't do; accepted: a bucket's name: 3 to 63 lower-case letters",
    ),
    "stateKeyArn": (
        "alias/state",
        "stateKeyArn: `alias/state` won't do; accepted: the ARN of a KMS key (not of an alias)",
    ),
    "previewReadsState": ("perhaps", "previewReadsState: `perhaps` won't do; accepted: true or false"),
    "circleciRepository": ("https://github.com/a/b", "accepted: a repository such as github.com/owner/name"),
    "ciIssuer": ("gitlab", "ciIssuer: `gitlab` won't do; accepted: circleci or github or both"),
    "githubRepository": ("github.com/a/b", "githubRepository: `github.com/a/b` won't do; accepted: owner/name"),
    "rolePath": ("roles", "rolePath: `roles` won't do; accepted: a path such as / or /service-roles/"),
    "originHeaderSecret": ("not-a-secret-at-all", "originHeaderSecret: is stored in plain text"),
}


def configure(project: Path, stack: str, changes: dict[str, Any]) -> None:
    """Change keys of a stack's file; None removes a key."""
    file = project / f"Pulumi.{stack}.yaml"
    document = yaml.safe_load(file.read_text())
    for key, value in changes.items():
        document["config"].pop(key, None)
        if value is not None:
            document["config"][key] = value
    file.write_text(yaml.safe_dump(document))


def words(text: str) -> str:
    """The text without the line breaks of a narrow screen."""
    return " ".join(text.split())


def test_all_problems_on_one_screen(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    configure(project, "prod", {key: value for key, (value, _) in FAULTS.items()})
    plan = rehearse("prod", project, tmp_path / "plan.json")
    assert plan.exit_code == 2
    screen = words(plan.printed)
    assert [expected for _, expected in FAULTS.values() if expected not in screen] == []
    assert "The configuration of stack `prod` has 25 problems" in screen  # the header secret has two
    assert "Traceback" not in screen
    assert "not-a-secret-at-all" not in screen
    assert len(plan.printed.splitlines()) < 50
    assert [step for step in plan.steps if step.type != "pulumi:pulumi:Stack"] == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"immutable": {"role": {}}}, "immutable.role: no such key; the nearest is roles"),
        (
            {"immutable": {"roles": {"prod-backstage-tsk": {"name": "a"}}}},
            "immutable.roles.prod-backstage-tsk: no such key; the nearest is prod-backstage-task",
        ),
        (
            {"immutable": {"roles": {"prod-backstage-task": {"nam": "a"}}}},
            "immutable.roles.prod-backstage-task.nam: no such key; the nearest is name",
        ),
        (
            {"immutable": {"roles": {"prod-backstage-task": {"name": "a b"}}}},
            "immutable.roles.prod-backstage-task.name: `a b` won't do; accepted: 1 to 64 letters, digits and _+=,.@-",
        ),
        (
            {"immutable": {"targetGroups": {"prod-portal": {"port": 65536}}}},
            "immutable.targetGroups.prod-portal.port: `65536` won't do; accepted: a port, 1 to 65535",
        ),
        (
            {"immutable": {"roles": {"prod-backstage-task": {"name": None}}}},
            "immutable.roles.prod-backstage-task.name: `None` won't do; accepted: 1 to 64 letters",
        ),
        ({"immutable": {"buckets": []}}, "immutable.buckets: is `[]`; accepted: a mapping of resources to their"),
        (
            {"immutable": {"certificates": {"acm-viewer": "RSA_2048"}}},
            "immutable.certificates.acm-viewer: is `RSA_2048`; accepted: a mapping with keyAlgorithm",
        ),
        ({"aws:region": "us-gov-west-1"}, "accepted: an AWS region such as eu-central-1, in the partition that has"),
        ({"aws:region": "cn-north-1"}, "aws:region: `cn-north-1` won't do; accepted: an AWS region"),
        ({"secretRecoveryDays": 0}, "secretRecoveryDays: `0` won't do; accepted: 7 to 30"),
        (
            {"aws:allowedAccountIds": ["123456789012", "210987654321"]},
            "accepted: exactly one account, the one that this stack belongs to",
        ),
        (
            {"aws:allowedAccountIds": ["012345678912"]},  # PyYAML writes it without quotes, as people do
            "isn't text; accepted: an AWS account id, 12 digits; YAML takes digits without quotes for a number",
        ),
        (
            {"domain": f"{'a' * 40}.{'b' * 10}.org"},
            "of 65 characters; accepted: a domain of at most 54 characters, so that no host has more than",
        ),
        (
            {"webAclArn": WEB_ACL},
            "webAclArn: can't be combined with onlyCloudflareViewers, which creates a web ACL; set that to `false`, or "
            "leave webAclArn empty",
        ),
        (
            {"circleciProjectId": None},
            "circleciProjectId: is missing; accepted: a value, or a ciIssuer that isn't circleci",
        ),
        ({"ciIssuer": "both"}, "githubRepository: is missing; accepted: a value, or a ciIssuer that isn't github"),
        ({"stateBucket": "the-state"}, "stateKeyArn: is missing, but stateBucket is set; accepted: both or neither"),
        ({"previewReadsState": True}, "previewReadsState: `true` needs stateBucket and stateKeyArn"),
        (
            {"stateBucket": "prod-state", "stateKeyArn": STATE_KEY},
            "stateBucket: `prod-state` is named like the stack's own buckets, but isn't one",
        ),
        (
            {"stateBucket": "the-state", "stateKeyArn": STATE_KEY.replace("-central-", "-west-")},
            "is in another account, region or partition; accepted: arn:aws:kms:eu-central-1:123456789012:key/ID",
        ),
    ],
    ids=[
        *("kind", "resource", "property", "value", "nothing", "port", "no mapping", "text in place of values"),
        *("region of another partition", "region of China"),
        *("recovery", "two accounts", "account without quotes", "long domain", "two web ACLs"),
        *("no CircleCI project", "no GitHub repository"),
        *("bucket without key", "preview without bucket", "bucket like data", "key elsewhere"),
    ],
)
def test_problems_between_values(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    """The message of every command of `operations`; a plan reads the file in the same way, and reports it as above."""
    project = lay(tmp_path)
    configure(project, "prod", changes)
    with pytest.raises(BadConfiguration) as found:
        load(project, "prod")
    assert expected in words(str(found.value))
    assert "has 1 problem:" in words(str(found.value))


def test_the_same_header_secret_twice(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    configure(project, "prod", {"previousOriginHeaderSecret": SECRET})
    # A rehearsal decrypts no secret; here its stand-ins are equal, as the real values would be.
    settings = project / "components" / "settings.py"
    alike = settings.read_text().replace('f"{number:064x}"', 'f"{7:064x}"')
    assert alike != settings.read_text()
    settings.write_text(alike)
    plan = rehearse("prod", project, tmp_path / "plan.json")
    assert plan.exit_code == 2
    assert "previousOriginHeaderSecret: is the current secret; accepted: the one before it, or nothing" in words(
        plan.printed
    )


@pytest.mark.parametrize("stack", ["My_Stack", "staging-", "new--dev", "a"])
def test_a_stack_name_that_cannot_be_an_environment(tmp_path: Path, stack: str) -> None:
    """The message of every command of `operations`; a plan reads the file in the same way."""
    project = lay(tmp_path)
    (project / "Pulumi.dev.yaml").rename(project / f"Pulumi.{stack}.yaml")
    with pytest.raises(BadConfiguration, match=f"`{stack}` can't be an environment"):
        load(project, stack)


def test_the_longest_domain_fits_certificates_and_comments(tmp_path: Path) -> None:
    """The limits are those of ACM's first name (64) and of Cloudflare's comments (100)."""
    project = copy_project(tmp_path)
    configure(project, "prod", {"domain": f"{'a' * 39}.{'b' * 10}.org"})
    plan = plan_only("prod", project, tmp_path / "plan.json")
    assert max(len(one["domainName"]) for one in plan.inputs("aws:acm/certificate:Certificate")) <= 64
    hosts = [one["name"] for one in plan.inputs("cloudflare:index/dnsRecord:DnsRecord") if one["name"] != plan.unknown]
    assert max(map(len, hosts)) == 64
    assert max(len(one["comment"]) for one in plan.inputs("cloudflare:index/dnsRecord:DnsRecord")) <= 100


def test_the_schema_and_the_settings_name_the_same_keys() -> None:
    from components.settings import SECRET_KEYS, Settings

    schema = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["config"]
    fields = {field.alias: field for field in Settings.model_fields.values()}
    # The engine's schema has no optional secrets.
    assert {*schema, "previousOriginHeaderSecret"} == {key for key in fields if key and ":" not in key}
    assert {key for key, entry in schema.items() if entry.get("secret")} == {*SECRET_KEYS} & {*schema}
    assert {key for key, entry in schema.items() if not entry.get("description")} == set()
