"""The rules about managed policies that are attached, and about what all policies of a role allow together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from policies.least_privilege import knowledge
from policies.least_privilege.faults.documents import VALIDITY, document_faults, joint_escalations
from policies.least_privilege.faults.wording import quote, shorten
from policies.least_privilege.language.documents import Kind
from policies.least_privilege.meaning.resources import is_made_by_aws
from policies.least_privilege.stack.attached import documents
from policies.least_privilege.stack.judged import BOUNDARIES, finding, is_boundary
from policies.least_privilege.stack.roles import (
    ATTACHMENTS,
    POLICY,
    ROLE,
    TYPES,
    attached_arns,
    collect_roles,
    managed_policies,
)
from policies.rulebook import UNKNOWN, Finding, Judgement, Resource, Rule, Scope, Severity

_ALLOWED: Final[dict[str, Any]] = {
    "allowed": {
        "type": "array",
        "items": {"type": "string"},
        "description": "ARNs of managed policies that may be attached, whatever they allow",
        "default": [],
    }
}


def _broad(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    for arn in attached_arns(resource):
        if isinstance(arn, str) and arn not in judgement.config["allowed"]:
            text = knowledge.managed_policy(arn)
            # AWS writes valid documents: what looks invalid in one is newer than the index of actions.
            found = [
                fault for fault in (document_faults(text, Kind.IDENTITY) if text else ()) if fault.rule not in VALIDITY
            ]
            if found:
                rules = quote(dict.fromkeys(fault.rule for fault in found))
                yield Finding(f"`{arn}` allows more than a single purpose needs ({rules}). {found[0].message}")


def _unresolved(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    for arn in attached_arns(resource):
        if arn is UNKNOWN:
            yield Finding("The ARN of an attached managed policy isn't known at preview, so it can't be judged.")
        elif not isinstance(arn, str) or len(arn.split(":")) != 6:
            yield Finding("The attached value isn't the ARN of a managed policy.")
        elif is_made_by_aws(arn) and arn not in judgement.config["allowed"] and knowledge.managed_policy(arn) is None:
            date = knowledge.provenance(knowledge.MANAGED)["compiled"]
            yield Finding(f"`{shorten(arn)}` isn't among AWS's managed policies of {date}, so it can't be judged.")


def _joint(resources: Sequence[Resource], _: Judgement) -> Iterator[Finding]:
    policies = managed_policies(resources)
    roles, lost = collect_roles(resources)
    for urn in lost:
        yield Finding("The role isn't known at preview, so its policies can't be judged together.", urn)
    for name, held in roles.items():
        texts = list(held.texts)
        for arn in dict.fromkeys(arn for arn, _ in held.arns):
            texts += [(arn, text) for text in _attached_texts(arn, policies)]
        if len(texts) > 1:
            for fault in joint_escalations(texts):
                yield finding(f"The policies of the role `{shorten(name)}`", fault, held.urn)


def _attached_texts(arn: str, policies: Mapping[str, Resource]) -> list[str]:
    """Return the documents of a managed policy, as far as AWS's data or the stack holds them."""
    if is_made_by_aws(arn):
        text = knowledge.managed_policy(arn)
        return [text] if text else []
    policy = policies.get(_id(arn))
    return _texts(policy) if policy else []


def _texts(policy: Resource) -> list[str]:
    return [document.text for document in documents(policy) if document.text]


def _id(arn: str) -> str:
    """Return the end of a managed policy's ARN: `policy`, path and name."""
    return arn.split(":", 5)[-1]


def _misused_boundary(resources: Sequence[Resource], judgement: Judgement) -> Iterator[Finding]:
    attached = [
        (arn, resource.urn)
        for resource in resources
        if resource.type in ATTACHMENTS
        for arn in attached_arns(resource)
        if isinstance(arn, str) and not is_made_by_aws(arn)
    ]
    held = [resource.get("permissionsBoundary") for resource in resources if resource.type == ROLE]
    bounding = {_id(arn) for arn in held if isinstance(arn, str)}
    for id_, policy in managed_policies(resources).items():
        if not is_boundary(policy, judgement):
            continue
        uses = [(f"`{shorten(arn)}` is attached", urn) for arn, urn in attached if _id(arn) == id_]
        if id_ not in bounding:
            uses.append((f"`{shorten(id_)}` isn't the boundary of any role of this stack", policy.urn))
        # A boundary grants nothing, so the rules about single resources let it be wider.
        faults = [fault for text in _texts(policy) for fault in document_faults(text, Kind.IDENTITY)] if uses else ()
        for use, urn in uses:
            for fault in faults:
                yield Finding(f"{use}, so it's judged as a policy that grants: {fault.message}", urn)


