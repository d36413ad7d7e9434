"""What Backstage's own packages read from the environment that the plan gives its container.

The configuration is the one in docs/workloads.md. `BACKSTAGE` names a folder with these packages:

    npm install --ignore-scripts @backstage/config-loader @backstage/backend-defaults @backstage/plugin-auth-backend \\
        @backstage/plugin-auth-backend-module-aws-alb-provider @backstage/plugin-proxy-backend
    BACKSTAGE=FOLDER pytest -m real_workloads
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from tests.planning import PROJECT, Plan
from tests.workloads.planned_container import PlannedContainer, planned_container

FOLDER: Final = os.environ.get("BACKSTAGE", "")
pytestmark = [
    pytest.mark.real_workloads,
    pytest.mark.skipif(
        not (Path(FOLDER) / "node_modules" / "@backstage" / "config-loader").is_dir(),
        reason="BACKSTAGE names no folder with Backstage's packages",
    ),
    pytest.mark.skipif(not shutil.which("node"), reason="needs node"),
]

VALUES: Final = {
    "backstage/database-url": "postgresql://backstage:canary-password@db.example.com:5432/backstage?sslmode=require",
    "backstage/session-secret-Yb8nR3": "canary-session",
    "backstage/load_balancer_arn": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/x/0",
    "circleci/pat/backstage": "canary-circleci",
    "github/pat/blog_data_ci": "canary-github",
}


def app_config() -> str:
    """Return the configuration of docs/workloads.md."""
    (shown,) = re.findall(r"```yaml\n(.*?)```", (PROJECT / "docs" / "workloads.md").read_text(), re.DOTALL)
    return str(shown)


def read(tmp_path: Path, config: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Let Backstage's packages read a configuration."""
    file = tmp_path / "app-config.yaml"
    file.write_text(config)
    command = ["node", str(Path(__file__).with_name("backstage_config.mjs")), FOLDER, str(file)]
    return subprocess.run(
        command, env={"PATH": os.environ["PATH"], **environment}, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def container(lab: Plan) -> PlannedContainer:
    return planned_container(lab, "lab-backstage")


def test_the_page_refers_to_every_injected_variable_and_to_no_unknown_one(container: PlannedContainer) -> None:
    referred = set(re.findall(r"\$\{(\w+)\}", app_config()))
    assert set(container.injected) <= referred <= {*container.injected, *container.environment}


def test_backstage_reads_its_configuration_from_the_planned_environment(
    tmp_path: Path, container: PlannedContainer
) -> None:
    done = read(tmp_path, app_config(), container.started_with(VALUES, {}))
    assert done.returncode == 0, done.stderr
    config: dict[str, Any] = json.loads(done.stdout)
    assert config["app"]["baseUrl"] == config["backend"]["baseUrl"] == "https://portal-lab.rocketclub.online"
    assert config["backend"]["database"]["connection"] == VALUES["backstage/database-url"]
    assert config["auth"]["session"]["secret"] == VALUES["backstage/session-secret-Yb8nR3"]
    assert config["signIn"] == {
        "issuer": container.environment["AUTH_AWSALB_ISSUER"],
        "signer": VALUES["backstage/load_balancer_arn"],
    }
    assert config["integrations"]["github"][0]["token"] == VALUES["github/pat/blog_data_ci"]


@pytest.mark.parametrize("variable", ["AUTH_AWSALB_ISSUER", "BACKSTAGE_DATABASE_URL", "APP_CONFIG_backend_baseUrl"])
def test_backstage_fails_without_a_planned_variable(variable: str, tmp_path: Path, container: PlannedContainer) -> None:
    environment = container.started_with(VALUES, {})
    del environment[variable]
    assert read(tmp_path, app_config(), environment).returncode != 0


def test_the_published_schema_refuses_unknown_values(tmp_path: Path, container: PlannedContainer) -> None:
    config = app_config().replace("client: pg", "client: postgres")
    assert config != app_config()
    done = read(tmp_path, config, container.started_with(VALUES, {}))
    assert done.returncode != 0
    assert "client" in done.stderr
