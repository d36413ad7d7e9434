"""Permissions of roles: exactly the statements that the owners agreed to.

The least-privilege pack finds statements that are too wide. Only an agreement says whether a role should have a
statement at all: for example, whether the preview role may change a listener's rules. Boundaries grant nothing by
themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from policies.inventory.documents import listed, statements
from policies.inventory.elsewhere import OWNERS
from policies.inventory.identity_policies import TYPES
from policies.inventory.roles import ROLE, policy_name
from policies.rulebook import Finding, Json, Judgement, Resource, Rule, Severity

_POLICY: Final = "aws:iam/policy:Policy"
_BOUNDARY: Final = "boundary"
"""Takes the place of a policy's statements if it is a boundary, which `pinned-role` keeps from being attached."""


def agreed_permissions(inputs: Iterable[tuple[str, Mapping[str, Json]]]) -> dict[str, Json]:
    """Return policy -> its statements, or `boundary`; the resources are given as type and properties.

    The key of a managed policy is its name, that of a role's policy is `ROLE/NAME`.
    """
    given = list(inputs)
    boundaries = {policy_name(properties.get("permissionsBoundary")) for type_, properties in given if type_ == ROLE}
    found = dict(policy for type_, properties in given if type_ in TYPES for policy in _policies(type_, properties))
    return {name: _BOUNDARY if name in boundaries else said for name, said in sorted(found.items())}


def _policies(type_: str, properties: Mapping[str, Json]) -> Iterator[tuple[str, list[Json]]]:
    name = str(properties.get("name"))
    if type_ == ROLE:
        for inline in listed(properties.get("inlinePolicies")):
            policy = inline if isinstance(inline, Mapping) else {}
            yield f"{name}/{policy.get('name')}", _statements(policy.get("policy"))
    else:
        yield name if type_ == _POLICY else f"{properties.get('role')}/{name}", _statements(properties.get("policy"))


def _statements(document: Json) -> list[Json]:
    """Return the statements of a document without their names, sorted at every level."""
    return sorted((_sorted(statement) for statement in statements(document)), key=json.dumps)


def _sorted(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {key: _sorted(item) for key, item in sorted(value.items()) if key != "Sid"}
    return sorted(value, key=str) if isinstance(value, list) else value


def _unagreed(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    for name, said in _policies(resource.type, resource.properties):
        agreed = judgement.config["policies"].get(name)
        if agreed == _BOUNDARY and resource.type == _POLICY:
            continue
        if not isinstance(agreed, list):
            yield Finding(f"Nobody agreed to the policy `{name}`.")
            continue
        if not said:
            yield Finding(f"The content of the policy `{name}` isn't known at preview, or can't be read.")
            continue
        for statement in [one for one in said if one not in agreed]:
            yield Finding(f"A statement of `{name}` isn't agreed: {_shown(statement)}.")
        # Without a Deny, the other statements allow more.
        for statement in [one for one in agreed if one not in said and not _allows(one)]:
            yield Finding(f"`{name}` lacks a statement that is agreed: {_shown(statement)}.")


def _allows(statement: Json) -> bool:
    return isinstance(statement, Mapping) and statement.get("Effect") == "Allow"


def _shown(statement: Json) -> str:
    given = statement if isinstance(statement, Mapping) else {}
    actions = listed(given.get("Action", given.get("NotAction")))
    return f"{given.get('Effect')} " + ", ".join(f"`{action}`" for action in actions[:3]) + " …" * bool(actions[3:])


RULES: Final = (
    Rule(
        id="pinned-permission",
        title="Policies have only statements that the owners agreed to, and every Deny that they agreed to.",
        remedy=f"Correct it, or have {OWNERS} change `pinned-permission`: `policies`, which "
        "`python -m policies.inventory.agreement write` writes from the plan.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
        severity=Severity.HIGH,
        check=_unagreed,
        types=TYPES,
        by_agreement=True,
        config={
            "policies": {
                "type": "object",
                "description": "Name of a managed policy, or `ROLE/NAME` of a role's policy -> its statements without "
                "their names, or `boundary` for a policy that is attached to no role",
                "default": {},
            }
        },
    ),
)
