"""Every option of the program, alone and together, stays within what AWS accepts and what the packs let pass.

The environments' names have the greatest length, and so does everything else that is part of a policy document.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from components.naming import Names
from generators.declared_injections import injections_file
from generators.expected_readers import expected
from policies.acceptance.quotas import size
from policies.inventory.agreement import pins
from policies.inventory.agreement import plan as planned
from tests import session
from tests.planning import NAME, Plan, copy_project, plan_only, rehearse

REGIONS: Final = {
    "staging-europe-1": "eu-central-1",
    "staging-pacific1": "ap-southeast-3",
    "staging-america1": "us-east-1",
    "staging-deeper-1": "ap-southeast-3",
}
"""Environment -> region. The last one's hosts are subdomains, and the naming pack is configured for that."""
DEEPER: Final = "staging-deeper-1"
BY_DAY: Final = (DEEPER, "staging-america1")
"""Environments that each change tries: the longest region with the other host style, and CloudFront's region. The
others differ from these and from production only in names of the same length."""
WEB_ACL: Final = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/own/0a1b2c3d-0000-4000-8000-000000000000"
LONGEST: Final[dict[str, Any]] = {
    "cluster": "c" * 63,
    "deployerTaskFamily": "f" * 63,
    "orkFunction": "k" * 63,
    "backstageRepository": "b" * 128,
    "prefectRepository": "p" * 128,
    "circleciRepository": f"github.com/{'o' * 39}/{'r' * 100}",
    "bucketSuffix": "s" * 23,
}
ALONE: Final[dict[str, dict[str, Any]]] = {
    "open to all viewers": {"onlyCloudflareViewers": False},
    "own web ACL": {"onlyCloudflareViewers": False, "webAclArn": WEB_ACL},
    "zone settings": {"manageZoneSettings": True},
    "machine API": {"openPrefectMachineApi": True},
    "secrets in previews": {"readSecretsInPreview": True},
    "rotation": {"previousOriginHeaderSecret": {"secure": "v1:EXAMPLE:EXAMPLE"}},
    "token issuer elsewhere": {"circleciProviderManaged": False},
    "price class": {"priceClass": "PriceClass_All"},
    "sessions": {"sessionSeconds": 604_800},
    "secrets deleted at once": {"secretRecoveryDays": 0},
    "parked": {"parkMode": "parked", "databaseRestoreMode": "clean"},
    "Kinde's endpoints": {
        f"kinde{name}Endpoint": f"https://ronaldhatcher.kinde.com/{name}"
        for name in ("Authorization", "Token", "UserInfo")
    },
    "longest names": LONGEST,
    "no bucket suffix": {"bucketSuffix": ""},
    "state": {
        "stateBucket": "b" * 63,
        "stateKeyArn": f"arn:aws:kms:{{region}}:123456789012:key/mrk-{'0' * 32}",
        "previewReadsState": True,
    },
}
CONTRARY: Final = ("open to all viewers", "own web ACL", "token issuer elsewhere", "no bucket suffix")
"""Options that remove something, or exclude others."""
TOGETHER: Final[dict[str, Any]] = {
    key: value for name, keys in ALONE.items() if name not in CONTRARY for key, value in keys.items()
}
WANTED: Final[tuple[tuple[Mapping[str, Any], str], ...]] = (
    ({"openPrefectMachineApi": True}, "entry-points/machine-path-without-sign-in"),
    ({"sessionSeconds": 604_800}, "entry-points/long-session"),
    (ALONE["open to all viewers"], "inventory/unscreened-distribution"),
)
"""Settings -> the rule that their owners must agree to."""
AGREED_ANEW: Final = {"inventory/pinned-permission", "inventory/pinned-value"}
"""With these, owners agree to roles' permissions and important values; tests/test_daily_changes.py tests both."""
_REPOSITORY: Final = "circleciRepository"
ROOM: Final = 0.85
"""The share of a quota that a document may use; the rest is room for growth."""


