"""Two stacks on upstream provider code: created, left alone, changed in every way, destroyed.

One account, in order: each test builds on those before it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.breakages import ONE_A_PACK, break_project
from tests.engine.deployment import HEADER_SECRET, NEXT_HEADER_SECRET, NEXT_KINDE_SECRET
from tests.planning import plan_of
from tests.upstream.deployment import Account, Ran, Upstream

pytestmark = [pytest.mark.engine, pytest.mark.upstream]

RULE = "aws:lb/listenerRule:ListenerRule"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
TARGET_GROUP = "aws:lb/targetGroup:TargetGroup"
PARAMETER = "aws:ssm/parameter:Parameter"
EGRESS_RULE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"

OPTIONS: dict[str, tuple[Any, Any]] = {
    "onlyCloudflareViewers": (False, True),
    "sessionSeconds": (3600, 43200),
    "priceClass": ("PriceClass_200", "PriceClass_100"),
    "openPrefectMachineApi": (True, False),
    "parkMode": ("parked", "unparked"),
    "databaseRestoreMode": ("clean", "from_final_snapshot"),
    "circleciProviderManaged": (False, True),
    "manageZoneSettings": (True, False),
}
"""Setting -> another value, and the original one. All are set and reset together, since they are independent."""


def aws_types(stack: str) -> list[str]:
    return [step.type for step in plan_of(stack).steps if step.type.startswith("aws:")]


def assert_settled(stack: Upstream, after: str) -> None:
    """A plan made now is empty."""
    ran = stack.preview(f"preview after: {after}")
    assert ran.differing == []
    assert ran.refused == []


def changes_of(ran: Ran) -> list[tuple[str, str]]:
    """What a run changed; the run must have succeeded."""
    assert ran.refused == []
    return ran.changes


@pytest.fixture(scope="module")
def prod(account: Account) -> Upstream:
    stack = account.stack("prod")
    stack.options = "only-cloudflare"
    return stack


@pytest.fixture(scope="module")
def dev(account: Account) -> Upstream:
    return account.stack("dev", circleciProviderManaged=False, readSecretsInPreview=True)


BREAKAGES = {row["id"]: row for row in ONE_A_PACK}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_violation_of_each_pack_stops_the_first_up_before_anything_is_created(breakage: str, prod: Upstream) -> None:
    row, project = BREAKAGES[breakage], prod.deployment.project
    files = ["__main__.py", *(change["file"] for change in row.get("replacements", [row] if "file" in row else []))]
    kept = {file: (project / file).read_text() for file in files}
    break_project(project, row)
    ran = prod.gated_up(f"first up with a violation: {breakage}")
    for file, text in kept.items():
        (project / file).write_text(text)
    assert ran.code != 0
    assert [rule for rule in row["expect"] if rule.partition("/")[2] not in ran.out] == []
    assert ran.changes == []
    assert [call for call in ran.api if call["operation"].startswith(("Create", "Put"))] == []


def test_the_first_gated_up_creates_every_resource_once(prod: Upstream) -> None:
    changes = changes_of(prod.gated_up("first up, gated"))
    assert sorted(changes) == sorted(("Create", type_) for type_ in aws_types("prod"))


def test_a_second_gated_up_changes_nothing(prod: Upstream) -> None:
    assert changes_of(prod.gated_up("second up, gated")) == []


def test_a_refresh_finds_no_difference(prod: Upstream) -> None:
    assert changes_of(prod.refresh("refresh")) == []


def test_a_preview_that_may_not_read_the_secret_shows_only_the_rules_with_it(prod: Upstream) -> None:
    ran = prod.preview("preview of a pull request", "ci-preview")
    assert ran.refused == []
    assert [text.partition("::")[0] for text in ran.differing] == [RULE] * 2


def test_a_preview_that_reads_the_secret_finds_nothing_to_change(prod: Upstream) -> None:
    prod.deployment.set("readSecretsInPreview", True)
    assert_settled(prod, "the first up")


def test_the_header_secret_is_rotated_in_place(prod: Upstream) -> None:
    # From here on nothing waits for distributions, which takes half a minute each. The gate wants the program to wait.
    old = "            is_ipv6_enabled=True,"
    prod.deployment.edit("components/distribution.py", old, f"            wait_for_deployment=False,\n{old}")
    prod.deployment.configure(originHeaderSecret=NEXT_HEADER_SECRET, previousOriginHeaderSecret=HEADER_SECRET)
    changes = changes_of(prod.up("header secret, both let in"))
    assert Counter(changes) == {("Update", RULE): 2, ("Update", DISTRIBUTION): 2, ("Update", PARAMETER): 1}
    in_order = [type_ for _, type_ in changes if type_ != PARAMETER]
    assert in_order == [RULE, RULE, DISTRIBUTION, DISTRIBUTION]
    prod.deployment.configure(previousOriginHeaderSecret=None)
    assert changes_of(prod.up("header secret, the new one alone")) == [("Update", RULE)] * 2


def test_the_kinde_secret_is_rotated_in_place(prod: Upstream) -> None:
    secret = f"{prod.deployment.stack}/kinde/client-secret"
    prod.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=NEXT_KINDE_SECRET)
    assert changes_of(prod.up("Kinde secret")) == [("Update", RULE)] * 2
    assert_settled(prod, "both secrets")


@pytest.mark.parametrize(("state", "place"), [("on", 0), ("off", 1)])
def test_every_option_can_be_set_and_reset(state: str, place: int, prod: Upstream) -> None:
    for key, values in OPTIONS.items():
        prod.deployment.set(key, values[place])
    assert {method for method, _ in changes_of(prod.up(f"options, {state}", preview=True))} == {
        "Create",
        "Update",
        "Delete",
    }
    assert_settled(prod, f"options, {state}")


def test_an_existing_web_acl_is_attached_and_detached(prod: Upstream) -> None:
    seen = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "own"}
    acl = prod.account.client("wafv2", "us-east-1").create_web_acl(
        Name="own", Scope="CLOUDFRONT", DefaultAction={"Allow": {}}, VisibilityConfig=seen
    )["Summary"]["ARN"]
    for state, value in (("on", acl), ("off", "")):
        prod.options = "own-web-acl" if value else "only-cloudflare"
        prod.deployment.set("webAclArn", value)
        prod.deployment.set("onlyCloudflareViewers", not value)
        changes = changes_of(prod.up(f"a web ACL of one's own, {state}"))
        assert Counter(changes)["Update", DISTRIBUTION] == 2
        assert_settled(prod, f"a web ACL of one's own, {state}")


def test_a_resource_with_a_new_name_or_port_is_created_before_the_old_one_is_deleted(prod: Upstream) -> None:
    prod.deployment.edit("components/catalogue.py", 'ORK_PROCESSOR = "ork-processor"', 'ORK_PROCESSOR = "ork-worker"')
    prod.deployment.write_readers()
    prod.deployment.edit("components/applications.py", "port=7007", "port=7008")
    ran = prod.up("a role's name and a target group's port", preview=True)
    changes = changes_of(ran)
    assert Counter(changes) == Counter(
        [
            *(("Create", ROLE), ("Create", ROLE_POLICY), ("Update", ROLE_POLICY)),
            *(("Delete", ROLE), ("Delete", ROLE_POLICY)),
            *(("Update", EGRESS_RULE), ("Create", TARGET_GROUP), ("Update", RULE), ("Delete", TARGET_GROUP)),
        ]
    )
    made, led = changes.index(("Create", TARGET_GROUP)), changes.index(("Update", RULE))
    assert made < led < changes.index(("Delete", TARGET_GROUP))
    assert_settled(prod, "new names")


SMALL_CHANGES = (
    ("components/naming.py", '"ManagedBy": "pulumi"', '"MadeBy": "pulumi"'),
    ("components/load_balancer.py", "ssl_policy=TLS_POLICY", 'ssl_policy="ELBSecurityPolicy-TLS13-1-2-2021-06"'),
    ("components/load_balancer.py", "idle_timeout=300", "idle_timeout=200"),
    ("components/guarded_application.py", "interval=15", "interval=20"),
    ("components/guarded_application.py", "            priority=priority,", "            priority=priority + 1,"),
    ("components/way_in.py", "access_control_max_age_sec=31_536_000", "access_control_max_age_sec=63_072_000"),
    ("components/secret_containers.py", "{secret.purpose}; ", "{secret.purpose}: "),
    ("components/parameters.py", "description=parameter.purpose", 'description=parameter.purpose + "."'),
    ("components/guarded_role.py", "description=args.description,", "description='.', max_session_duration=7200,"),
)
"""File, old text, new text: changes that update nearly every type in place."""


def test_small_changes_are_made_in_place(prod: Upstream) -> None:
    for change in SMALL_CHANGES:
        prod.deployment.edit(*change)
    changes = changes_of(prod.up("small changes and a tag's new name, of everything"))
    assert {method for method, _ in changes} == {"Update"}
    assert len(changes) > 60
    assert_settled(prod, "small changes")


def test_a_resource_removed_from_the_program_is_deleted(prod: Upstream) -> None:
    prod.deployment.edit("components/parameters.py", "in args.values.items():", "in list(args.values.items())[:-1]:")
    assert changes_of(prod.up("a parameter less")) == [("Delete", PARAMETER)]


def test_a_component_with_a_new_name_and_an_alias_keeps_everything(prod: Upstream) -> None:
    alias = 'aliases=[pulumi.Alias(name="way-in")]'
    prod.deployment.edit("__main__.py", '    "way-in",', '    "entrance",')
    prod.deployment.edit("__main__.py", "if premises else None),\n)", f"if premises else None, {alias}),\n)")
    ran = prod.up("a component's name, with an alias")
    assert changes_of(ran) == []
    assert ran.replaced == set()


def test_the_next_up_finishes_after_errors_of_aws(dev: Upstream, account: Account) -> None:
    account.faults(
        {"operation": "CreateRole", "code": "Throttling", "status": 400, "times": 2},
        {"operation": "PutParameter", "code": "ThrottlingException", "status": 400, "times": 1},
        {"operation": "CreateTargetGroup", "code": "ServiceUnavailable", "status": 503, "times": 1},
        {"operation": "GetRole", "code": "NoSuchEntity", "status": 404, "times": 2},
        {"operation": "PutBucketVersioning", "code": "AccessDenied", "status": 403, "times": 1},
        {"operation": "CreateSecret", "times": 2},
        {"operation": "CreateBucket", "times": 1},
    )
    failed = dev.gated_up("first up, gated, with faults")
    account.faults()
    assert failed.code != 0
    assert {call["type"] for call in failed.provider if call.get("error")} == {
        "aws:s3/bucketVersioning:BucketVersioning"
    }
    finished = dev.gated_up("the next up, gated")
    made = Counter(failed.changes) + Counter(changes_of(finished))
    refused = Counter({("Create", "aws:s3/bucketVersioning:BucketVersioning"): 1})
    wanted = Counter(("Create", type_) for type_ in aws_types("dev"))
    # Only one stack in an account creates the issuer of CI's tokens, and here that is the other one.
    assert made - refused == wanted - Counter({("Create", "aws:iam/openIdConnectProvider:OpenIdConnectProvider"): 1})
    assert_settled(dev, "the next up")


def test_the_other_stack_in_the_account_is_unchanged(prod: Upstream) -> None:
    assert changes_of(prod.refresh("refresh beside another stack")) == []


def test_development_is_destroyed_to_the_last_resource(dev: Upstream) -> None:
    assert dev.destroy("destroy").refused == []
    assert dev.deployment.resources() == []
    assert dev.left() == []


def test_production_is_destroyed_once_nothing_is_protected(prod: Upstream) -> None:
    refused = prod.destroy("destroy what is protected")
    assert refused.code != 0
    assert refused.changes == []
    prod.deployment.pulumi("state", "unprotect", "--all", "--yes")
    balancers = prod.client("elbv2")
    for balancer in balancers.describe_load_balancers()["LoadBalancers"]:
        balancers.modify_load_balancer_attributes(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}],
        )
    assert prod.destroy("destroy").refused == []
    assert prod.deployment.resources() == []
    assert prod.left() == []
