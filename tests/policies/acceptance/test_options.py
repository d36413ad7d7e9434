"""Every option of the program, alone and together, is within what AWS accepts, wherever it is applied."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from policies.acceptance.quotas import size
from tests.planning import copy_project, rehearse

ENVIRONMENT: Final = "staging-europe-1"
"""As long as a stack's name can be."""
EVERY_OPTION: Final[dict[str, Any]] = {
    "onlyCloudflareViewers": True,
    "manageZoneSettings": True,
    "openPrefectMachineApi": True,
    "readSecretsInPreview": True,
    "previousOriginHeaderSecret": {"secure": "v1:EXAMPLE:EXAMPLE"},
    "circleciProviderManaged": True,
    "priceClass": "PriceClass_All",
}
LARGEST_BOUNDARY: Final = 0.8 * 6_144
"""Characters; the rest of a managed policy is room for growth."""


@pytest.mark.parametrize(
    ("region", "options"),
    [
        pytest.param("eu-central-1", {}, id="no option"),
        *(
            pytest.param(region, EVERY_OPTION, id=f"every option in {region}")
            for region in ("eu-central-1", "ap-southeast-3", "us-east-1")
        ),
    ],
)
def test_a_stack_is_within_what_aws_accepts(tmp_path: Path, region: str, options: dict[str, Any]) -> None:
    project = copy_project(tmp_path)
    given = (project / "Pulumi.prod.yaml").read_text().replace("prod/", f"{ENVIRONMENT}/")
    config = yaml.safe_load(given)["config"]
    config |= {"aws:region": region, **{f"rocketclub-platform:{key}": value for key, value in options.items()}}
    (project / f"Pulumi.{ENVIRONMENT}.yaml").write_text(yaml.safe_dump({"config": config}))
    plan = rehearse(ENVIRONMENT, project, tmp_path / "plan.json", ["acceptance"])
    assert plan.exit_code == 0, plan.printed
    assert plan.violations == []
    policies = {inputs["name"]: size(inputs["policy"]) for inputs in plan.inputs("aws:iam/policy:Policy")}
    boundaries = {name: found for name, found in policies.items() if name.endswith("-boundary")}
    assert len(boundaries) >= 4
    assert {name: found for name, found in boundaries.items() if found > LARGEST_BOUNDARY} == {}
