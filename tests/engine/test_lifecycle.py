"""A stack's life on the real engine: created, left alone, rotated, renamed, destroyed."""

from __future__ import annotations

import shlex
import shutil

import pytest

from operations import engine_state
from tests.engine.conftest import Deploy, first_up
from tests.engine.deployment import (
    HEADER_SECRET,
    NEXT_HEADER_SECRET,
    NEXT_KINDE_SECRET,
    Deployment,
)
from tests.planning import NAME, plan_of

pytestmark = pytest.mark.engine

RULE = "aws:lb/listenerRule:ListenerRule"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
TARGET_GROUP = "aws:lb/targetGroup:TargetGroup"
PARAMETER = "aws:ssm/parameter:Parameter"
SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
LISTENER = "aws:lb/listener:Listener"
CERTIFICATE = "aws:acm/certificate:Certificate"
VALIDATION = "aws:acm/certificateValidation:CertificateValidation"
EGRESS_RULE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
BOTH_HOSTS = ["prod-pipelines", "prod-portal"]


def names(calls: list[dict[str, str]]) -> list[str]:
    return sorted(call["urn"].rpartition("::")[2] for call in calls)


def assert_state_is_what_exists(deployment: Deployment) -> None:
    in_state = sorted((resource["type"], resource["id"]) for resource in deployment.resources())
    assert in_state == deployment.existing()
    assert not deployment.state().get("pending_operations")


def test_the_first_up_creates_each_resource_once() -> None:
    deployment, outcome = first_up("prod")
    assert outcome.code == 0, outcome.out
    created = [call["urn"] for call in deployment.calls("Create")]
    assert len(created) == len(set(created)) == len(deployment.resources()) > 100
    assert deployment.changes(0) == [("Create", call["type"]) for call in deployment.calls("Create")]
    assert_state_is_what_exists(deployment)


def test_the_second_up_changes_nothing(deploy: Deploy) -> None:
    deployment = deploy(up=True)
    before = len(deployment.journal())
    outcome = deployment.up()
    assert outcome.code == 0, outcome.out
    assert deployment.changes(before) == []
    assert f"{len(plan_of('prod').steps)} unchanged" in outcome.out
    assert_state_is_what_exists(deployment)


def test_a_new_kinde_secret_updates_the_rules_of_both_hosts_and_nothing_else(deploy: Deploy) -> None:
    deployment = deploy(up=True)
    before = len(deployment.journal())
    deployment.kinde_secret(NEXT_KINDE_SECRET)
    outcome = deployment.up()
    assert outcome.code == 0, outcome.out
    assert deployment.changes(before) == [("Update", RULE)] * 2
    updates = deployment.calls("Update", before)
    assert names(updates) == BOTH_HOSTS
    assert [call["changed"] for call in updates] == [["actions"]] * 2
    rules = [resource for resource in deployment.account_resources() if resource.type == RULE]
    assert [NEXT_KINDE_SECRET in str(rule.properties) for rule in rules] == [True, True]


def test_the_header_secret_is_rotated_in_two_steps_and_never_refused(deploy: Deploy) -> None:
    deployment = deploy(up=True)
    before = len(deployment.journal())
    deployment.configure(originHeaderSecret=NEXT_HEADER_SECRET, previousOriginHeaderSecret=HEADER_SECRET)
    outcome = deployment.up()
    assert outcome.code == 0, outcome.out
    updates = deployment.calls("Update", before)
    types = [call["type"] for call in updates]
    assert sorted(types) == sorted([RULE] * 2 + [DISTRIBUTION] * 2 + [PARAMETER])
    # Both rules accept the new value before any distribution sends it.
    in_order = [type_ for type_ in types if type_ != PARAMETER]
    assert in_order == [RULE, RULE, DISTRIBUTION, DISTRIBUTION]
    assert_let_in(deployment, {NEXT_HEADER_SECRET, HEADER_SECRET})

    before = len(deployment.journal())
    deployment.configure(previousOriginHeaderSecret=None)
    outcome = deployment.up()
    assert outcome.code == 0, outcome.out
    assert deployment.changes(before) == [("Update", RULE)] * 2
    assert_let_in(deployment, {NEXT_HEADER_SECRET})


def assert_let_in(deployment: Deployment, secrets: set[str]) -> None:
    rules = [resource for resource in deployment.account_resources() if resource.type == RULE]
    assert len(rules) == 2
    for rule in rules:
        (values,) = (
            condition["httpHeader"]["values"]
            for condition in rule.properties["conditions"]
            if "httpHeader" in condition
        )
        assert set(values) == secrets


