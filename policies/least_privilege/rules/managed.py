"""Managed policies that are attached, and what all policies of a role allow together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from least_privilege import knowledge
from least_privilege.attached import documents
from least_privilege.documents import Kind
from least_privilege.faults import short, some
from least_privilege.judging import VALIDITY, faults, joined
from least_privilege.rules.of_documents import BOUNDARIES, is_boundary
from rulebook import UNKNOWN, Finding, Json, Judgement, Resource, Rule, Scope, Severity

_ROLE: Final = "aws:iam/role:Role"
_ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
_POLICY: Final = "aws:iam/policy:Policy"

_ATTACHMENTS: Final[Mapping[str, str]] = {
    _ROLE: "managedPolicyArns",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "policyArn",
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": "policyArns",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": "policyArn",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment": "policyArn",
    "aws:iam/policyAttachment:PolicyAttachment": "policyArn",
    "aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment": "managedPolicyArn",
}
"""Resource type -> the property that names managed policies."""

_ALLOWED: Final[dict[str, Any]] = {
    "allowed": {
        "type": "array",
        "items": {"type": "string"},
        "description": "ARNs of managed policies that may be attached, whatever they allow",
        "default": [],
    }
}


def _arns(resource: Resource) -> list[Json]:
    path = _ATTACHMENTS[resource.type]
    value = resource.get(path)
    if value is None:
        # A role may have none; an attachment must name what it attaches.
        return [] if resource.type == _ROLE else [None]
    return value if isinstance(value, list) else [value]


def _of_aws(arn: str) -> bool:
    return arn.split(":")[4:5] == ["aws"]


def _managed(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    for arn in _arns(resource):
        if isinstance(arn, str) and arn not in judgement.config["allowed"]:
            text = knowledge.managed_policy(arn)
            # AWS writes valid documents: what isn't known in one is newer than the index of actions.
            found = [fault for fault in (faults(text, Kind.IDENTITY) if text else ()) if fault.rule not in VALIDITY]
            if found:
                rules = some(list(dict.fromkeys(fault.rule for fault in found)))
                yield Finding(f"`{arn}` allows more than one purpose needs ({rules}). {found[0].message}")


def _unresolved(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    for arn in _arns(resource):
        if arn is UNKNOWN:
            yield Finding("A managed policy is attached whose ARN isn't known at preview, so it can't be judged.")
        elif not isinstance(arn, str) or len(arn.split(":")) != 6:
            yield Finding("What is attached isn't the ARN of a managed policy.")
        elif _of_aws(arn) and arn not in judgement.config["allowed"] and knowledge.managed_policy(arn) is None:
            date = knowledge.provenance(knowledge.MANAGED)["compiled"]
            yield Finding(f"`{short(arn)}` isn't among AWS's managed policies of {date}, so it can't be judged.")


@dataclass
class _Held:
    """What one role has: texts of documents, with those that were judged as boundaries apart."""

    urn: str = ""
    texts: list[str] = field(default_factory=list)
    arns: list[tuple[str, str]] = field(default_factory=list)
    """Managed policies: the ARN, and the URN of what attaches it."""


def _roles(resources: Iterable[Resource]) -> tuple[dict[str, _Held], list[Finding]]:
    roles: dict[str, _Held] = defaultdict(_Held)
    findings: list[Finding] = []
    for resource in resources:
        if resource.type == _POLICY:
            continue
        names = _names(resource)
        if any(not isinstance(name, str) for name in names):
            findings.append(
                Finding("The role isn't known at preview, so its policies can't be judged together.", resource.urn)
            )
        for name in names:
            if isinstance(name, str):
                held = roles[name]
                if resource.type == _ROLE or not held.urn:
                    held.urn = resource.urn
                held.texts += [
                    document.text
                    for document in documents(resource)
                    if document.text and document.kind is Kind.IDENTITY
                ]
                if resource.type in _ATTACHMENTS:
                    held.arns += [(arn, resource.urn) for arn in _arns(resource) if isinstance(arn, str)]
    return roles, findings


def _names(resource: Resource) -> list[Json]:
    if resource.type == _ROLE:
        # A role without a name gets one that nobody can refer to at preview; its own policies still count together.
        name = resource.get("name")
        return [name if isinstance(name, str) else resource.urn]
    if resource.type == "aws:iam/policyAttachment:PolicyAttachment":
        names = resource.get("roles", [])
        return names if isinstance(names, list) else [names]
    if resource.type == "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive":
        return [resource.get("roleName")]
    return [resource.get("role")]


_JOINED: Final = frozenset(
    (
        *(_ROLE, _ROLE_POLICY, _POLICY),
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
        "aws:iam/policyAttachment:PolicyAttachment",
    )
)


def _policies(resources: Iterable[Resource]) -> dict[str, Resource]:
    """Return the stack's managed policies by the end of their ARN: `policy`, path and name."""
    found = {}
    for resource in resources:
        if resource.type == _POLICY:
            name, path = resource.get("name"), resource.get("path", "/")
            if isinstance(name, str) and isinstance(path, str):
                found[f"policy{path}{name}"] = resource
    return found


