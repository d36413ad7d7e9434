"""Roles: who can assume each, its boundary, and the managed policies that are attached to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from policies.inventory.documents import listed, statements
from policies.inventory.elsewhere import OWNERS
from policies.rulebook import Finding, Json, Judgement, Resource, Rule, Severity

ROLE: Final = "aws:iam/role:Role"
ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
_WITHIN: Final = "within"
_WITH: Final = "with"


@dataclass(frozen=True)
class Terms:
    """The agreement about a role: who can assume it, the name of its boundary, the names of its managed policies.

    It is written in one line: `ecs-tasks.amazonaws.com within prod-boundary with prod-look prod-write`. The first words
    name who can assume it: services, ARNs, or subjects of an identity provider's tokens.
    """

    assumed_by: frozenset[str] = frozenset()
    boundary: str = ""
    policies: frozenset[str] = field(default_factory=frozenset)

    @staticmethod
    def read(line: Json) -> Terms:
        """Read a line; a value that isn't a text agrees to nothing."""
        parts: dict[str, set[str]] = {"": set(), _WITHIN: set(), _WITH: set()}
        part = ""
        for word in line.split() if isinstance(line, str) else ():
            if word in parts:
                part = word
            else:
                parts[part].add(word)
        return Terms(frozenset(parts[""]), " ".join(sorted(parts[_WITHIN])), frozenset(parts[_WITH]))

    @staticmethod
    def of_role(inputs: Mapping[str, Json]) -> Terms:
        """Return the terms in a role's own inputs."""
        boundary = inputs.get("permissionsBoundary")
        arns = inputs.get("managedPolicyArns")
        return Terms(
            frozenset(assumed_by(inputs.get("assumeRolePolicy"))),
            policy_name(boundary) if boundary else "",
            frozenset(map(policy_name, arns)) if isinstance(arns, list) else frozenset(),
        )

    def line(self) -> str:
        """Return the terms in one line."""
        words = [*sorted(self.assumed_by), *([_WITHIN, self.boundary] if self.boundary else [])]
        return " ".join([*words, *([_WITH, *sorted(self.policies)] if self.policies else [])])


def policy_name(arn: Json) -> str:
    """Return the name of a policy from its ARN; for an unknown value or another text, a name that nobody agrees to."""
    return arn.rpartition("/")[2] if isinstance(arn, str) and ":policy/" in arn else "?"


def assumed_by(document: Json) -> Iterator[str]:
    """Yield who can assume a role according to its trust policy: services, ARNs, token subjects; `*` is anybody."""
    found = statements(document)
    if not found:
        yield "?"
    for statement in found:
        if not isinstance(statement, Mapping):
            yield "?"
        elif statement.get("Effect") != "Deny":
            yield from _principals(statement)


def _principals(statement: Mapping[str, Json]) -> Iterator[str]:
    principals = statement.get("Principal")
    if not isinstance(principals, Mapping) or not principals:
        yield "*" if principals == "*" else "?"
        return
    for kind, values in principals.items():
        found = _subjects(statement) or ["*"] if kind == "Federated" else listed(values)
        for value in found:
            yield value if isinstance(value, str) else "?"


def _subjects(statement: Mapping[str, Json]) -> list[Json]:
    """Return the token subjects that a statement accepts, each with the other claims that it requires.

    `repo:owner/name:environment:prod&ref=refs/heads/main` is a subject whose tokens must also have this claim. Only
    claims under StringEquals count: other operators may require less than they seem to.
    """
    operators = statement.get("Condition")
    conditions = operators if isinstance(operators, Mapping) else {}
    asked = conditions.get("StringEquals")
    claims = "".join(
        f"&{key.rpartition(':')[2]}={'|'.join(map(str, listed(values)))}"
        for key, values in sorted(asked.items() if isinstance(asked, Mapping) else ())
        if not key.lower().endswith((":sub", ":aud"))
    )
    return [
        f"{value}{claims}" if isinstance(value, str) else value
        for condition in conditions.values()
        if isinstance(condition, Mapping)
        for key, values in condition.items()
        if key.lower().endswith(":sub")
        for value in listed(values)
    ]


def _unagreed(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    roles = judgement.config["roles"]
    if resource.type == ATTACHMENT:
        role, policy = resource.get("role"), policy_name(resource.get("policyArn"))
        if not isinstance(role, str) or policy not in Terms.read(roles.get(role)).policies:
            yield Finding(f"The policy `{policy}` isn't agreed for the role `{_shown(role)}`. {_WRITE}")
        return
    name, found = resource.get("name"), Terms.of_role(resource.properties)
    agreed = Terms.read(roles.get(name)) if isinstance(name, str) else Terms()
    if not agreed.assumed_by:
        yield Finding(f'The role isn\'t agreed. Line to add to `roles`: "{_shown(name)}": "{found.line()}"')
        return
    for assumer in sorted(found.assumed_by - agreed.assumed_by):
        yield Finding(f"`assumeRolePolicy` lets `{assumer}` assume the role, which isn't agreed. {_WRITE}")
    if found.boundary != agreed.boundary:
        yield Finding(f"`permissionsBoundary` isn't the agreed one, `{agreed.boundary or 'none'}`. {_WRITE}")
    for policy in sorted(found.policies - agreed.policies):
        yield Finding(f"`managedPolicyArns` attaches `{policy}`, which isn't agreed. {_WRITE}")


def _shown(name: Json) -> str:
    return name if isinstance(name, str) else "not known at preview"


_WRITE: Final = "`python -m policies.inventory.agreement show` has the line that the plan would need."

RULES: Final = (
    Rule(
        id="pinned-role",
        title="Each role has the agreed boundary, and only trust and managed policies that the owners agreed to.",
        remedy=f"Correct it, or have {OWNERS} change the role's line in `pinned-role`: `roles`.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html",
        severity=Severity.CRITICAL,
        check=_unagreed,
        types=frozenset((ROLE, ATTACHMENT)),
        by_agreement=True,
        config={
            "roles": {
                "type": "object",
                "description": "Name of a role -> who can assume it, `within` its boundary, `with` its managed "
                "policies",
                "default": {},
            }
        },
    ),
)
