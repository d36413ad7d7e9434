"""The rules about who gets permissions at all: roles within a boundary, no users and no keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from policies.least_privilege.faults.wording import shorten
from policies.least_privilege.language.patterns import matches
from policies.rulebook import Finding, Judgement, Resource, Rule, Severity

_GUIDE: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"

_LONG_LIVED: Final = frozenset(
    f"aws:iam/{kind[0].lower()}{kind[1:]}:{kind}"
    for kind in """
        User Group AccessKey UserLoginProfile GroupMembership UserGroupMembership UserPolicy UserPolicyAttachment
        UserPoliciesExclusive GroupPoliciesExclusive UserPolicyAttachmentsExclusive SshKey
        GroupPolicyAttachmentsExclusive GroupPolicy GroupPolicyAttachment ServiceSpecificCredential
        SigningCertificate VirtualMfaDevice
    """.split()
)

_BOUNDARIES: Final[dict[str, Any]] = {
    "boundaries": {
        "type": "array",
        "items": {"type": "string"},
        "description": "ARNs (* and ? are wildcards) of policies that may serve as boundaries",
        "default": ["arn:*:iam::????????????:policy/*"],
    }
}


_ATTACHMENT: Final = "aws:iam/policyAttachment:PolicyAttachment"
"""Attaches a policy to roles, users and groups alike."""


def _long_lived(resource: Resource, _: Judgement) -> Iterator[Finding]:
    if resource.type == _ATTACHMENT and all(resource.get(key) in (None, []) for key in ("users", "groups")):
        return
    yield Finding(
        f"`{resource.type.rpartition(':')[2]}` gives permissions to a person, or to a key that doesn't expire."
    )


def _unbounded(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    boundary = resource.text_or_none("permissionsBoundary")
    if boundary is None:
        yield Finding("The role has no permissions boundary.")
    elif not any(matches(pattern, boundary) for pattern in judgement.config["boundaries"]):
        yield Finding(f"`{shorten(boundary)}` isn't among the boundaries that the rule's configuration lists.")


RULES: Final = (
    Rule(
        id="iam-user",
        title="There are no users, groups or access keys: people and machines assume roles.",
        remedy="Use a role that is assumed by federation; it has no key to keep and rotate.",
        source=_GUIDE + "best-practices.html#bp-users-federation-idp",
        severity=Severity.HIGH,
        check=_long_lived,
        types=_LONG_LIVED | {_ATTACHMENT},
    ),
    Rule(
        id="role-without-boundary",
        title="Every role has a permissions boundary.",
        remedy="Set `permissionsBoundary` to a managed policy that allows the most the role may ever do.",
        source=_GUIDE + "access_policies_boundaries.html",
        severity=Severity.HIGH,
        check=_unbounded,
        types=frozenset(("aws:iam/role:Role",)),
        config=_BOUNDARIES,
    ),
)
