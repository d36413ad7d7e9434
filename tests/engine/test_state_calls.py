"""The real CLI on a bucket and a key: what `bootstrap` creates with it, and every call of its operations there.

moto's server plays the account. The calls are compared with `generators/state_calls.yaml`, from which CI's roles get
their grants.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import pytest
import yaml
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

from generators.state_calls import OPERATIONS, calls
from operations.__main__ import main
from tests.operations import cloud as aws_double
from tests.operations.cloud import ACCOUNT, REGION, Cloud
from tests.owner import owned
from tests.planning import NAME

pytestmark = pytest.mark.engine

STACK: Final = "prod"
BUCKET: Final = f"{NAME}-state-{STACK}-{ACCOUNT}"
LOCK: Final = f".pulumi/locks/organization/{NAME}/{STACK}/00000000-0000-0000-0000-000000000000.json"
PROGRAM: Final = """
import pulumi
pulumi.ComponentResource("acme:index:Part", "part")
pulumi.export("secret", pulumi.Config().require_secret("originHeaderSecret"))
"""
LOCKED: Final = 1
"""The CLI's exit code if somebody else holds the lock."""
RUNS: Final[tuple[tuple[str, tuple[str, ...], int], ...]] = (
    ("preview", ("preview",), 0),
    ("up", ("up", "--yes"), 0),
    ("preview", ("refresh", "--preview-only"), 0),
    ("refresh", ("refresh", "--yes"), 0),
    ("preview", ("destroy", "--preview-only"), 0),
    # Somebody else holds the lock until `cancel` removes it.
    ("up", ("up", "--yes"), LOCKED),
    ("refresh", ("refresh", "--yes"), LOCKED),
    ("destroy", ("destroy", "--yes"), LOCKED),
    ("cancel", ("cancel", "--yes"), 0),
    ("destroy", ("destroy", "--yes"), 0),
)
"""Operation, command line and expected exit code, in order."""


@dataclass
class Account:
    """An account, a project whose state is kept in it, and what was recorded."""

    cloud: Cloud
    project: Path
    bootstraps: list[tuple[int, str]] = field(default_factory=list)
    """Exit code of each run of `bootstrap`, and the stack's file after it."""
    seen: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    """Operation -> its calls, each with its object or prefix."""
    ended: list[tuple[tuple[str, ...], int, str]] = field(default_factory=list)
    """Command line, exit code and output of each run of the CLI."""

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes it
        return boto3.Session().client(service, REGION)  # type: ignore[call-overload]

    def bootstrap(self) -> None:
        code = main(["bootstrap", "--project", str(self.project), "--stack", STACK])
        self.bootstraps.append((code, (self.project / f"Pulumi.{STACK}.yaml").read_text()))

    def run(self, operation: str, words: tuple[str, ...], code: int) -> None:
        if code == LOCKED:
            content = {"pid": 1, "username": "somebody", "hostname": "else", "timestamp": "2026-01-01T00:00:00Z"}
            self.client("s3").put_object(Bucket=BUCKET, Key=LOCK, Body=json.dumps(content).encode())
        self.cloud.reset()
        done = pulumi(self.project, *words)
        self.ended.append((words, done.returncode, done.stdout + done.stderr))
        self.seen.setdefault(operation, set()).update(map(named, self.cloud.requests))


def pulumi(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["pulumi", *words, "--stack", STACK, "--non-interactive"],
        cwd=project,
        env={**os.environ, "PULUMI_BACKEND_URL": f"s3://{BUCKET}?region={REGION}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def named(request: tuple[str, str]) -> tuple[str, str]:
    """The call that a request is, and its object as the list has it: `*` for parts that differ each time."""
    method, target = request
    if not target.startswith("/"):
        return f"kms {target}", ""
    parts = urlsplit(target)
    query = parse_qs(parts.query)
    _, bucket, *key = unquote(parts.path).split("/", 2)
    assert bucket == BUCKET, target
    if "list-type" in query:
        return "s3 ListObjectsV2", query["prefix"][0]
    operation = query["x-id"][0] if "x-id" in query else {"HEAD": "HeadObject"}[method]
    object_ = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json|prod[-.]\d+(?=\.)", _star, key[0])
    return f"s3 {operation}", object_


def _star(found: re.Match[str]) -> str:
    return "*.json" if found[0].endswith(".json") else "*"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    project = tmp_path_factory.mktemp("project")
    (project / "Pulumi.yaml").write_text((owned() / "Pulumi.yaml").read_text())
    (project / "__main__.py").write_text(PROGRAM)
    (project / ".venv").symlink_to(sys.prefix)
    document = yaml.safe_load((owned() / f"Pulumi.{STACK}.yaml").read_text())
    (project / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(document))  # without the marks `EXAMPLE`
    cloud, stop = aws_double.start()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "PULUMI_"))]:
            patch.delenv(name)
        for name, value in {
            "AWS_ENDPOINT_URL": cloud.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PULUMI_HOME": str(tmp_path_factory.mktemp("home")),
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }.items():
            patch.setenv(name, value)
        # moto ignores conditions: the policy that denies requests without TLS would deny everything.
        patch.setattr(FakeBucket, "get_permission", lambda *_: PermissionResult.NEUTRAL)
        made = Account(cloud, project)
        made.bootstrap()
        made.bootstrap()
        for operation, words, code in RUNS:
            made.run(operation, words, code)
        yield made
    stop()


def test_bootstrap_creates_the_stack_once(account: Account) -> None:
    (first, file), (second, again) = account.bootstraps
    assert (first, second) == (0, 0)
    assert file == again
    document = yaml.safe_load(file)
    assert document["config"][f"{NAME}:stateBucket"] == BUCKET
    assert document["secretsprovider"].startswith(f"awskms:///{document['config'][f'{NAME}:stateKeyArn']}?")
    assert set(document["config"][f"{NAME}:originHeaderSecret"]) == {"secure"}
    assert [key for key in document["config"] if key.endswith("originHeaderSecret")] == [f"{NAME}:originHeaderSecret"]


def test_each_operation_ends_as_expected(account: Account) -> None:
    assert [(words, code) for words, code, _ in account.ended] == [(words, code) for _, words, code in RUNS], "\n".join(
        text for _, _, text in account.ended
    )
    locked = [text for _, code, text in account.ended if code == LOCKED]
    assert all("the stack is currently locked by 1 lock(s)" in text for text in locked)


@pytest.mark.parametrize("operation", OPERATIONS["ci-deploy"])
def test_the_cli_makes_the_listed_calls_and_no_others(account: Account, operation: str) -> None:
    listed = {(call.call, call.object.format(project=NAME, stack=STACK)) for call in calls() if operation in call.by}
    assert account.seen[operation] == listed


def test_the_cli_copies_the_state(account: Account) -> None:
    assert {call.copied for call in calls() if call.call == "s3 CopyObject"} == {
        ".pulumi/stacks/{project}/{stack}.json"
    }
    kept = account.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    bodies = [account.client("s3").get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in kept]
    assert sum(b'"checkpoint"' in body for body in bodies) >= 3
