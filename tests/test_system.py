"""The plan contains the system: every row of `system.yaml`, in production and in development."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.owner import config
from tests.planning import NAME, Plan, document_of, plan_of

TABLE = (Path(__file__).parent / "system.yaml").read_text()
PLACES = {
    stack: {"account": config(stack)["aws:allowedAccountIds"][0], "region": config(stack)["aws:region"]}
    for stack in ("prod", "dev")
}
DOCUMENTS = {
    "aws:iam/role:Role": "assumeRolePolicy",
    "aws:iam/rolePolicy:RolePolicy": "policy",
    "aws:iam/policy:Policy": "policy",
    "aws:s3/bucketPolicy:BucketPolicy": "policy",
}


@cache
def rows(stack: str) -> dict[str, Any]:
    """The table with the stack's own names."""
    text = TABLE.replace("{env}", stack).replace("{project}", NAME)
    for key, value in PLACES[stack].items():
        text = text.replace(f"{{{key}}}", value)
    table: dict[str, Any] = yaml.load(text, yaml.CSafeLoader)
    return table


def row_params(kind: str) -> list[Any]:
    return [
        pytest.param(stack, row, id=f"{stack}:{row if isinstance(row, str) else row['name']}")
        for stack in PLACES
        for row in rows(stack)[kind]
    ]


