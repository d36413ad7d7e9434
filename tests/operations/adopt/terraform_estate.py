"""A platform that real Terraform creates, with modules like an owner's, in an account played by moto's server.

    python -m tests.operations.adopt.terraform_estate

creates it and writes its state, without secret values, into `estate/state.json`. It needs `terraform` on the path
and Terraform's AWS provider (see tests/policies/acceptance/terraform.py).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import boto3

from components.applications import APPLICATIONS, PIPELINES, PORTAL
from components.catalogue import EDGE_LOGS, SECRETS, Maker, Reader, bucket_names
from components.ci_issuers import audience, issuers
from components.iam_names import (
    BALANCER,
    CI_ROLES,
    EDGE,
    LOOK,
    ci_boundary_name,
    every_policy_name,
    every_role_name,
    workload_boundary_name,
)
from components.naming import Names
from components.parameter_catalogue import PARAMETERS
from components.settings import Settings, parse, placeholders
from stackfiles.project import load
from tests import session
from tests.owner import owned
from tests.planning import NAME
from tests.policies.acceptance.terraform import PLUGINS
from tests.upstream.deployment import make_what_is_expected, serving

CODE: Final = Path(__file__).with_name("estate")
STATE: Final = CODE / "state.json"
LEFT_OUT: Final = "[left out]"
"""Replaces each secret value in the recorded state."""

CANARIES: Final = {name: sha256(name.encode()).hexdigest() for name in ("header_secret", "secret_value", "kinde")}
"""The secret values in the estate. No file, output or state of an adoption may contain one."""

STACK: Final = "prod"


def client(server: str, service: str, region: str) -> Any:  # noqa: ANN401 - boto3's clients are made at run time
    """Return a client of the account's API."""
    return boto3.Session().client(  # type: ignore[call-overload]
        service, region, endpoint_url=server, aws_access_key_id="test", aws_secret_access_key="test"
    )


def settings_of_owner(**more: Any) -> tuple[Settings, Names]:  # noqa: ANN401 - as YAML has it
    """Return the settings of the suite's own production stack, some of them replaced, and its names."""
    project = load(owned(), STACK)
    secret = {f"{NAME}:{key}": value for key, value in placeholders().items() if f"{NAME}:{key}" in project.secret_keys}
    given = {f"{NAME}:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in more.items()}
    settings = parse(NAME, STACK, {**project.config, **secret, **given}, secret)
    return settings, settings.names(NAME, STACK)


def variables(settings: Settings, names: Names) -> dict[str, Any]:
    """Return the estate's variables: Terraform creates everything that the program would, under the same names."""
    groups = {PORTAL: settings.backstage_security_group_id, PIPELINES: settings.prefect_security_group_id}
    shared = {Reader.CI_PREVIEW: (LOOK,), Reader.CI_DEPLOY: (LOOK, BALANCER, EDGE)}
    ci = {names.resource(role): {"service": "", "boundary": ci_boundary_name(names, role)} for role in CI_ROLES}
    workloads = {
        role: {
            "service": "lambda.amazonaws.com" if role.endswith(Reader.ORK_PROCESSOR) else "ecs-tasks.amazonaws.com",
            "boundary": workload_boundary_name(names),
        }
        for role in every_role_name(names)
    }
    return {
        "environment": names.environment,
        "region": names.region,
        "domain": settings.domain,
        "vpc_id": settings.vpc_id,
        "public_subnet_ids": settings.public_subnet_ids,
        "cloudfront_prefix_list_id": settings.cloudfront_prefix_list_id,
        "buckets": [*bucket_names(names).values()],
        "log_bucket": names.bucket(EDGE_LOGS),
        "secrets": [secret.name(names) for secret in SECRETS if secret.maker is Maker.PROGRAM],
        "parameters": {one.name(names): "made by Terraform" for one in PARAMETERS if not one.secret},
        "policies": every_policy_name(names),
        "attachments": [
            {"role": names.resource(role), "policy": names.resource(purpose)}
            for role, purposes in shared.items()
            for purpose in purposes
        ],
        "ci_issuer": issuers(settings)["circleci"],
        "ci_audience": audience(settings, "circleci"),
        "roles": {**workloads, **ci},
        "applications": {
            one.label: {
                "port": one.port,
                "priority": one.priority,
                "security_group_id": groups[one],
            }
            for one in APPLICATIONS
        },
        "kinde": {
            "domain": settings.kinde_domain,
            "client_id": settings.kinde_client_id,
            "client_secret": CANARIES["kinde"],
        },
        "header_secret": CANARIES["header_secret"],
        "secret_value": CANARIES["secret_value"],
    }


@dataclass
class Workspace:
    """A folder with Terraform's code and state; `environment` is added to the shell's variables for Terraform."""

    folder: Path
    variables: Mapping[str, Any] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)

    def __post_init__(self) -> None:
        (self.folder / "terraform.tfvars.json").write_text(json.dumps(self.variables))
        mirror = json.dumps(os.environ[PLUGINS])
        (self.folder / "terraform.rc").write_text(
            f"provider_installation {{\n  filesystem_mirror {{ path = {mirror} }}\n}}\n"
        )
        self.run("init", "-input=false")

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run Terraform and return what it prints."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TF_"))}
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env={
                **environment,
                "TF_CLI_CONFIG_FILE": str(self.folder / "terraform.rc"),
                "TF_IN_AUTOMATION": "1",
                "CHECKPOINT_DISABLE": "1",
                **self.environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def apply(self) -> None:
        """Apply the code."""
        self.run("apply", "-auto-approve", "-input=false", "-no-color")

    def state(self) -> str:
        """Return the state, as `terraform state pull` prints it."""
        return self.run("state", "pull")

    def plan(self) -> str:
        """Return the next plan, as `terraform show -json` prints it."""
        self.run("plan", "-input=false", "-no-color", "-out=next.plan")
        return self.run("show", "-json", "next.plan")


def without_secrets(state: str) -> str:
    """Return a state without secret values, one resource a line."""
    for value in CANARIES.values():
        state = state.replace(value, LEFT_OUT)
    document = json.loads(state)
    lines = ",\n".join(json.dumps(resource) for resource in document.pop("resources"))
    return f'{json.dumps(document)[:-1]}, "resources": [\n{lines}\n]}}\n'


def made(folder: Path, server: str) -> Workspace:
    """Create the network for the estate, and the estate."""
    _, names = settings_of_owner()
    return made_within(folder, server, make_what_is_expected(partial(client, server), names.region, STACK))


def made_within(folder: Path, server: str, network: Mapping[str, Any]) -> Workspace:
    """Create the estate in an existing network, which the settings name."""
    settings, names = settings_of_owner(**network)
    shutil.copytree(CODE, folder, ignore=shutil.ignore_patterns("*.json"))
    account = {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    estate = Workspace(folder, variables(settings, names), account)
    estate.apply()
    return estate


def main() -> None:
    """Create the estate and write its state."""
    with tempfile.TemporaryDirectory() as folder, serving("tests.upstream.aws_server", f"{folder}/api.jsonl") as server:
        os.environ[session.FOLDER] = folder
        STATE.write_text(without_secrets(made(Path(folder) / "estate", server).state()))
    print(STATE)


if __name__ == "__main__":
    main()