def _together(resources: Sequence[Resource], judgement: Judgement) -> Iterator[Finding]:
    policies = _policies(resources)
    roles, findings = _roles(resources)
    yield from findings
    for name, held in roles.items():
        texts = list(held.texts)
        for arn, urn in dict.fromkeys(held.arns):
            if _of_aws(arn):
                text = knowledge.managed_policy(arn)
                texts += [text] if text else []
                continue
            policy = policies.get(arn.split(":", 5)[-1])
            for document in documents(policy) if policy else ():
                if document.text:
                    texts.append(document.text)
                    if policy and is_boundary(policy, judgement):
                        # By its name it was taken for a boundary, but it grants.
                        for fault in faults(document.text, Kind.IDENTITY):
                            yield Finding(f"`{short(arn)}` is attached, not only a boundary: {fault.message}", urn)
        if len(texts) > 1:
            for fault in joined(texts):
                yield Finding(f"The policies of the role `{short(name)}`: {fault.message}", held.urn)


def _outside(resources: Sequence[Resource], judgement: Judgement) -> Iterator[Finding]:
    policies = _policies(resources)
    for resource in resources:
        if resource.type in _ATTACHMENTS:
            for arn in _arns(resource):
                if (
                    isinstance(arn, str)
                    and not _of_aws(arn)
                    and arn.split(":", 5)[-1] not in policies
                    and arn not in judgement.config["allowed"]
                ):
                    yield Finding(f"`{short(arn)}` isn't a policy of this stack, so it can't be judged.", resource.urn)


_GUIDE: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"

RULES: Final = (
    Rule(
        id="broad-managed-policy",
        title="AWS-managed policies are attached only if they allow no more than a policy of ours may.",
        remedy="Write a policy with the actions and resources that are needed, or list the ARN in `allowed`.",
        source=_GUIDE + "best-practices.html#bp-use-aws-defined-policies",
        severity=Severity.HIGH,
        check=_managed,
        types=frozenset(_ATTACHMENTS),
        config=_ALLOWED,
    ),
    Rule(
        id="unresolved-managed-policy",
        title="Every AWS-managed policy that is attached is known by its contents.",
        remedy="Correct the ARN; if AWS has added the policy since, compile the index again.",
        source="https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html",
        severity=Severity.HIGH,
        check=_unresolved,
        types=frozenset(_ATTACHMENTS),
        config=_ALLOWED,
    ),
    Rule(
        id="foreign-managed-policy",
        title="A customer-managed policy that is attached belongs to the same stack.",
        remedy="Define the policy in the stack, where it's judged, or list its ARN in `allowed`.",
        source=_GUIDE + "access_policies_managed-vs-inline.html",
        severity=Severity.HIGH,
        check=_outside,
        scope=Scope.STACK,
        types=frozenset((*_ATTACHMENTS, _POLICY)),
        config=_ALLOWED,
    ),
    Rule(
        id="joint-privilege-escalation",
        title="All policies of a role together open no way to more permissions.",
        remedy="Take one of the actions out of the role, or narrow it to what can't carry more permissions.",
        source="https://pathfinding.cloud/",
        severity=Severity.CRITICAL,
        check=_together,
        scope=Scope.STACK,
        types=_JOINED,
        config=BOUNDARIES,
    ),
)
