"""How CI gets credentials: the token issuers and the roles that its jobs can assume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components.catalogue import Reader
from components.ci_boundary import ci_boundary_statements
from components.ci_entry_point_permissions import balancer_statements, edge_statements
from components.ci_issuers import Runs, audience, is_managed, issuers, trusted_tokens
from components.ci_permissions import (
    deploy_statements,
    look_statements,
    preview_statements,
    trigger_statements,
)
from components.ci_workload_permissions import (
    foundation_look_statements,
    workload_change_statements,
    workload_deploy_statements,
    workload_look_statements,
)
from components.guarded_role import GuardedRole, GuardedRoleArgs
from components.iam_documents import Statement, web_identity_trust
from components.iam_names import BALANCER, CHANGE_WORKLOADS, EDGE, LOOK, LOOK_AT_WORKLOADS, ci_boundary_name
from components.managed_policy import ManagedPolicy, ManagedPolicyArgs
from components.naming import Names
from components.settings import Settings

SHARED: Final = {
    LOOK: "Reads what this program manages, without any secret value",
    BALANCER: "Changes the load balancer",
    EDGE: "Changes what stands before the load balancer",
    LOOK_AT_WORKLOADS: "Reads the workloads that are made here",
    CHANGE_WORKLOADS: "Changes the workloads that are made here",
}
"""Last part of the name of each managed policy that CI's roles can share -> its description."""


@dataclass(frozen=True)
class CircleciAccessArgs:
    """The settings name the trusted token issuers, and the project and repository of the tokens."""

    names: Names
    settings: Settings


@dataclass(frozen=True)
class CiRole:
    """One of CI's roles, and what it may do."""

    reader: Reader
    description: str
    runs: Runs
    """The runs whose jobs can assume the role."""
    statements: list[Statement]
    shared: tuple[str, ...] = ()
    """Purposes of the managed policies that are attached to it."""

    def everything(self, shared: Mapping[str, Sequence[Statement]]) -> list[Statement]:
        """Return its own statements and those of its managed policies."""
        return [*self.statements, *(statement for purpose in self.shared for statement in shared[purpose])]


class CircleciAccess(pulumi.ComponentResource):
    """Short-lived credentials for CI's jobs; no long-lived keys.

    A preview runs for any branch and can only read. Deploys and the deployer's trigger run for `main` only. That needs
    CircleCI's second kind of token (CIRCLE_OIDC_TOKEN_V2), whose subject names the branch.
    """

    def __init__(self, name: str, args: CircleciAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:ci:CircleciAccess", name, None, opts)
        names, settings = args.names, args.settings
        child = pulumi.ResourceOptions(parent=self)
        for ci, issuer in issuers(settings).items():
            if is_managed(settings, ci):
                aws.iam.OpenIdConnectProvider(
                    ci,
                    url=f"https://{issuer}",
                    client_id_lists=[audience(settings, ci)],
                    tags=names.tags("ci"),
                    opts=child,
                )
        shared = shared_statements(names, settings)
        policies = [
            ManagedPolicy(names.resource(purpose), ManagedPolicyArgs(names, SHARED[purpose], statements), child)
            for purpose, statements in shared.items()
        ]
        self.arns: dict[str, str] = {}
        for role in ci_roles(names, settings):
            boundary = ci_boundary_name(names, role.reader)
            bound = ManagedPolicy(
                boundary,
                ManagedPolicyArgs(
                    names, f"Bounds {role.reader}", ci_boundary_statements(names, role.everything(shared))
                ),
                child,
            )
            self.arns[role.reader] = GuardedRole(
                names.resource(role.reader),
                GuardedRoleArgs(
                    names=names,
                    description=role.description,
                    trust=web_identity_trust(trusted_tokens(names, settings, role.runs)),
                    statements=role.statements,
                    boundary=boundary,
                    component="ci",
                    managed_policies=[names.resource(purpose) for purpose in role.shared],
                ),
                pulumi.ResourceOptions(parent=self, depends_on=[bound, *policies]),
            ).arn
        self.register_outputs({"arns": self.arns})


def shared_statements(names: Names, settings: Settings) -> Mapping[str, Sequence[Statement]]:
    """Map the purpose of each managed policy that CI's roles share to its statements."""
    shared: dict[str, Sequence[Statement]] = {
        LOOK: look_statements(names, settings),
        BALANCER: balancer_statements(names, settings),
        EDGE: edge_statements(names, settings),
    }
    if settings.here:
        shared[LOOK_AT_WORKLOADS] = workload_look_statements(names, settings)
        shared[CHANGE_WORKLOADS] = workload_change_statements(names, settings)
    return shared


def ci_roles(names: Names, settings: Settings) -> tuple[CiRole, ...]:
    """Return CI's roles; with `workloads: here` a separate role changes the workloads."""
    workloads = CiRole(
        Reader.CI_WORKLOADS,
        "Applies what main changes of the workloads",
        Runs.DEPLOYS,
        workload_deploy_statements(names, settings) if settings.here else [],
        (LOOK_AT_WORKLOADS, CHANGE_WORKLOADS),
    )
    return (
        CiRole(
            Reader.CI_PREVIEW,
            "Previews pull requests; "
            + ("can open the state" if settings.preview_reads_state else "reads no secret value"),
            Runs.ANY_BRANCH,
            [
                *preview_statements(names, settings),
                *(foundation_look_statements(names, settings) if settings.here else ()),
            ],
            (LOOK, LOOK_AT_WORKLOADS) if settings.here else (LOOK,),
        ),
        CiRole(
            Reader.CI_DEPLOY,
            "Applies main",
            Runs.DEPLOYS,
            deploy_statements(names, settings),
            (LOOK, BALANCER, EDGE),
        ),
        *([workloads] if settings.here else ()),
        CiRole(
            Reader.CI_DEPLOYER_TRIGGER,
            "Starts the Prefect deployer",
            Runs.DEPLOYS,
            trigger_statements(names, settings),
        ),
    )