@dataclass(frozen=True)
class Agreed:
    """A project with one environment's stack; its packs' configuration agrees to everything that options bring."""

    project: Path
    environment: str

    def plan(self, options: Mapping[str, Any]) -> Plan:
        """Plan the stack with some options, judged by all packs."""
        self._configure(options)
        return rehearse(self.environment, self.project, self.project / "plan.json", often=True)

    def _configure(self, options: Mapping[str, Any]) -> None:
        environment = self.environment
        config = yaml.safe_load((self.project / "Pulumi.prod.yaml").read_text().replace("prod/", f"{environment}/"))
        style: dict[str, Any] = {"hostStyle": "subdomain"} if environment == DEEPER else {}
        region = REGIONS[environment]
        given = {
            key: value.replace("{region}", region) if isinstance(value, str) else value
            for key, value in {**style, **options}.items()
        }
        config["config"] |= {"aws:region": region, **given}
        (self.project / f"Pulumi.{environment}.yaml").write_text(yaml.safe_dump(config))

    def agree(self, options: Mapping[str, Any]) -> None:
        """Configure the packs to agree to everything that the options bring."""
        self._configure(options)
        environment, output = self.environment, self.project / "plan.json"
        plan_only(environment, self.project, output)
        inventory = planned.agreed(json.loads(output.read_text()))
        read, name = pins.settings_of(self.project, environment)
        settings = {**read, "webAclArn": WEB_ACL}
        for rule, values in pins.pinned(settings, name).items():
            inventory[rule] = {**inventory.get(rule, {}), **values}
        names = Names(NAME, environment, settings["aws:allowedAccountIds"][0], REGIONS[environment])
        configurations = {"inventory": inventory, "least_privilege": expected(names)}
        for pack, configuration in configurations.items():
            file = self.project / "policies" / "config" / f"{pack}.{environment}.json"
            file.write_text(json.dumps(configuration))
        file, text = injections_file(self.project, environment)
        file.write_text(text)


@cache
def agreed(environment: str, repository: str | None) -> Agreed:
    """Return an environment's stack, agreed to trust the jobs of a repository, or of the owner's project."""
    made = Agreed(copy_project(Path(tempfile.mkdtemp(dir=os.environ[session.FOLDER]))), environment)
    made.agree({key: value for key, value in TOGETHER.items() if key != _REPOSITORY or repository})
    return made


def plan_with(environment: str, options: Mapping[str, Any]) -> Plan:
    """Return the judged plan of a stack with some options."""
    return agreed(environment, options.get(_REPOSITORY)).plan(options)


@cache
def planned_together(environment: str) -> Plan:
    """Return the plan of a stack with all options that can be combined."""
    return plan_with(environment, TOGETHER)


def assert_only_expected_rules_are_broken(plan: Plan, options: Mapping[str, Any]) -> None:
    wanted = {rule for settings, rule in WANTED if settings.items() <= options.items() and "webAclArn" not in options}
    said = {f"{item['pack']}/{item['policy']}" for item in plan.violations}
    assert said - AGREED_ANEW == wanted, plan.printed
    assert plan.exit_code == int(bool(said))


PLACED: Final = list(zip(ALONE, cycle(REGIONS), strict=False))
"""Each option, and the environment that it is tested in."""


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("environment", "options"),
    [pytest.param(environment, ALONE[name], id=f"{name} in {REGIONS[environment]}") for name, environment in PLACED],
)
def test_one_option_breaks_only_the_expected_rules(environment: str, options: dict[str, Any]) -> None:
    """Runs at night; on each change, a test below tries the options together."""
    assert_only_expected_rules_are_broken(plan_with(environment, options), options)


@pytest.mark.parametrize("names", [CONTRARY[:1], CONTRARY[1:]], ids=["open", "less"])
def test_contrary_options_break_only_the_expected_rules(names: Sequence[str]) -> None:
    options = {key: value for name in names for key, value in ALONE[name].items()}
    assert_only_expected_rules_are_broken(plan_with(DEEPER, options), options)


@pytest.mark.parametrize(
    "environment",
    [pytest.param(name, marks=() if name in BY_DAY else pytest.mark.nightly) for name in REGIONS],
)
def test_all_options_together_break_only_the_expected_rules(environment: str) -> None:
    assert_only_expected_rules_are_broken(planned_together(environment), TOGETHER)


def test_documents_of_the_largest_stack_have_room_to_grow() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html; a bucket policy has at most 20 KB."""
    plan = planned_together(DEEPER)
    inline = Counter[str]()
    for inputs in plan.inputs("aws:iam/rolePolicy:RolePolicy"):
        inline[inputs["role"]] += size(inputs["policy"])
    taken = {
        **{f"{role}: inline": found / 10_240 for role, found in inline.items()},
        **{
            f"{inputs[name]}: {document}": size(inputs[document]) / quota
            for kind, name, document, quota in (
                ("aws:iam/policy:Policy", "name", "policy", 6_144),
                ("aws:iam/role:Role", "name", "assumeRolePolicy", 2_048),
                ("aws:s3/bucketPolicy:BucketPolicy", "bucket", "policy", 20_480),
            )
            for inputs in plan.inputs(kind)
        },
    }
    assert len(taken) >= 40
    assert {document: share for document, share in taken.items() if share > ROOM} == {}
    assert max(len(inputs["bucket"]) for inputs in plan.inputs("aws:s3/bucket:Bucket")) == 63
