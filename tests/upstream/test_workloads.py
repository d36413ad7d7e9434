"""Workloads that are made here, on provider code that nobody here wrote: every argument of the plan, then their first
deploy.

One account, in order: each test finds what those before it left.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.planning import plan_of
from tests.upstream.conftest import READS
from tests.upstream.deployment import Account, Ran, Upstream, empty_account
from tests.workloads import LAB

pytestmark = [pytest.mark.engine, pytest.mark.upstream]

LOST = {
    ("aws:rds/cluster:Cluster", "autoMinorVersionUpgrade"): "came with a later version than 5.100",
    ("aws:rds/cluster:Cluster", "masterPasswordWo"): "is written, and in no answer",
}
"""Type and argument -> why the answer of provider code of 5.x knows nothing of it."""

FORGOTTEN = {
    ("aws:ecs/service:Service", "availabilityZoneRebalancing"): "moto keeps nothing of it",
    ("aws:ecs/service:Service", "enableEcsManagedTags"): "moto keeps nothing of it",
    ("aws:ecs/service:Service", "healthCheckGracePeriodSeconds"): "moto keeps nothing of it",
    ("aws:sqs/queue:Queue", "redrivePolicy"): "moto writes it anew, with spaces",
}
"""Type and input that differ in a preview of what was just made -> why."""


def planned() -> dict[str, str]:
    """URN -> type of each of AWS's resources in the plan."""
    return {step.urn: step.type for step in plan_of(LAB).steps if step.type.startswith("aws:")}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account of their own: those of the other tests have stacks without workloads."""
    types = sorted({*READS, *planned().values()})
    with empty_account(tmp_path_factory.mktemp("workloads"), types) as made:
        yield made


@pytest.fixture(scope="module")
def lab(account: Account) -> Upstream:
    """The stack, in an account that has its function's code."""
    stack = account.stack(LAB)
    config = yaml.safe_load(stack.deployment.stack_file.read_text())["config"]
    bucket, s3 = config["orkCodeBucket"], stack.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": stack.region})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("handler.py", "")
    kept = s3.put_object(Bucket=bucket, Key=config["orkCodeKey"], Body=archive.getvalue())
    stack.deployment.set("orkCodeVersion", kept["VersionId"])
    return stack


@pytest.fixture(scope="module")
def preview(lab: Upstream) -> Ran:
    return lab.preview("preview of workloads")


def test_it_accepts_every_planned_argument(preview: Ran) -> None:
    assert preview.refused == []
    assert [call for call in preview.provider if call.get("failures")] == []
    assert {call["urn"] for call in preview.provider if call["method"] == "Create"} == set(planned())


def test_it_loses_none_without_a_reason(preview: Ran) -> None:
    lost = {(call["type"], name) for call in preview.provider for name in call.get("lost", ())}
    assert lost == set(LOST)


def take_out(stack: Upstream, *keys: str) -> dict[str, Any]:
    """Take settings out of the stack's file, and return them."""
    document = yaml.safe_load(stack.deployment.stack_file.read_text())
    taken = {key: document["config"].pop(key) for key in keys}
    stack.deployment.stack_file.write_text(yaml.safe_dump(document))
    return taken


def applied(stack: Upstream, scenario: str, **settings: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - as YAML has it
    """Apply with these settings, and return what that changed."""
    for key, value in settings.items():
        stack.deployment.set(key, value)
    ran = stack.up(scenario)
    assert ran.refused == []
    return ran.changes


def test_a_first_deploy_takes_three_updates(lab: Upstream) -> None:
    """Those of docs/workloads.md: the database needs its password, and the services need the database."""
    later = take_out(lab, "backstageImageDigest", "prefectImageDigest", "backstageSessionSecret")
    tasks = take_out(lab, "postgresqlImageDigest")
    assert applied(lab, "first update: no database and no image", databaseGeneration=0)
    secrets = lab.client("secretsmanager")
    password = json.dumps({"username": "dbadmin", "password": "not-a-real-one"})
    secrets.put_secret_value(SecretId=f"{LAB}/db/admin", SecretString=password)
    assert applied(lab, "second update: the database", databaseGeneration=1, **tasks)
    session = secrets.describe_secret(SecretId=f"{LAB}/backstage/session-secret")["ARN"]
    images = {**later, "backstageSessionSecret": session.partition(":secret:")[2]}
    assert applied(lab, "third update: the services", **images)
    assert set(planned().values()) == made(lab)
    lab.deployment.set("readSecretsInPreview", True)  # otherwise a stand-in differs from Kinde's secret
    ran = lab.preview("preview after the first deploy")
    assert ran.refused == []
    differing = {
        (call["type"], name) for call in ran.provider if call["method"] == "Diff" for name in call.get("diffs", ())
    }
    assert differing == set(FORGOTTEN)


def made(stack: Upstream) -> set[str]:
    return {kind for ran in stack.account.runs for method, kind in ran.changes if method == "Create"}