def statements(plan: Plan, role: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for inputs in plan.inputs("aws:iam/rolePolicy:RolePolicy"):
        if inputs["role"] == role:
            found += json.loads(inputs["policy"])["Statement"]
    attached = {
        inputs["policyArn"].rpartition("/")[2]
        for inputs in plan.inputs("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
        if inputs["role"] == role
    }
    for inputs in plan.inputs("aws:iam/policy:Policy"):
        if inputs["name"] in attached:
            found += json.loads(inputs["policy"])["Statement"]
    return found


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def allows(plan: Plan, role: str, action: str, resource: str) -> bool:
    return any(
        action in as_list(statement["Action"])
        and any(fnmatchcase(resource, pattern) for pattern in as_list(statement["Resource"]))
        for statement in statements(plan, role)
    )


def readers(plan: Plan, action: str, arn: str) -> set[str]:
    roles = {inputs["name"] for inputs in plan.inputs("aws:iam/role:Role")}
    return {role for role in roles if allows(plan, role, action, arn)}


@pytest.mark.parametrize(("stack", "row"), row_params("secrets"))
def test_a_secret_has_the_listed_maker_readers_and_variables(stack: str, row: dict[str, Any]) -> None:
    plan = plan_of(stack)
    made = {inputs["name"]: inputs for inputs in plan.inputs("aws:secretsmanager/secret:Secret")}
    place = PLACES[stack]
    arn = f"arn:aws:secretsmanager:{place['region']}:{place['account']}:secret:{row['name']}-AbCdEf"
    assert (row["name"] in made) == (row["made_by"] == "program")
    assert readers(plan, "secretsmanager:GetSecretValue", arn) == set(row["readers"])
    (wiring,) = plan.inputs("guarded:ecs:ContainerEnvironment")
    for role, variable in row["readers"].items():
        if variable:
            workload = role.removeprefix(f"{stack}-").removesuffix("-execution")
            assert variable in wiring[workload]


@pytest.mark.parametrize("stack", PLACES)
def test_no_container_has_a_variable_beyond_the_table(stack: str) -> None:
    listed = {
        (role.removeprefix(f"{stack}-").removesuffix("-execution"), variable)
        for row in rows(stack)["secrets"]
        for role, variable in row["readers"].items()
        if variable
    }
    (wiring,) = plan_of(stack).inputs("guarded:ecs:ContainerEnvironment")
    assert {(workload, variable) for workload, variables in wiring.items() for variable in variables} == listed


@pytest.mark.parametrize("stack", PLACES)
def test_no_secret_or_parameter_beyond_the_table(stack: str) -> None:
    plan = plan_of(stack)
    table = rows(stack)
    assert {inputs["name"] for inputs in plan.inputs("aws:secretsmanager/secret:Secret")} == {
        row["name"] for row in table["secrets"] if row["made_by"] == "program"
    }
    assert {inputs["name"] for inputs in plan.inputs("aws:ssm/parameter:Parameter")} == {
        row["name"] for row in table["parameters"]
    }
    assert plan.inputs("aws:secretsmanager/secretVersion:SecretVersion") == []


@pytest.mark.parametrize(("stack", "row"), row_params("parameters"))
def test_a_parameter_is_as_listed(stack: str, row: dict[str, Any]) -> None:
    plan = plan_of(stack)
    (parameter,) = (inputs for inputs in plan.inputs("aws:ssm/parameter:Parameter") if inputs["name"] == row["name"])
    assert parameter["type"] == row.get("type", "String")
    assert parameter.get("allowedPattern") == row.get("allowed")
    if "value" in row:
        assert parameter["insecureValue"] == row["value"]
    place = PLACES[stack]
    arn = f"arn:aws:ssm:{place['region']}:{place['account']}:parameter{row['name']}"
    assert readers(plan, "ssm:GetParameter", arn) == set(row["readers"])


@pytest.mark.parametrize(("stack", "row"), row_params("buckets"))
def test_a_data_bucket_is_as_listed(stack: str, row: str) -> None:
    plan = plan_of(stack)
    assert row in {inputs["bucket"] for inputs in plan.inputs("aws:s3/bucket:Bucket")}
    by_type = {
        kind: inputs
        for kind in (
            "bucketPublicAccessBlock:BucketPublicAccessBlock",
            "bucketVersioning:BucketVersioning",
            "bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            "bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            "bucketPolicy:BucketPolicy",
        )
        for inputs in plan.inputs(f"aws:s3/{kind}")
        if inputs["bucket"] == row
    }
    assert len(by_type) == 5
    block = by_type["bucketPublicAccessBlock:BucketPublicAccessBlock"]
    assert all(
        block[key] for key in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    )
    assert "aws:SecureTransport" in by_type["bucketPolicy:BucketPolicy"]["policy"]


@pytest.mark.parametrize(("stack", "row"), row_params("roles"))
def test_a_role_is_as_listed(stack: str, row: dict[str, Any]) -> None:
    plan = plan_of(stack)
    (role,) = (inputs for inputs in plan.inputs("aws:iam/role:Role") if inputs["name"] == row["name"])
    principal = json.loads(role["assumeRolePolicy"])["Statement"][0]["Principal"]
    if row["trusted"] == "circleci":
        assert principal["Federated"].startswith(
            f"arn:aws:iam::{PLACES[stack]['account']}:oidc-provider/oidc.circleci.com/org/"
        )
    else:
        assert principal == {"Service": row["trusted"]}
    boundaries = {f"{inputs['path']}{inputs['name']}" for inputs in plan.inputs("aws:iam/policy:Policy")}
    assert role["permissionsBoundary"].partition(":policy")[2] in boundaries
    for permission in row["may"]:
        assert allows(plan, row["name"], *permission.split(" ", 1)), permission
    for permission in row["may_not"]:
        assert not allows(plan, row["name"], *permission.split(" ", 1)), permission


@pytest.mark.parametrize("stack", PLACES)
def test_no_role_beyond_the_table(stack: str) -> None:
    assert {inputs["name"] for inputs in plan_of(stack).inputs("aws:iam/role:Role")} == {
        row["name"] for row in rows(stack)["roles"]
    }


@pytest.mark.parametrize("stack", PLACES)
def test_the_trust_policies_of_ci_name_project_and_branch(stack: str) -> None:
    subjects = {
        inputs["name"]: json.loads(inputs["assumeRolePolicy"])["Statement"][0]["Condition"]
        for inputs in plan_of(stack).inputs("aws:iam/role:Role")
        if "-ci-" in inputs["name"]
    }
    for role, condition in subjects.items():
        (audience,) = condition["StringEquals"].values()
        (subject,) = condition["StringLike"].values()
        assert subject.startswith(f"org/{audience}/project/")
        assert subject.endswith("/vcs-ref/refs/heads/*" if role.endswith("-preview") else "/vcs-ref/refs/heads/main")


@pytest.mark.parametrize("stack", PLACES)
def test_policies_fit_the_limits_of_iam(stack: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html (white space doesn't count)."""
    limits = {"aws:iam/policy:Policy": 6_144, "aws:iam/rolePolicy:RolePolicy": 10_240}
    for kind, limit in limits.items():
        for inputs in plan_of(stack).inputs(kind):
            assert len("".join(inputs["policy"].split())) <= limit, inputs["name"]


@pytest.mark.parametrize("stack", PLACES)
def test_everything_the_gate_judges_is_known_at_preview(stack: str) -> None:
    plan = plan_of(stack)
    judged = [
        *((kind, name, inputs[name]) for kind, name in DOCUMENTS.items() for inputs in plan.inputs(kind)),
        *(
            (kind, name, inputs[name])
            for kind, name in {
                "aws:iam/role:Role": "name",
                "aws:secretsmanager/secret:Secret": "name",
                "aws:ssm/parameter:Parameter": "name",
                "aws:s3/bucket:Bucket": "bucket",
            }.items()
            for inputs in plan.inputs(kind)
        ),
    ]
    assert len(judged) > 70
    assert [entry for entry in judged if plan.unknown in str(entry[2])] == []


def test_no_name_in_development_mentions_production() -> None:
    foreign = [
        (step.urn, text)
        for step in plan_of("dev").steps
        for text in strings(step.inputs)
        if "prod" in text.replace("product", "")
    ]
    assert foreign == []


def strings(value: Any) -> list[str]:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def test_production_secrets_and_buckets_are_protected() -> None:
    guarded = {"aws:secretsmanager/secret:Secret", "aws:s3/bucket:Bucket"}
    steps = [step for step in plan_of("prod").steps if step.type in guarded]
    assert len(steps) == 10
    assert all(step.protected for step in steps)
    windows = {step.inputs["recoveryWindowInDays"] for step in steps if step.type == "aws:secretsmanager/secret:Secret"}
    assert windows == {30}


@pytest.mark.parametrize("stack", PLACES)
def test_log_deliveries_are_created_one_after_the_other(stack: str) -> None:
    """CloudWatch refuses two at the same time (https://github.com/hashicorp/terraform-provider-aws/issues/42194)."""
    states = [step["newState"] for step in document_of(stack)["steps"] if "newState" in step]
    deliveries = {state["urn"]: state for state in states if state["type"] == "aws:cloudwatch/logDelivery:LogDelivery"}
    before = {urn: {*state["dependencies"]} & {*deliveries} for urn, state in deliveries.items()}
    # The first waits for none, the second for one, and so on: no two are created at the same time.
    assert sorted(map(len, before.values())) == list(range(len(deliveries)))
    assert len(deliveries) == 2
