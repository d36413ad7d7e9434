"""Options of the way in: what each creates, and what the packs say about it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Final

import pytest

from tests.agreeing import agree
from tests.owner import owned
from tests.planning import Plan, copy_project, plan_of, plan_only, rehearsal_command, rehearse

WEB_ACL: Final = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/own/0a1b2c3d-0000-4000-8000-000000000000"

REGIONAL: Final = "ronaldhatcher.au.kinde.com"


def configured(folder: Path, settings: dict[str, str]) -> Path:
    """Return a copy of the project whose production stack has more settings."""
    project = copy_project(folder)
    with (project / "Pulumi.prod.yaml").open("a") as file:
        file.writelines(f"  {key}: {value}\n" for key, value in settings.items())
    return project


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The plan with every option that tightens the way in, in the middle of a rotation, with a regional Kinde."""
    folder = tmp_path_factory.mktemp("guarded")
    settings = {
        "manageZoneSettings": "true",
        "readSecretsInPreview": "true",
        "previousOriginHeaderSecret": "{secure: v1:EXAMPLE:EXAMPLE}",
        "sessionSeconds": "3600",
        "webAclArn": WEB_ACL,
        "onlyCloudflareViewers": "false",
    }
    project = configured(folder, settings)
    stack = project / "Pulumi.prod.yaml"
    stack.write_text(stack.read_text().replace("ronaldhatcher.kinde.com", REGIONAL))
    output = folder / "plan.json"
    plan_only("prod", project, output)
    agree(project, "prod", output)
    return rehearse("prod", project, output)


def test_the_packs_find_no_violation_with_all_options(guarded: Plan) -> None:
    assert guarded.exit_code == 0, guarded.printed
    assert guarded.violations == []


def test_only_cloudflare_can_reach_the_distributions_of_production() -> None:
    plan = plan_of("prod")
    (web_acl,) = plan.inputs("aws:wafv2/webAcl:WebAcl")
    assert web_acl["defaultAction"] == {"block": {}}
    assert [rule["action"] for rule in web_acl["rules"]] == [{"allow": {}}, {"allow": {}}]
    sets = {one["ipAddressVersion"]: one["addresses"] for one in plan.inputs("aws:wafv2/ipSet:IpSet")}
    assert sets["IPV4"]
    assert sets["IPV6"]
    distributions = plan.inputs("aws:cloudfront/distribution:Distribution")
    assert [one["webAclId"] for one in distributions] == [Plan.unknown] * 2


def test_anyone_can_reach_the_distributions_of_a_stack_without_a_web_acl() -> None:
    plan = plan_of("dev")
    assert plan.inputs("aws:wafv2/webAcl:WebAcl") == []
    assert [one.get("webAclId") for one in plan.inputs("aws:cloudfront/distribution:Distribution")] == [None] * 2


def test_zone_settings_require_tls(guarded: Plan) -> None:
    assert {one["settingId"]: one["value"] for one in guarded.inputs("cloudflare:index/zoneSetting:ZoneSetting")} == {
        "ssl": "strict",
        "min_tls_version": "1.2",
        "tls_1_3": "on",
        "always_use_https": "on",
        "websockets": "on",
    }


def test_secrets_of_a_rotation_are_masked(guarded: Plan) -> None:
    for rule in guarded.inputs("aws:lb/listenerRule:ListenerRule"):
        assert rule["conditions"][1]["httpHeader"]["values"] == ["[secret]", "[secret]"]
        assert rule["actions"][0]["authenticateOidc"]["clientSecret"] == "[secret]"
        assert rule["actions"][0]["authenticateOidc"]["sessionTimeout"] == 3600


def test_an_existing_web_acl_and_a_regional_kinde_are_used(guarded: Plan) -> None:
    assert {one["webAclId"] for one in guarded.inputs("aws:cloudfront/distribution:Distribution")} == {WEB_ACL}
    for rule in guarded.inputs("aws:lb/listenerRule:ListenerRule"):
        sign_in = rule["actions"][0]["authenticateOidc"]
        assert sign_in["issuer"] == f"https://{REGIONAL}"
        assert sign_in["userInfoEndpoint"] == f"https://{REGIONAL}/oauth2/v2/user_profile"


def test_the_machine_api_passes_with_a_waiver(tmp_path: Path) -> None:
    """Without a waiver it is the breakage `machine-path-without-a-waiver`."""
    project = configured(tmp_path, {"openPrefectMachineApi": "true"})
    waiver = {
        "resource": "prod-pipelines-machine-api",
        "reason": "Workers outside the network report to the API",
        "owner": "platform",
        "expires": (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)).isoformat(),
    }
    config, output = project / "config.json", project / "plan.json"
    config.write_text(json.dumps({"machine-path-without-sign-in": {"waivers": [waiver]}}))
    pack = owned() / "policies" / "entry_points"
    options = ("--json", str(output), "--pack", str(pack), "--policy-config", str(config))
    done = rehearsal_command("--project", str(project), *options)
    assert (done.code, json.loads(output.read_text())["policyViolations"]) == (0, [])
    assert "prod-pipelines-machine-api" in output.read_text()
