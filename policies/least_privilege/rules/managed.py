"""Managed policies that are attached, and what all policies of a role allow together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from policies.least_privilege import knowledge
from policies.least_privilege.faults.documents import VALIDITY, faults, joined
from policies.least_privilege.faults.fault import short, some
from policies.least_privilege.language.documents import Kind
from policies.least_privilege.rules.documents import BOUNDARIES, is_boundary
from policies.least_privilege.stack.attached import documents
from policies.least_privilege.stack.roles import (
    ATTACHMENTS,
    POLICY,
    TYPES,
    attached_arns,
    of_aws,
    policies_of,
    roles_of,
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


def _managed(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    for arn in attached_arns(resource):
        if isinstance(arn, str) and arn not in judgement.config["allowed"]:
            text = knowledge.managed_policy(arn)
            # AWS writes valid documents: what isn't known in one is newer than the index of actions.
            found = [fault for fault in (faults(text, Kind.IDENTITY) if text else ()) if fault.rule not in VALIDITY]
            if found:
                rules = some(list(dict.fromkeys(fault.rule for fault in found)))
                yield Finding(f"`{arn}` allows more than one purpose needs ({rules}). {found[0].message}")


def _unresolved(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    for arn in attached_arns(resource):
        if arn is UNKNOWN:
            yield Finding("A managed policy is attached whose ARN isn't known at preview, so it can't be judged.")
        elif not isinstance(arn, str) or len(arn.split(":")) != 6:
            yield Finding("What is attached isn't the ARN of a managed policy.")
        elif of_aws(arn) and arn not in judgement.config["allowed"] and knowledge.managed_policy(arn) is None:
            date = knowledge.provenance(knowledge.MANAGED)["compiled"]
            yield Finding(f"`{short(arn)}` isn't among AWS's managed policies of {date}, so it can't be judged.")


def _together(resources: Sequence[Resource], judgement: Judgement) -> Iterator[Finding]:
    policies = policies_of(resources)
    roles, lost = roles_of(resources)
    for urn in lost:
        yield Finding("The role isn't known at preview, so its policies can't be judged together.", urn)
    for name, held in roles.items():
        texts = list(held.texts)
        for arn, urn in dict.fromkeys(held.arns):
            if of_aws(arn):
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
    policies = policies_of(resources)
    for resource in resources:
        if resource.type in ATTACHMENTS:
            for arn in attached_arns(resource):
                if (
                    isinstance(arn, str)
                    and not of_aws(arn)
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
        types=frozenset(ATTACHMENTS),
        config=_ALLOWED,
    ),
    Rule(
        id="unresolved-managed-policy",
        title="Every AWS-managed policy that is attached is known by its contents.",
        remedy="Correct the ARN; if AWS has added the policy since, compile the index again.",
        source="https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html",
        severity=Severity.HIGH,
        check=_unresolved,
        types=frozenset(ATTACHMENTS),
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
        types=frozenset((*ATTACHMENTS, POLICY)),
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
        types=TYPES,
        config=BOUNDARIES,
    ),
)