def _foreign(resources: Sequence[Resource], judgement: Judgement) -> Iterator[Finding]:
    policies = managed_policies(resources)
    for resource in resources:
        for arn in attached_arns(resource) if resource.type in ATTACHMENTS else ():
            if (
                isinstance(arn, str)
                and not is_made_by_aws(arn)
                and _id(arn) not in policies
                and arn not in judgement.config["allowed"]
            ):
                yield Finding(f"`{shorten(arn)}` isn't a policy of this stack, so it can't be judged.", resource.urn)


def _foreign_boundary(resources: Sequence[Resource], judgement: Judgement) -> Iterator[Finding]:
    policies = managed_policies(resources)
    for resource in resources:
        arn = resource.get("permissionsBoundary") if resource.type == ROLE else None
        # `role-without-boundary` judges one that is missing, unknown, or AWS's.
        if (
            isinstance(arn, str)
            and not is_made_by_aws(arn)
            and _id(arn) not in policies
            and arn not in judgement.config["allowed"]
        ):
            yield Finding(
                f"`{shorten(arn)}` isn't a policy of this stack, so nobody knows what it allows.", resource.urn
            )


_GUIDE: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"

RULES: Final = (
    Rule(
        id="broad-managed-policy",
        title="An attached AWS-managed policy allows no more than a policy of this stack may.",
        remedy="Write a policy with the actions and resources that are needed, or list the ARN in `allowed`.",
        source=_GUIDE + "best-practices.html#bp-use-aws-defined-policies",
        severity=Severity.HIGH,
        check=_broad,
        types=frozenset(ATTACHMENTS),
        config=_ALLOWED,
    ),
    Rule(
        id="unresolved-managed-policy",
        title="The contents of every attached AWS-managed policy are known.",
        remedy="Correct the ARN; if AWS added the policy recently, compile the index again.",
        source="https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html",
        severity=Severity.HIGH,
        check=_unresolved,
        types=frozenset(ATTACHMENTS),
        config=_ALLOWED,
    ),
    Rule(
        id="foreign-managed-policy",
        title="An attached customer-managed policy belongs to the same stack.",
        remedy="Define the policy in the stack, so that it's judged, or list its ARN in `allowed`.",
        source=_GUIDE + "access_policies_managed-vs-inline.html",
        severity=Severity.HIGH,
        check=_foreign,
        scope=Scope.STACK,
        types=frozenset((*ATTACHMENTS, POLICY)),
        config=_ALLOWED,
    ),
    Rule(
        id="foreign-boundary",
        title="The boundary of a role belongs to the same stack.",
        remedy="Set `permissionsBoundary` to a policy that the stack defines, or list its ARN in `allowed`.",
        source=_GUIDE + "access_policies_boundaries.html",
        severity=Severity.HIGH,
        check=_foreign_boundary,
        scope=Scope.STACK,
        types=frozenset((ROLE, POLICY)),
        config={
            "allowed": {
                "type": "array",
                "items": {"type": "string"},
                "description": "ARNs of policies outside the stack that its roles may have as their boundary",
                "default": [],
            }
        },
    ),
    Rule(
        id="misused-boundary",
        title="A policy named like a boundary is only a boundary of this stack's roles, or narrow enough to grant.",
        remedy="If the policy should grant permissions, rename it so that it isn't taken for a boundary, and narrow "
        "it; if it's a boundary, set it as a role's `permissionsBoundary`.",
        source=_GUIDE + "access_policies_boundaries.html",
        severity=Severity.CRITICAL,
        check=_misused_boundary,
        scope=Scope.STACK,
        types=frozenset((*ATTACHMENTS, POLICY)),
        config=BOUNDARIES,
    ),
    Rule(
        id="joint-privilege-escalation",
        title="The policies of a role, taken together, don't allow privilege escalation.",
        remedy="Remove one of the actions from the role, or narrow it to resources that give no more permissions.",
        source="https://pathfinding.cloud/",
        severity=Severity.CRITICAL,
        check=_joint,
        scope=Scope.STACK,
        types=TYPES,
    ),
)
