"""CircleCI's way in: the token issuer and the three roles that its jobs can assume."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.catalogue import Reader
from components.ci_permissions import (
    ci_boundary_name,
    deploy_statements,
    issuer,
    preview_statements,
    trigger_statements,
)
from components.guarded_role import GuardedRole, GuardedRoleArgs
from components.iam_documents import Statement, web_identity_trust
from components.naming import Names
from components.permissions_boundary import PermissionsBoundary, PermissionsBoundaryArgs
from components.settings import Settings


@dataclass(frozen=True)
class CircleciAccessArgs:
    """The settings say which organization, project and repository the tokens come from."""

    names: Names
    settings: Settings


@dataclass(frozen=True)
class _Role:
    reader: Reader
    description: str
    branches: str
    """Pattern of the git references whose jobs may assume the role."""
    statements: list[Statement]


class CircleciAccess(pulumi.ComponentResource):
    """Short-lived credentials for CircleCI jobs; no long-lived keys.

    A preview runs for any branch and can only look. Deploys and the deployer's trigger run for `main` alone, which
    takes CircleCI's second kind of token (CIRCLE_OIDC_TOKEN_V2): its subject names the branch.
    """

    def __init__(self, name: str, args: CircleciAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("rocketclub:ci:CircleciAccess", name, None, opts)
        names, settings = args.names, args.settings
        child = pulumi.ResourceOptions(parent=self)
        if settings.circleci_provider_managed:
            aws.iam.OpenIdConnectProvider(
                "circleci",
                url=f"https://{issuer(settings)}",
                client_id_lists=[settings.circleci_organization_id],
                tags=names.tags("ci"),
                opts=child,
            )
        roles = (
            _Role(
                Reader.CI_PREVIEW,
                "Previews pull requests; reads no secret value",
                "refs/heads/*",
                preview_statements(names, settings),
            ),
            _Role(Reader.CI_DEPLOY, "Applies main", "refs/heads/main", deploy_statements(names, settings)),
            _Role(
                Reader.CI_DEPLOYER_TRIGGER,
                "Starts the Prefect deployer",
                "refs/heads/main",
                trigger_statements(names, settings),
            ),
        )
        self.arns: dict[str, str] = {}
        for role in roles:
            boundary = PermissionsBoundary(
                PermissionsBoundaryArgs(
                    names, ci_boundary_name(names, role.reader), f"Bounds {role.reader}", role.statements
                ),
                child,
            )
            self.arns[role.reader] = GuardedRole(
                GuardedRoleArgs(
                    names=names,
                    name=names.resource(role.reader),
                    description=role.description,
                    trust=web_identity_trust(
                        names.oidc_provider_arn(issuer(settings)),
                        issuer(settings),
                        settings.circleci_organization_id,
                        [_subject(settings, role.branches)],
                    ),
                    statements=role.statements,
                    boundary=ci_boundary_name(names, role.reader),
                    component="ci",
                ),
                pulumi.ResourceOptions(parent=self, depends_on=[boundary]),
            ).arn
        self.register_outputs({"arns": self.arns})


def _subject(settings: Settings, branches: str) -> str:
    return (
        f"org/{settings.circleci_organization_id}/project/{settings.circleci_project_id}"
        f"/user/*/vcs-origin/{settings.circleci_repository}/vcs-ref/{branches}"
    )
