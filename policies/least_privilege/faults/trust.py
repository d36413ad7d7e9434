"""Faults of trust policies: somebody other than intended can assume the role."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from policies.least_privilege.faults.actions import action_faults
from policies.least_privilege.faults.allow_conditions import source_accounts
from policies.least_privilege.faults.fault import Applies, Fault, RuleId
from policies.least_privilege.faults.places import add_places, add_principal
from policies.least_privilege.faults.tokens import token_faults
from policies.least_privilege.faults.wording import quote, shorten, spell
from policies.least_privilege.language import patterns
from policies.least_privilege.language.binding_keys import IDENTITY, PARTNER, SOURCE
from policies.least_privilege.language.documents import Principal, Statement
from policies.least_privilege.meaning import principals

_TOKEN_ACTIONS: Final = frozenset(("sts:assumerolewithwebidentity", "sts:assumerolewithsaml"))
_CARRYING_ACTIONS: Final = frozenset(("sts:tagsession", "sts:setsourceidentity", "sts:setcontext"))
"""Actions that say what a session may carry. They let nobody in
(https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html)."""
_TRUST_ACTIONS: Final = _TOKEN_ACTIONS | _CARRYING_ACTIONS | {"sts:assumerole"}

_SOURCE_KEYS: Final = frozenset(
    "aws:sourceaccount aws:sourcearn aws:sourceorgid aws:sourceorgpaths sts:externalid".split()
)

_DEPUTIES: Final = frozenset(
    f"{service}.amazonaws.com"
    for service in """
        access-analyzer amplify appconfig appflow athena auditmanager batch bedrock bedrock-agentcore budgets
        codebuild cognito-idp comprehend config databrew datasync delivery.logs directoryservice dms ecs-tasks
        elastictranscoder events firehose fis forecast grafana healthlake imagebuilder iot iotevents iotsitewise
        kendra kinesisanalytics lex lexv2 logs lookoutmetrics macie mediaconvert monitoring.rds personalize pipes
        quicksight rds rekognition resource-groups rolesanywhere scheduler ses sms sns ssm ssm-incidents states
        storagegateway textract timestream transcribe transfer translate vpc-flow-logs wellarchitected workmail
        workspaces-web
    """.split()
)
"""Services whose page "Cross-service confused deputy prevention" asks for `aws:SourceAccount` or `aws:SourceArn` in the
trust policies of their roles.

Other services, such as EC2, send no such key or don't document it. A condition on a key that isn't sent would make the
role unusable, so the rule doesn't ask for one. Nor does it ask for one if the service's page about its role shows no
such condition: S3's replication, AWS Backup, CloudTrail, Glue, SageMaker, App Runner, AppSync, the exports of RDS, and
Lambda. Lambda does send `aws:SourceAccount`: AWS's own policies have a condition on it
(https://github.com/aws/agent-toolkit-for-aws, `skills/specialized-skills/serverless-skills`,
`deploying-custom-domain-rest-api/scripts/lambda-trust-policy.json`)."""

_SESSION_ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "pods.eks.amazonaws.com": ("sts:tagsession",),
    "rolesanywhere.amazonaws.com": ("sts:setsourceidentity", "sts:tagsession"),
}
"""Service -> the actions that it also uses for each session, which the role must allow
(https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html,
https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html)."""


def trust_faults(statements: Sequence[Statement]) -> Iterator[Fault]:
    """Yield the faults of a trust policy's statements."""
    for statement in statements:
        if statement.allow:
            yield from add_places(_statement_faults(statement, statements), statement)


def _statement_faults(statement: Statement, statements: Sequence[Statement]) -> Iterator[Fault]:
    yield from action_faults(statement)
    yield from _trust_action_faults(statement)
    yield from _condition_faults(statement, statements)
    if statement.negated_principals:
        yield Fault(RuleId.NOT_PRINCIPAL, f"{statement.where} trusts everybody whom `NotPrincipal` doesn't name.")
        return
    for principal in statement.principals:
        if not _only_adds(statement, principal, statements):
            yield from add_principal(principal, _principal_faults(statement, principal, statements))


def _only_adds(statement: Statement, principal: Principal, statements: Sequence[Statement]) -> bool:
    """Tell whether a statement only adds what a principal's sessions carry, which another statement lets it open."""
    return (
        _CARRYING_ACTIONS.issuperset(statement.actions)
        and not principals.meaning(principal).is_open
        and any(not _CARRYING_ACTIONS.issuperset(one.actions) for one in _allowing([principal], statements))
    )


def _allowing(wanted: Iterable[Principal], statements: Sequence[Statement]) -> Iterator[Statement]:
    """Yield the statements that allow something to all of several principals, by name."""
    return (
        one for one in statements if one.allow and not one.negated_principals and {*one.principals}.issuperset(wanted)
    )