def test_a_renamed_resource_is_created_before_the_old_one_is_deleted(deploy: Deploy) -> None:
    deployment = deploy(up=True)
    before = len(deployment.journal())
    # One name changes in the program too (another URN), the other in AWS alone, since the port can't change in place.
    deployment.edit("components/catalogue.py", 'ORK_PROCESSOR = "ork-processor"', 'ORK_PROCESSOR = "ork-worker"')
    deployment.write_readers()
    deployment.edit("components/applications.py", "port=7007", "port=7008")
    deployment.edit("components/load_balancer.py", '"Load balancer: from', '"Balancer: from')
    deployment.edit("components/certificates.py", '"EC_prime256v1"', '"RSA_2048"')
    deployment.write_agreement()
    outcome = deployment.up()
    assert outcome.code == 0, outcome.out
    existing = {id_ for type_, id_ in deployment.existing() if type_ == ROLE}
    assert "prod-ork-worker" in existing
    assert "prod-ork-processor" not in existing
    changed = deployment.changes(before)
    assert sorted(changed) == sorted(
        # CI's deploy role lists the roles that it may create.
        [
            *(("Create", ROLE), ("Create", ROLE_POLICY), ("Update", ROLE_POLICY)),
            *(("Delete", ROLE), ("Delete", ROLE_POLICY)),
            *(("Create", TARGET_GROUP), ("Update", RULE), ("Delete", TARGET_GROUP)),
            *(("Create", SECURITY_GROUP), ("Update", BALANCER), ("Delete", SECURITY_GROUP)),
            *(("Create", INGRESS_RULE), ("Delete", INGRESS_RULE)),
            *[("Create", EGRESS_RULE), ("Delete", EGRESS_RULE)] * 3,
            *[("Create", CERTIFICATE), ("Create", VALIDATION), ("Delete", VALIDATION), ("Delete", CERTIFICATE)] * 2,
            *(("Update", LISTENER), ("Update", DISTRIBUTION), ("Update", DISTRIBUTION)),
        ]
    )
    # Traffic goes on, and AWS deletes nothing in use: everything that refers to the old one moves to the new one first.
    last = {change: index for index, change in enumerate(changed)}
    for replaced, users in {
        TARGET_GROUP: [RULE],
        SECURITY_GROUP: [BALANCER],
        CERTIFICATE: [LISTENER, DISTRIBUTION],
    }.items():
        assert last["Create", replaced] < min(last["Update", user] for user in users)
        assert max(last["Update", user] for user in users) < changed.index(("Delete", replaced))
    assert_state_is_what_exists(deployment)


def test_renaming_a_protected_bucket_is_refused_and_loses_nothing(deploy: Deploy) -> None:
    deployment = deploy(up=True)
    existing = deployment.existing()
    deployment.edit("components/catalogue.py", 'RAW = "raw"', 'RAW = "unrefined"')
    outcome = deployment.up()
    assert outcome.code != 0
    assert "protect" in outcome.out
    assert set(existing) <= set(deployment.existing())


def test_development_is_destroyed_to_the_last_resource_once_its_name_is_given(deploy: Deploy) -> None:
    deployment = deploy("dev", up=True)
    refused = deployment.run("destroy")
    assert refused.code == 2
    assert "accepted: --confirm dev" in refused.out
    wrong = deployment.run("destroy", "--confirm", "prod")
    assert wrong.code == 2
    assert deployment.calls("Delete") == []
    outcome = deployment.run("destroy", "--confirm", "dev")
    assert outcome.code == 0, outcome.out
    assert deployment.existing() == []
    assert deployment.resources() == []


def test_production_can_not_be_destroyed_while_it_is_protected(deploy: Deploy) -> None:
    deployment = deploy(up=True)
    outcome = deployment.run("destroy", "--confirm", "prod")
    assert outcome.code != 0
    assert "protect" in outcome.out
    kept = {type_ for type_, _ in deployment.existing()}
    assert {"aws:secretsmanager/secret:Secret", "aws:s3/bucket:Bucket", DISTRIBUTION} <= kept


def test_a_foreign_account_is_refused_before_anything_is_created(deploy: Deploy) -> None:
    deployment = deploy()
    (deployment.cloud / "account-id").write_text("999999999999")
    outcome = deployment.up()
    assert outcome.code != 0
    assert "AWS account ID not allowed" in outcome.out
    assert [call for call in deployment.calls("Create") if call["type"].startswith("aws:")] == []
    assert NAME in outcome.out


def test_a_resource_outside_the_state_can_be_imported_as_preflight_says(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = deploy(up=True)
    secret = next(resource for resource in deployment.resources() if resource["urn"].endswith("::db/admin"))
    forgotten = deployment.pulumi("state", "delete", secret["urn"], "--force", "--target-dependents", "--yes")
    assert forgotten.code == 0, forgotten.out
    for key, value in deployment.environment.items():
        monkeypatch.setenv(key, value)
    state = engine_state.load(deployment.project, "prod")
    assert (secret["type"], secret["id"]) not in state
    assert len(state.made) == len(deployment.resources())

    text = engine_state.explain_import(
        state, (secret["type"], "db/admin", secret["id"]), ("guarded:secrets:SecretContainers", "secrets"), "prod"
    )
    words = shlex.split(text.split("`")[-2])
    assert words[-2:] == ["--stack", "prod"]
    before = len(deployment.journal())
    imported = deployment.pulumi(*words[1:-2], "--yes")
    assert imported.code == 0, imported.out
    outcome = deployment.up()
    assert outcome.code == 0, outcome.out
    # Inputs that a provider can't read from the account, such as the recovery window, are set again, and no more.
    assert set(deployment.changes(before)) <= {("Update", secret["type"])}
    assert_state_is_what_exists(deployment)


def test_the_state_of_a_stack_unknown_to_the_backend_is_empty(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = deploy()
    for key, value in deployment.environment.items():
        monkeypatch.setenv(key, value)
    shutil.copy(deployment.project / "Pulumi.dev.yaml", deployment.project / "Pulumi.nowhere.yaml")
    assert not engine_state.load(deployment.project, "nowhere").made
