"""Waivers about to expire, and resources in the account that nothing declares."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from operations.__main__ import main
from tests.owner import owned
from tests.planning import plan_of

REGION = "eu-central-1"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one pack and three waivers: one ends in ten days, one ended yesterday, and one lasts."""
    (tmp_path / "Pulumi.yaml").write_text("name: platform\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    pack = tmp_path / "policies" / "naming"
    pack.mkdir(parents=True)
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\n")
    today = dt.datetime.now(dt.UTC).date()
    waivers = [
        {"resource": name, "reason": "for this test", "owner": "somebody", "expires": str(today + dt.timedelta(days))}
        for name, days in {"soon": 10, "over": -1, "later": 200}.items()
    ]
    (tmp_path / "policies" / "config").mkdir()
    (tmp_path / "policies" / "config" / "naming.dev.json").write_text(
        json.dumps({"all": "mandatory", "missing-tags": {"waivers": waivers}})
    )
    return tmp_path


def test_waivers_that_end_soon_are_listed_in_order(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["waivers", "--stack", "dev", "--project", str(project)]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("expired 1 days ago: naming/missing-tags for over (owner somebody)")
    assert second.endswith("ends in 10 days: naming/missing-tags for soon (owner somebody)")


def test_nothing_ends_soon(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = project / "policies" / "config" / "naming.dev.json"
    file.write_text(json.dumps({"missing-tags": {"waivers": []}}))
    assert main(["waivers", "--stack", "dev", "--project", str(project)]) == 0
    assert capsys.readouterr().out == "no waiver of dev ends within 30 days\n"


@pytest.mark.parametrize("text", ["{", "[]", '{"x": {"waivers": [{"resource": "y"}]}}'])
def test_a_configuration_that_can_not_be_read_is_named(
    text: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "policies" / "config" / "naming.dev.json").write_text(text)
    assert main(["waivers", "--stack", "dev", "--project", str(project)]) == 2
    assert "naming.dev.json" in capsys.readouterr().err


def test_the_projects_own_waivers_can_be_read() -> None:
    for stack in ("prod", "dev"):
        assert main(["waivers", "--stack", stack, "--project", str(owned())]) in (0, 1)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account with everything that the stack `dev` and people create."""
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "testing")
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "210987654321")
    with mock_aws():
        plan = plan_of("dev")
        secrets = boto3.client("secretsmanager", REGION)
        for inputs in plan.inputs("aws:secretsmanager/secret:Secret"):
            secrets.create_secret(Name=inputs["name"])
        secrets.create_secret(Name="dev/kinde/client-secret")
        secrets.create_secret(Name="prod/other/thing")
        parameters = boto3.client("ssm", REGION)
        for inputs in plan.inputs("aws:ssm/parameter:Parameter"):
            parameters.put_parameter(Name=inputs["name"], Value="x", Type="String")
        yield


@pytest.mark.usefixtures("account")
def test_declared_resources_are_not_orphans(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["orphans", "--stack", "dev", "--project", str(owned())]) == 0, capsys.readouterr()


@pytest.mark.usefixtures("account")
def test_undeclared_resources_are_orphans(capsys: pytest.CaptureFixture[str]) -> None:
    boto3.client("secretsmanager", REGION).create_secret(Name="dev/old/thing", SecretString="canary-value")
    boto3.client("ssm", REGION).put_parameter(Name="/dev/old/thing", Value="canary-value", Type="String")
    assert main(["orphans", "--stack", "dev", "--project", str(owned())]) == 1
    secret, parameter = capsys.readouterr().out.splitlines()
    assert secret == "secret dev/old/thing, never read"
    assert parameter.startswith("parameter /dev/old/thing, last changed on ")


@pytest.mark.usefixtures("account")
def test_a_foreign_account_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["orphans", "--stack", "prod", "--project", str(owned())]) == 2
    assert "accepted: 123456789012" in capsys.readouterr().err
