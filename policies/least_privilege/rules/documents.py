"""The rules about single documents: one row for each, and one check for all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from policies.least_privilege.faults.fault import RuleId
from policies.least_privilege.faults.remedies import NAME_ACTIONS
from policies.least_privilege.stack.attached import TYPES
from policies.least_privilege.stack.judged import BOUNDARIES, UNKNOWN_DOCUMENT, broken_rules, finding, is_allowed, judge
from policies.rulebook import Finding, Judgement, Resource, Rule, Severity

_GUIDE: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"

_ACCOUNTS: Final[dict[str, Any]] = {
    "accounts": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Numbers of the accounts that may be given access without a condition; list the stack's own "
        "account too if neither its provider nor a boundary names it",
        "default": [],
    }
}
_ROLES: Final[dict[str, Any]] = {
    "unlisted_roles": {
        "type": "boolean",
        "description": "Whether a policy may name a role or user of an account that `accounts` doesn't list, without a "
        "condition, for actions that don't manage the resource",
        "default": True,
    }
}
_SERVICES: Final[dict[str, Any]] = {
    "services": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Service principals that need no condition on their source",
        "default": [],
    }
}
_ISSUERS: Final[dict[str, Any]] = {
    "issuers": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Issuers (host and path) to which the rule doesn't apply",
        "default": [],
    }
}


def _check(rule: RuleId, resource: Resource, judgement: Judgement) -> Iterable[Finding]:
    found = judge(resource, judgement).faults.get(rule, ())
    return [finding(f"`{path}`", fault) for path, fault in found if not is_allowed(fault, resource, judgement)]


def _unknown(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    for document in judge(resource, judgement).documents:
        if document.text is None:
            yield Finding(f"`{document.path}` isn't known at preview, so the gate can't judge it.")


def _malformed(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    for document in judge(resource, judgement).documents:
        if document.problem:
            yield Finding(f"`{document.path}` {document.problem}.")
    yield from _check(RuleId.MALFORMED_DOCUMENT, resource, judgement)


class _Row(NamedTuple):
    id: RuleId
    title: str
    remedy: str
    source: str
    severity: Severity
    config: dict[str, Any] = BOUNDARIES


_ROWS: Final = (
    # Documents of any kind.
    _Row(
        RuleId.UNKNOWN_ACTION,
        "Every action exists.",
        "Correct the action's name; if AWS added the action recently, compile the index again.",
        _GUIDE + "reference_policies_elements_action.html",
        Severity.MEDIUM,
    ),
    _Row(
        RuleId.MALFORMED_ARN,
        "Every resource is an ARN that can exist, or `*`.",
        "Write the ARN in the form that the service's page of the service authorization reference gives.",
        _GUIDE + "reference-arns.html",
        Severity.MEDIUM,
    ),
    _Row(
        RuleId.MALFORMED_PRINCIPAL,
        "Every principal is one that can exist.",
        "Name an account, a role, a user, a service or an identity provider in full, without wildcards.",
        _GUIDE + "reference_policies_elements_principal.html",
        Severity.HIGH,
    ),
    _Row(
        RuleId.INVALID_CONDITION,
        "Every condition has an operator, a key and values that exist and fit each other.",
        "Correct the operator, the key or the value; AWS never matches one that doesn't exist.",
        _GUIDE + "reference_policies_condition-keys.html",
        Severity.HIGH,
    ),
    _Row(
        RuleId.RESOURCE_MISMATCH,
        "Every statement has an effect: its resources fit its actions.",
        "Name a resource of a type that the action takes, or remove the action.",
        "https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html",
        Severity.MEDIUM,
    ),
    _Row(
        RuleId.INEFFECTIVE_CONDITION,
        "A condition keeps out what it seems to keep out.",
        "List the values that may pass, with an operator that fails when the key is missing.",
        _GUIDE + "reference_policies_elements_condition_operators.html",
        Severity.HIGH,
    ),
    # Identity policies.
    _Row(
        RuleId.WILDCARD_ACTION,
        "No policy allows every action.",
        NAME_ACTIONS,
        _GUIDE + "best-practices.html#grant-least-privilege",
        Severity.CRITICAL,
    ),
    _Row(
        RuleId.SERVICE_WILDCARD,
        "No policy allows every action of a service.",
        NAME_ACTIONS,
        _GUIDE + "best-practices.html#grant-least-privilege",
        Severity.HIGH,
    ),
    _Row(
        RuleId.BROAD_ACTION_PATTERN,
        "No action pattern includes writes, permissions or credentials that it doesn't name.",
        NAME_ACTIONS,
        _GUIDE + "reference_policies_elements_action.html",
        Severity.HIGH,
    ),
    _Row(
        RuleId.NOT_ACTION,
        "No Allow has `NotAction`.",
        "Name the actions that are needed; all others stay denied.",
        _GUIDE + "reference_policies_elements_notaction.html",
        Severity.CRITICAL,
    ),
    _Row(
        RuleId.NOT_RESOURCE,
        "No Allow has `NotResource`.",
        "Name the resources that are needed; all others stay denied.",
        _GUIDE + "reference_policies_elements_notresource.html",
        Severity.CRITICAL,
    ),
    _Row(
        RuleId.WILDCARD_RESOURCE,
        "An action that can be narrowed to resources isn't allowed on `*`.",
        "Name the resources, or add a condition on their tags or on a key of the service.",
        _GUIDE + "reference_policies_elements_resource.html",
        Severity.HIGH,
    ),
    _Row(
        RuleId.UNBOUNDED_RESOURCE,
        "No resource pattern matches every resource of its kind.",
        "Name the resources, or a prefix of their names, or add a condition on their tags.",
        _GUIDE + "reference_policies_elements_resource.html",
        Severity.HIGH,
    ),
    _Row(
        RuleId.SECRET_WILDCARD,
        "A secret is granted by its own name.",
        "End the ARN with the secret's name and `-??????`, the suffix that Secrets Manager adds.",
        "https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html",
        Severity.HIGH,
    ),
    _Row(
        RuleId.UNSCOPED_PASS_ROLE,
        "`iam:PassRole` names the roles that may be passed.",
        "Name the roles by their ARNs and the service by `iam:PassedToService`.",
        _GUIDE + "id_roles_use_passrole.html",
        Severity.CRITICAL,
    ),
    _Row(
        RuleId.PRIVILEGE_ESCALATION,
        "No policy allows privilege escalation.",
        "Leave out one of the actions, narrow it to resources that give no more permissions, or limit it by a "
        "condition; the finding says which of these works.",
        "https://pathfinding.cloud/",
        Severity.CRITICAL,
    ),
    _Row(
        RuleId.CREDENTIAL_EXPOSURE,
        "No policy gives access to credentials of others.",
        "Narrow the action to the one resource or user that needs it.",
        "https://policy-sentry.readthedocs.io/",
        Severity.CRITICAL,
    ),
    _Row(
        RuleId.DATA_EXFILTRATION,
        "No policy allows reading the data of every resource, or sharing data with any account.",
        "Name the buckets, tables, secrets or parameters whose data is needed.",
        "https://cloudsplaining.readthedocs.io/en/latest/glossary/data-exfiltration/",
        Severity.HIGH,
    ),
    _Row(
        RuleId.PERMISSIONS_MANAGEMENT,
        "No policy allows changing the permissions of every resource or of one that its holder also uses, or opening "
        "one to anybody.",
        "Name the resources whose permissions are managed.",
        "https://cloudsplaining.readthedocs.io/en/latest/glossary/resource-exposure/",
        Severity.HIGH,
    ),
    _Row(
        RuleId.AUDIT_TAMPERING,
        "No policy allows turning off the account's audit or guard rails, or taking the account out of its "
        "organization.",
        "Leave the action to those who run the audit, and waive the rule for them.",
        "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/best-practices-security.html",
        Severity.HIGH,
    ),
    # Trust policies.
    _Row(
        RuleId.OPEN_TRUST,
        "No role is open to everybody.",
        "Name the account, role, service or provider, or limit the principal by a condition.",
        _GUIDE + "reference_policies_elements_principal.html#principal-anonymous",
        Severity.CRITICAL,
    ),
    _Row(
        RuleId.NOT_PRINCIPAL,
        "No Allow has `NotPrincipal`.",
        "Name the principals; all others stay denied.",
        _GUIDE + "reference_policies_elements_notprincipal.html",
        Severity.CRITICAL,
    ),
    _Row(
        RuleId.TRUST_ACTION,
        "A trust policy allows only actions for assuming the role.",
        "Name `sts:AssumeRole`, `sts:AssumeRoleWithWebIdentity` or `sts:AssumeRoleWithSAML`, and the actions that go "
        "with it.",
        _GUIDE + "id_roles_update-role-trust-policy.html",
        Severity.HIGH,
    ),
    _Row(
        RuleId.CROSS_ACCOUNT_TRUST,
        "Trust in another account has a condition on an external id, its organization or its principals.",
        "Add a condition on `sts:ExternalId`, `aws:PrincipalOrgID` or `aws:PrincipalArn`.",
        _GUIDE + "id_roles_common-scenarios_third-party.html",
        Severity.HIGH,
        _ACCOUNTS,
    ),
    _Row(
        RuleId.UNSCOPED_SERVICE_TRUST,
        "A service is trusted only on behalf of accounts or organizations that a condition names.",
        "Add a condition on `aws:SourceAccount`, and on `aws:SourceArn` where the service sends it.",
        _GUIDE + "confused-deputy.html",
        Severity.HIGH,
        _SERVICES,
    ),
    _Row(
        RuleId.FEDERATION_WITHOUT_AUDIENCE,
        "Tokens are accepted only for a named audience.",
        "Add a condition on the issuer's `aud`.",
        _GUIDE + "id_roles_create_for-idp_oidc.html",
        Severity.CRITICAL,
        _ISSUERS,
    ),
    _Row(
        RuleId.FEDERATION_WITHOUT_SUBJECT,
        "Tokens are accepted only for a named subject.",
        "Add a condition on the issuer's `sub`.",
        _GUIDE + "id_roles_create_for-idp_oidc.html",
        Severity.CRITICAL,
        _ISSUERS,
    ),
    _Row(
        RuleId.LOOSE_FEDERATION_SUBJECT,
        "The pattern for a token's subject names one project, and no star in it stands before text that others could "
        "write.",
        "Name the project in the pattern for `sub`. A star may stand at the end, for the branch or the run; before it, "
        "write the text in full, or a question mark for each character of an id (36 for a UUID).",
        _GUIDE + "id_roles_create_for-idp_oidc.html",
        Severity.HIGH,
        _ISSUERS,
    ),
    # Resource policies.
    _Row(
        RuleId.PUBLIC_RESOURCE_POLICY,
        "No resource is open to everybody.",
        "Name the principals, or limit them by organization, account, VPC endpoint or network.",
        _GUIDE + "reference_policies_elements_principal.html#principal-anonymous",
        Severity.CRITICAL,
    ),
    _Row(
        RuleId.CONFUSED_DEPUTY,
        "A service can use a resource only on behalf of accounts or organizations that a condition names.",
        "Add a condition on `aws:SourceAccount` or `aws:SourceArn`.",
        _GUIDE + "confused-deputy.html",
        Severity.HIGH,
        _SERVICES,
    ),
    _Row(
        RuleId.CROSS_ACCOUNT_ACCESS,
        "Another account is let in only under a condition, or if the configuration lists it.",
        "List the account in `accounts` if it should be let in, or add a condition on `aws:PrincipalOrgID`.",
        _GUIDE + "reference_policies-cross-account-resource-access.html",
        Severity.HIGH,
        _ACCOUNTS | _ROLES,
    ),
)

RULES: Final = (
    Rule(
        id=UNKNOWN_DOCUMENT,
        title="Every policy document is known at preview.",
        remedy="Build the document from names and configuration, as plain strings; ARNs follow from names. An Output "
        "is fine if its value is known at preview, such as a name that the program sets. Otherwise, waive the rule for "
        "this one resource.",
        source="https://www.pulumi.com/docs/insights/policy/policy-packs/authoring/",
        severity=Severity.CRITICAL,
        check=_unknown,
        types=TYPES,
        config=BOUNDARIES,
        found_by=broken_rules,
    ),
    Rule(
        id="malformed-document",
        title="Every policy document is one that IAM accepts.",
        remedy="Correct the document; AWS would refuse it, or read it differently than intended.",
        source=_GUIDE + "reference_policies_grammar.html",
        severity=Severity.HIGH,
        check=_malformed,
        types=TYPES,
        config=BOUNDARIES,
        found_by=broken_rules,
    ),
    *(
        Rule(
            id=str(row.id),
            title=row.title,
            remedy=row.remedy,
            source=row.source,
            severity=row.severity,
            check=partial(_check, row.id),
            types=TYPES,
            config=row.config if row.config is BOUNDARIES else {**BOUNDARIES, **row.config},
            found_by=broken_rules,
        )
        for row in _ROWS
    ),
)
