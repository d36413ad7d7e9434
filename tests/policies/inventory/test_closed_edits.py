"""Edits of the real plan that once passed, found by random edits: each widens a grant, a boundary or another limit."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.judged_plan import JudgedPlan, Planned, judged_plan

POLICY: Final = "aws:iam/policy:Policy"
ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"

Statement = dict[str, Any]


@pytest.fixture(scope="module")
def plan() -> JudgedPlan:
    return judged_plan("prod")


def with_statement(policy: Planned, sid: str, change: Callable[[Statement], object]) -> Planned:
    """Return a policy with one changed statement."""
    document = json.loads(policy.inputs["policy"])
    (statement,) = [one for one in document["Statement"] if one["Sid"] == sid]
    change(statement)
    return policy.with_value("policy", json.dumps(document))


def without_tag(tag: str) -> Callable[[Statement], object]:
    return lambda statement: statement["Condition"]["StringEquals"].pop(tag)


def with_tag(tag: str, value: str | list[str]) -> Callable[[Statement], object]:
    return lambda statement: statement["Condition"]["StringEquals"].update({tag: value})


def on(resource: str) -> Callable[[Statement], object]:
    return lambda statement: statement.update(Resource=resource)


def unconditional(statement: Statement) -> object:
    return statement.pop("Condition")


CLOSED: Final = {
    "resources of another project": ("prod-ci-edge", "ManageDistributions", without_tag("aws:ResourceTag/Project")),
    "of another environment": ("prod-ci-edge", "ManageCertificates", without_tag("aws:ResourceTag/Environment")),
    "of several": (
        *("prod-ci-load-balancer", "ManageSecurityGroup"),
        with_tag("aws:ResourceTag/Environment", ["prod", "dev"]),
    ),
    "made without a tag": ("prod-ci-load-balancer", "MakeSecurityGroup", without_tag("aws:RequestTag/Project")),
}


@pytest.mark.parametrize(("name", "sid", "change"), CLOSED.values(), ids=CLOSED)
def test_a_grant_must_require_all_tags(
    plan: JudgedPlan, name: str, sid: str, change: Callable[[Statement], object]
) -> None:
    policy = plan.named(POLICY, name)
    assert plan.is_stopped_by(with_statement(policy, sid, change), {"inventory/pinned-tag"})


BOUNDARIES: Final = {
    "every secret": ("prod-workload-boundary", "ReadSecrets", on("*"), "wildcard-resource"),
    "all data": ("prod-workload-boundary", "ReadAndWriteData", on("*"), "wildcard-resource"),
    "every task": ("prod-ci-deployer-trigger-boundary", "ecs", on("*"), "wildcard-resource"),
    "roles without a boundary": (
        *("prod-ci-deploy-boundary", "MakeBoundedRoles"),
        *(unconditional, "privilege-escalation"),
    ),
}


@pytest.mark.parametrize(("name", "sid", "change", "rule"), BOUNDARIES.values(), ids=BOUNDARIES)
def test_a_boundary_must_stay_narrow(
    plan: JudgedPlan, name: str, sid: str, change: Callable[[Statement], object], rule: str
) -> None:
    policy = plan.named(POLICY, name)
    assert plan.is_stopped_by(with_statement(policy, sid, change), {f"least-privilege/{rule}"})


@pytest.mark.parametrize(
    "bucket", ["somebody-elses", "prod-blog-data-raw-12345678901", "prod-*", "prod-blog-data-raw-999988887777"]
)
def test_access_to_data_in_foreign_buckets_is_refused(plan: JudgedPlan, bucket: str) -> None:
    policy = plan.named(ROLE_POLICY, "prod-prefect-worker-task")
    elsewhere = with_statement(policy, "ReadAndWriteData", on(f"arn:aws:s3:::{bucket}/*"))
    assert plan.is_stopped_by(elsewhere, {"inventory/foreign-bucket"})


def test_a_document_given_as_a_mapping_is_judged(plan: JudgedPlan) -> None:
    policy = plan.named(ROLE_POLICY, "prod-prefect-worker-task")
    elsewhere = with_statement(policy, "ReadAndWriteData", on("arn:aws:s3:::somebody-elses/*"))
    document = json.loads(elsewhere.inputs["policy"])
    assert plan.is_stopped_by(policy.with_value("policy", document), {"inventory/foreign-bucket"})


@pytest.mark.parametrize("value", [None, ""])
def test_a_distribution_must_keep_its_web_acl(plan: JudgedPlan, value: str | None) -> None:
    distribution = plan.named("aws:cloudfront/distribution:Distribution", "prod-portal")
    assert plan.is_stopped_by(distribution.with_value("webAclId", value), {"inventory/unscreened-distribution"})


def test_tags_that_grants_depend_on_must_stay(plan: JudgedPlan) -> None:
    bucket = plan.named("aws:s3/bucket:Bucket", "prod-blog-data-raw")
    assert plan.is_stopped_by(bucket.with_value("tags.Project", "another"), {"inventory/pinned-tag"})
