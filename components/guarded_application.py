"""One application behind the load balancer: header secret, then sign-in, then the service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components.applications import Application
from components.kinde import Kinde
from components.kinde_endpoints import SCOPE
from components.naming import Names
from components.surroundings import Surroundings

HEADER: Final = "X-Origin-Verify"
"""The header with the secret. The load balancer drops headers whose name has other characters than letters, digits and
hyphens."""

_PROTOCOL: Final = "HTTP"
_TARGET_TYPE: Final = "ip"
_PARKED: Final = aws.lb.ListenerRuleActionArgs(
    type="fixed-response",
    order=1,
    fixed_response=aws.lb.ListenerRuleActionFixedResponseArgs(
        content_type="text/plain",
        message_body="The platform is parked: nothing runs behind this host until its owners unpark it.",
        status_code="503",
    ),
)
_BEFORE_SIGN_IN: Final = 10
"""How far the machine API's rule precedes the rule with the sign-in, as a difference of priorities."""
_BEFORE_ALL: Final = 20
"""The same for the rule that answers while the platform is parked."""


@dataclass(frozen=True)
class GuardedApplicationArgs:
    """An application, its host, the listener of its rule, and what a request must have.

    `header_secrets` are the accepted values: one, or two while the secret is rotated.
    """

    names: Names
    application: Application
    host: str
    listener_arn: pulumi.Input[str]
    surroundings: Surroundings
    header_secrets: Sequence[pulumi.Input[str]]
    kinde: Kinde
    session_seconds: int
    closed: bool
    """Whether the load balancer itself answers 503, because the service isn't running."""
    open_machine_api: bool
    """Whether `/api/*` with an `Authorization: Basic` header skips the sign-in; the API checks the credential."""


class GuardedApplication(pulumi.ComponentResource):
    """A target group and the listener rule that leads to it.

    A closed application has another rule, which comes first and answers. The rule with the sign-in stays: AWS doesn't
    check the health of a target group that no rule uses
    (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html,
    `Target.NotInUse`), and its service would never become steady. The engine deletes last, so the host opens once the
    service runs.
    """

    rule: aws.lb.ListenerRule
    target_group_arn: pulumi.Output[str]

    def __init__(self, name: str, args: GuardedApplicationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        application, names = args.application, args.names
        super().__init__("guarded:edge:GuardedApplication", name, None, opts)
        # The default for targets without a port; ECS registers each target with the port of its container.
        port = names.fixed("targetGroups", name, "port", f"{application.port}")
        # AWS doesn't delete a target group that a rule uses, and a change of any of these replaces the group.
        own_name = names.replaceable(application.label, port, _PROTOCOL, _TARGET_TYPE, args.surroundings.vpc_mark)
        group = aws.lb.TargetGroup(
            name,
            name=names.fixed("targetGroups", name, "name", own_name),
            port=int(port),
            protocol=_PROTOCOL,
            target_type=_TARGET_TYPE,
            vpc_id=args.surroundings.vpc_id,
            deregistration_delay=30,
            health_check=aws.lb.TargetGroupHealthCheckArgs(
                path=application.health_path, protocol="HTTP", matcher="200", interval=15, healthy_threshold=2
            ),
            tags=names.tags("edge"),
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=False),
        )
        self.target_group_arn = group.arn
        forward = aws.lb.ListenerRuleActionArgs(type="forward", target_group_arn=group.arn, order=2)
        if args.closed:
            self._rule(f"{name}-parked", args, application.priority - _BEFORE_ALL, [], [_PARKED])
        if args.open_machine_api:
            self._rule(
                f"{name}-machine-api",
                args,
                application.priority - _BEFORE_SIGN_IN,
                [
                    aws.lb.ListenerRuleConditionArgs(
                        path_pattern=aws.lb.ListenerRuleConditionPathPatternArgs(values=["/api/*"])
                    ),
                    _header("Authorization", ["Basic *"]),
                ],
                [forward],
            )
        self.rule = self._rule(name, args, application.priority, [], [_sign_in(args), forward])
        self.register_outputs({"host": args.host})

    def _rule(
        self,
        name: str,
        args: GuardedApplicationArgs,
        priority: int,
        conditions: Sequence[aws.lb.ListenerRuleConditionArgs],
        actions: Sequence[aws.lb.ListenerRuleActionArgs],
    ) -> aws.lb.ListenerRule:
        return aws.lb.ListenerRule(
            name,
            listener_arn=args.listener_arn,
            priority=priority,
            # A rule matches only if all of its conditions do. Each rule requires the header, so without it none
            # matches.
            conditions=[
                aws.lb.ListenerRuleConditionArgs(
                    host_header=aws.lb.ListenerRuleConditionHostHeaderArgs(values=[args.host])
                ),
                _header(HEADER, args.header_secrets),
                *conditions,
            ],
            actions=list(actions),
            tags=args.names.tags("edge"),
            opts=pulumi.ResourceOptions(
                parent=self,
                # The provider marks neither of these as secret, and reads both back into the state.
                additional_secret_outputs=["actions", "conditions"],
            ),
        )


def _header(name: str, values: Sequence[pulumi.Input[str]]) -> aws.lb.ListenerRuleConditionArgs:
    return aws.lb.ListenerRuleConditionArgs(
        http_header=aws.lb.ListenerRuleConditionHttpHeaderArgs(http_header_name=name, values=list(values))
    )


def _sign_in(args: GuardedApplicationArgs) -> aws.lb.ListenerRuleActionArgs:
    """Return the action that signs a user in.

    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html
    """
    return aws.lb.ListenerRuleActionArgs(
        type="authenticate-oidc",
        order=1,
        authenticate_oidc=aws.lb.ListenerRuleActionAuthenticateOidcArgs(
            issuer=args.kinde.issuer,
            authorization_endpoint=args.kinde.authorization_endpoint,
            token_endpoint=args.kinde.token_endpoint,
            user_info_endpoint=args.kinde.user_info_endpoint,
            client_id=args.kinde.client_id,
            client_secret=args.kinde.client_secret,
            scope=SCOPE,
            on_unauthenticated_request="authenticate",
            session_cookie_name=args.application.session_cookie,
            session_timeout=args.session_seconds,
        ),
    )