def _trust_action_faults(statement: Statement) -> Iterator[Fault]:
    others = [action for action in statement.actions if action not in _TRUST_ACTIONS]
    if others:
        yield Fault(
            RuleId.TRUST_ACTION,
            f"{statement.where} allows {quote(map(spell, others))}; a trust policy can only allow assuming the role.",
        )
    tokens = [action for action in statement.actions if action in _TOKEN_ACTIONS]
    if tokens and not any(principal.kind == "Federated" for principal in statement.principals):
        yield Fault(
            RuleId.TRUST_ACTION,
            f"{statement.where} grants nothing for {quote(map(spell, tokens))}: none of its principals signs in with "
            "a token.",
        )


def _condition_faults(statement: Statement, statements: Sequence[Statement]) -> Iterator[Fault]:
    """Yield the faults of conditions that no session can meet."""
    asks_for_source = any(line.demands() for line in statement.conditions if line.key == "sts:sourceidentity")
    if asks_for_source and _missing_actions(statement.principals, statements, ("sts:setsourceidentity",)):
        yield Fault(
            RuleId.INVALID_CONDITION,
            f"{statement.where} asks for a source identity, but no statement allows `sts:SetSourceIdentity`.",
        )
    # Sessions of a role have no user name.
    roles = [":role/" in principal.name or principal.kind != "AWS" for principal in statement.principals]
    values = [value.lower() for line in statement.conditions for value in line.values]
    if roles and all(roles) and any("${aws:username}" in value for value in values):
        yield Fault(RuleId.INVALID_CONDITION, f"{statement.where}: none of its principals has an `aws:username`.")


def _missing_actions(wanted: Sequence[Principal], statements: Sequence[Statement], needed: Sequence[str]) -> list[str]:
    """Return those of the actions needed that no statement allows to all of several principals."""
    allowed = [action for one in _allowing(wanted, statements) for action in one.actions]
    return [one for one in needed if not any(patterns.matches(action, one) for action in allowed)]


def _principal_faults(statement: Statement, principal: Principal, statements: Sequence[Statement]) -> Iterator[Fault]:
    where, name = statement.where, principal.name
    found = principals.meaning(principal)
    if found.is_open:
        if principal.kind != "AWS" or not statement.conditions.bind(IDENTITY):
            yield Fault(RuleId.OPEN_TRUST, f"{where} trusts `{shorten(name)}`, and no condition says who that is.")
    elif principal.kind == "AWS" and found.account:
        if not statement.conditions.bind(PARTNER):
            yield Fault(
                RuleId.CROSS_ACCOUNT_TRUST,
                f"{where} trusts `{name}` without an external id or a limit on the principal.",
                found.account,
                Applies.ALWAYS if found.whole else Applies.TO_OTHER_ACCOUNTS,
            )
    elif principal.kind == "Service":
        yield from _service_faults(statement, principal, statements)
    elif principal.kind == "Federated" and found.issuer:
        if found.account:
            yield Fault(
                RuleId.CROSS_ACCOUNT_TRUST,
                f"{where} trusts `{name}`, a provider of another account.",
                found.account,
                Applies.TO_OTHER_ACCOUNTS,
                mend="Name a provider of the role's own account, or list the other account in `accounts`.",
            )
        yield from token_faults(statement, found.issuer)


def _service_faults(statement: Statement, principal: Principal, statements: Sequence[Statement]) -> Iterator[Fault]:
    service = principal.name
    general = principals.strip_region(service)
    missing = _missing_actions([principal], statements, _SESSION_ACTIONS.get(general, ()))
    if missing:
        yield Fault(
            RuleId.RESOURCE_MISMATCH,
            f"{statement.where} grants nothing: `{service}` needs {quote(map(spell, missing))} too.",
        )
    where = f"{statement.where} trusts `{service}`"
    names_source = any(line.key in _SOURCE_KEYS for line in statement.conditions)
    if not statement.conditions.bind(SOURCE):
        unbound = ": the condition on the source doesn't limit it" if names_source else ""
        problem = f"{where} on behalf of any account{unbound}."
        if general in _DEPUTIES:
            yield Fault(RuleId.UNSCOPED_SERVICE_TRUST, problem, service)
        elif names_source:
            yield Fault(RuleId.INVALID_CONDITION, problem, service)
    elif general in _DEPUTIES:
        for account in source_accounts(statement.conditions):
            yield Fault(
                RuleId.CROSS_ACCOUNT_TRUST,
                f"{where} on behalf of another account.",
                account,
                Applies.TO_OTHER_ACCOUNTS,
                mend="Name the role's own account in the condition, or list the other account in `accounts`.",
            )
