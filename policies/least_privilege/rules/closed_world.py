"""The rules of a closed world: all who are let in are identified, and nobody acts as another identity or deletes data
unless the owners agreed.

By default these rules agree to everything, so that they judge nothing in other projects. This project's configuration
closes the world.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from policies.least_privilege.faults.wording import quote_actions, shorten
from policies.least_privilege.knowledge import sensitive
from policies.least_privilege.language.binding_keys import NAMED_OWNER
from policies.least_privilege.language.documents import Kind, Principal, Statement, parse
from policies.least_privilege.language.patterns import includes
from policies.least_privilege.meaning import principals
from policies.least_privilege.meaning.grants import named_actions
from policies.least_privilege.stack.attached import TYPES
from policies.least_privilege.stack.judged import BOUNDARIES, attached_documents, is_boundary
from policies.least_privilege.stack.roles import POLICY
from policies.rulebook import Finding, Judgement, Resource, Rule, Severity


def _unidentified(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    if not judgement.config["closed_world"]:
        return
    for path, kind, statement in _allowing(resource, frozenset((Kind.TRUST, Kind.RESOURCE))):
        # `not-principal` judges those with `NotPrincipal`.
        for principal in () if statement.negated_principals else statement.principals:
            if problem := _problem(principal, statement, kind):
                yield Finding(f"`{path}`: {statement.where} lets in {problem}.")


def _problem(principal: Principal, statement: Statement, kind: Kind) -> str:
    """Return whom a statement lets in, empty if an account or an organization is named."""
    if any("${" in value for key in _ORGANIZATIONS for value in statement.conditions.accepted_values(key)):
        return "every account of an organization that a variable stands for"
    found = principals.meaning(principal)
    if principal.kind == "Service" or found.account:
        return ""  # Other rules judge a service's source, and which accounts are named.
    if principal.kind == "Federated":
        # Another rule judges which issuers a role trusts.
        return "" if kind is Kind.TRUST else f"everybody who signs in with `{shorten(principal.name)}`"
    if found.is_open:
        named = statement.conditions.bind(NAMED_OWNER)
        return "" if named else "everybody who meets its conditions, and none of them names an account or organization"
    return f"`{shorten(principal.name)}`, which doesn't show its account"


_ORGANIZATIONS: Final = tuple(
    f"aws:{whose}{what}" for whose in ("principal", "source", "vpce") for what in ("orgid", "orgpaths")
)


def _unagreed(
    category: sensitive.Category, effect: str, kinds: frozenset[Kind], resource: Resource, judgement: Judgement
) -> Iterator[Finding]:
    """Find the actions of a category that are allowed on resources to which the owners didn't agree."""
    # A boundary grants nothing.
    if resource.type == POLICY and is_boundary(resource, judgement):
        return
    agreed = judgement.config["agreed"]
    if "*" in agreed:
        return
    for path, kind, statement in _allowing(resource, kinds):
        if kind is Kind.RESOURCE and all(principals.meaning(one).whole for one in statement.principals):
            continue  # The account's own policies decide who is allowed to do it.
        given = ("*",) if statement.negated_resources else statement.resources
        others = [one for one in given if not any(includes(pattern, one) for pattern in agreed)]
        for service, actions in named_actions(statement).items() if others else ():
            if found := actions & sensitive.mask(service, category):
                named = quote_actions(service, found)
                yield Finding(f"`{path}`: {statement.where} lets {named} {effect} `{shorten(others[0])}`.")


def _allowing(resource: Resource, kinds: frozenset[Kind]) -> Iterator[tuple[str, Kind, Statement]]:
    """Yield each Allow in the documents of some kinds. Other rules judge what is unknown or can't be read."""
    for document in attached_documents(resource):
        if document.kind in kinds and document.text:
            for statement in parse(document.text, document.kind).statements:
                if statement.allow:
                    yield document.path, document.kind, statement


def _agreed(what: str) -> dict[str, Any]:
    return {
        "agreed": {
            "type": "array",
            "items": {"type": "string"},
            "description": f"ARNs (* and ? are wildcards) of {what}",
            "default": ["*"],
        }
    }


RULES: Final = (
    Rule(
        id="unidentified-caller",
        title="A policy lets in only principals of an account or an organization that it names.",
        remedy="Name an account, a role by its ARN, or an organization; for `Principal: *`, add a condition on "
        "`aws:PrincipalAccount`, `aws:PrincipalArn` or `aws:PrincipalOrgID`.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
        severity=Severity.HIGH,
        check=_unidentified,
        types=TYPES,
        config={
            "closed_world": {
                "type": "boolean",
                "description": "Whether the rule applies. The rule `pinned-account` of the inventory pack says which "
                "accounts and organizations may be named",
                "default": False,
            }
        },
    ),
    Rule(
        id="unagreed-session",
        title="No policy allows acting as another identity, or inside something that runs as one, unless the owners "
        "agreed.",
        remedy="Give the role itself the permissions that it needs, or have the owners of the pack's configuration add "
        "the ARN to `agreed`.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_permissions-to-switch.html",
        severity=Severity.HIGH,
        check=partial(_unagreed, "sessions", "act as another identity, through", frozenset((Kind.IDENTITY,))),
        types=TYPES,
        config={**BOUNDARIES, **_agreed("the roles, tasks and instances that others may act as")},
    ),
    Rule(
        id="unagreed-deletion",
        title="No policy allows deleting resources that hold data, or that could restore it, unless the owners agreed.",
        remedy="Leave the deletion to an administrator, or have the owners of the pack's configuration add the ARN to "
        "`agreed`.",
        source="https://docs.aws.amazon.com/wellarchitected/latest/security-pillar/"
        "sec_permissions_least_privileges.html",
        severity=Severity.HIGH,
        check=partial(_unagreed, "deletions", "permanently delete", frozenset((Kind.IDENTITY, Kind.RESOURCE))),
        types=TYPES,
        config={**BOUNDARIES, **_agreed("the resources that the roles of a stack may delete although they hold data")},
    ),
)
