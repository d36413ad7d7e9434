"""`preflight` on the state and the buckets: resources missing from the state, and owners of bucket names."""

from __future__ import annotations

from collections.abc import Callable

import boto3
import pytest

from components.catalogue import bucket_names
from components.naming import Names
from tests.operations.cloud import ACCOUNT, REGION, fault_of
from tests.operations.conftest import CONTAINERS, Bench
from tests.planning import NAME, plan_of

NAMES = Names(NAME, "prod", ACCOUNT, REGION)
SECRET = "aws:secretsmanager/secret:Secret"
COMPONENTS = {
    "guarded:secrets:SecretContainers": ["secrets"],
    "guarded:parameters:Parameters": ["parameters"],
    "guarded:storage:PrivateBucket": list(bucket_names(NAMES)),
}


def state_resource(type_: str, name: str, id_: str = "") -> dict[str, str]:
    """A resource in a state; a component has no id."""
    resource = {"urn": f"urn:pulumi:prod::{NAME}::{type_}::{name}", "type": type_}
    return resource | ({"id": id_} if id_ else {})


def components() -> list[dict[str, str]]:
    return [state_resource(type_, name) for type_, names in COMPONENTS.items() for name in names]


def arn(name: str) -> str:
    found: str = boto3.client("secretsmanager", REGION).describe_secret(SecretId=name)["ARN"]
    return found


def make_bucket(name: str) -> None:
    boto3.client("s3", REGION).create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})


def test_a_restored_secret_missing_from_the_state_is_reported(bench: Bench) -> None:
    bench.fill()
    names = [name for name in CONTAINERS if name != "prod/db/admin"]
    bench.set_state(*components(), *(state_resource(SECRET, name, arn(name)) for name in names))
    client = boto3.client("secretsmanager", REGION)
    client.delete_secret(SecretId="prod/db/admin")
    deleted = bench.run("preflight", "--json").find("secret/prod/db/admin")
    assert "`aws secretsmanager restore-secret --secret-id prod/db/admin`, then run this again" in deleted["text"]

    client.restore_secret(SecretId="prod/db/admin")
    outcome = bench.run("preflight", "--json")
    assert (outcome.code, outcome.failures) == (1, ["prod/db/admin"])
    urn = f"urn:pulumi:prod::{NAME}::guarded:secrets:SecretContainers::secrets"
    assert outcome.check("prod/db/admin")["text"] == (
        "exists, but isn't in the stack's state, so `up` would fail; take it over: "
        f"`pulumi import {SECRET} db/admin {arn('prod/db/admin')} --parent '{urn}' --generate-code=false --stack prod`"
    )
    bench.set_state(*components(), *(state_resource(SECRET, name, arn(name)) for name in CONTAINERS))
    assert bench.run("preflight").code == 0


def test_a_parameter_and_a_bucket_missing_from_the_state_are_reported(bench: Bench) -> None:
    boto3.client("ssm", REGION).put_parameter(Name="/prod/infra/park_mode", Value="parked", Type="String")
    make_bucket(f"prod-edge-logs-{ACCOUNT}")
    bench.set_state(*components())
    outcome = bench.run("preflight", "--json")
    for key, line in {
        "parameter/prod/infra/park_mode": "aws:ssm/parameter:Parameter infra/park_mode /prod/infra/park_mode --parent",
        f"bucket/prod-edge-logs-{ACCOUNT}": (f"aws:s3/bucket:Bucket prod-edge-logs prod-edge-logs-{ACCOUNT} --parent"),
    }.items():
        assert f"take it over: `pulumi import {line} '" in outcome.find(key)["text"]


def test_a_state_without_the_parent_component_needs_up_first(bench: Bench) -> None:
    bench.set_state()
    text = bench.run("preflight", "--json").find("secret/prod/db/admin")["text"]
    assert text.endswith("run `make up STACK=prod`, which creates its parent component, then this check again")


def no_cli(bench: Bench) -> str:
    bench.patch.setenv("PATH", str(bench.project))
    return "`pulumi` isn't on the path"


def no_export(bench: Bench) -> str:
    return "`pulumi stack export --stack prod` exited with 1; run it to see why"


def no_document(bench: Bench) -> str:
    (bench.project / "cli" / "pulumi.json").write_text('{"deployment": "CanaryStateOfTheStack"}')
    return "`pulumi stack export` can't be read (ValueError)"


@pytest.mark.parametrize("hinder", [no_cli, no_export, no_document])
def test_an_unreadable_state_is_left_open(bench: Bench, hinder: Callable[[Bench], str]) -> None:
    bench.fill()
    why = hinder(bench)
    outcome = bench.run("preflight", "--json")
    assert outcome.code == 0
    found = outcome.find("state")
    assert (found["outcome"], found["text"].startswith(f"not checked: {why}")) == ("open", True)
    assert "Canary" not in outcome.out


def test_bucket_names_are_free_ours_or_taken(bench: Bench) -> None:
    names = bucket_names(NAMES)
    make_bucket(names["prod-blog-data-raw"])
    bench.cloud.fault = fault_of(f"/{names['prod-edge-logs']}", "forbidden")
    outcome = bench.run("preflight", "--json")
    found = {component: outcome.find(f"bucket/{name}") for component, name in names.items()}
    assert {component: item["outcome"] for component, item in found.items()} == {
        "prod-blog-data-cache": "open",
        "prod-blog-data-raw": "passed",
        "prod-blog-data-clean": "open",
        "prod-blog-data-design-files": "open",
        "prod-edge-logs": "failed",
    }
    assert found["prod-blog-data-cache"]["text"].startswith("free")
    assert found["prod-blog-data-raw"]["text"] == "ours"
    assert found["prod-edge-logs"]["text"].startswith("taken: it belongs to another account, or")
    assert found["prod-edge-logs"]["text"].endswith("set another bucketSuffix")


def test_the_bucket_suffix_of_a_running_platform_is_used(bench: Bench) -> None:
    bench.configure(bucketSuffix="")
    make_bucket("prod-blog-data-raw")
    assert bench.run("preflight", "--json").find("bucket/prod-blog-data-raw")["text"] == "ours"


def test_every_bucket_of_the_program_is_checked() -> None:
    plan = plan_of("prod")
    assert {inputs["bucket"] for inputs in plan.inputs("aws:s3/bucket:Bucket")} == {*bucket_names(NAMES).values()}
