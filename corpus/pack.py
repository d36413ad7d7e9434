"""The least-privilege pack's verdict: a document is put into a resource, and every rule that applies judges it.

The pack does the same in a preview, with the engine's protocol in between. The same rules judge, each by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from corpus.labelled import Labelled

if TYPE_CHECKING:
    from policies.rulebook import Resource
    from policies.rulebook.violation import Violation

_RESOURCES = {
    "s3": ("aws:s3/bucketPolicy:BucketPolicy", "policy"),
    "kms": ("aws:kms/key:Key", "policy"),
    "secretsmanager": ("aws:secretsmanager/secretPolicy:SecretPolicy", "policy"),
    "sqs": ("aws:sqs/queuePolicy:QueuePolicy", "policy"),
    "sns": ("aws:sns/topicPolicy:TopicPolicy", "policy"),
    "ecr": ("aws:ecr/repositoryPolicy:RepositoryPolicy", "policy"),
    "lambda": ("", "policy"),
    "other": ("", "policy"),
}
_BOUNDARY = "arn:aws:iam::aws:policy/PowerUserAccess"
"""The boundary of every role; without one, the rule that requires it would report each role. It names no account."""

Parts = Sequence[tuple[str, dict[str, Any]]]


Judge = Callable[[dict[str, Any]], Sequence[str]]
"""A labelled document as JSON, its policies as texts under `texts` -> the rules that find something in it."""


def judged(judge: Judge, document: Labelled, **changes: str) -> Sequence[str]:
    """Return the rules that find something in a labelled document, or in one with some fields changed."""
    texts = [json.dumps(policy) for policy in document.policies or [document.document]]
    return judge(document.as_json() | {"texts": texts} | changes)


def load(*, reads: bool = False) -> Judge:
    """Load the pack with all its data and return its judge.

    The pack composes a finding's words only when they are read. With `reads`, the judge reads all that a preview shows.
    """
    from policies.least_privilege import RULES, knowledge
    from policies.least_privilege.faults.documents import document_faults
    from policies.least_privilege.faults.fault import Applies
    from policies.least_privilege.language.documents import Kind
    from policies.least_privilege.stack.judged import finding
    from policies.rulebook import Judgement, Scope
    from policies.rulebook.asking import Asked
    from policies.rulebook.configuration import with_defaults
    from policies.rulebook.rule import Finding, written

    # The pack decodes its data piece by piece on demand. Here all of it counts as loading, as for the other tools.
    for prefix in knowledge.prefixes():
        knowledge.service(prefix)
    knowledge.provenance(knowledge.MANAGED)
    rules = [
        (rule, Judgement("benchmark", "prod", with_defaults({}, rule.config)))
        for rule in RULES
        if rule.id != "role-without-boundary"
    ]
    types = [kind for kind, _ in _RESOURCES.values()] + ["aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"]
    one_resource = {
        kind: Asked((one[0], one) for one in rules if one[0].scope is Scope.RESOURCE and kind in one[0].types)
        for kind in types
    }
    whole_stack = [(rule, judgement) for rule, judgement in rules if rule.scope is Scope.STACK]

    def read(said: Finding) -> None:
        if reads and not said.follows_from():
            written(said.message)
            written(said.remedy)

    def judge(document: dict[str, Any]) -> Sequence[str]:
        resources = _resources(document)
        if not resources:
            # In a plan, a function's policy is spread over permissions; here the document itself is judged.
            text, service = document["texts"][0], document["on"].replace("other", "")
            faults = document_faults(text, Kind.RESOURCE, service)
            always = [fault for fault in faults if fault.applies is Applies.ALWAYS]
            for fault in always:
                read(finding("`policy`", fault))
            return [fault.rule for fault in always]
        found: dict[str, None] = {}
        for resource in resources:
            for rule, judgement in one_resource[resource.type].about(resource):
                for said in rule.check(resource, judgement):
                    found[rule.id] = None
                    read(said)
        if len(resources) > 1:
            for rule, judgement in whole_stack:
                for said in rule.check([one for one in resources if one.type in rule.types], judgement):
                    found[rule.id] = None
                    read(said)
        return list(found)

    return judge


Tell: TypeAlias = "Callable[[Labelled], Sequence[Violation]]"
"""A labelled document -> what a preview reports about it: each fault with all that follows from it."""


def telling() -> Tell:
    """Return the function that reports what a preview would."""
    from policies.least_privilege import RULES
    from policies.least_privilege.faults.documents import document_faults
    from policies.least_privilege.faults.fault import Applies
    from policies.least_privilege.language.documents import Kind
    from policies.least_privilege.stack.judged import finding
    from policies.rulebook import Judgement, Scope, Stack
    from policies.rulebook.judging import Judge
    from policies.rulebook.violation import Violation, fold

    rules = {rule.id: rule for rule in RULES if rule.id != "role-without-boundary"}
    about = Judgement("benchmark", "prod", {})
    single = [Judge(rule, {}) for rule in rules.values() if rule.scope is Scope.RESOURCE]
    whole = [Judge(rule, {}) for rule in rules.values() if rule.scope is Scope.STACK]

    def tell(document: Labelled) -> Sequence[Violation]:
        texts = [json.dumps(policy) for policy in document.policies or [document.document]]
        resources = _resources(document.as_json() | {"texts": texts})
        if not resources:
            faults = document_faults(texts[0], Kind.RESOURCE, document.on.replace("other", ""))
            always = [fault for fault in faults if fault.applies is Applies.ALWAYS]
            return list(fold(Violation(rules[fault.rule], finding("`policy`", fault)) for fault in always))
        found: list[Violation] = []
        for resource in resources:
            speaking = [judge for judge in single if resource.type in judge.rule.types]
            found += fold(violation for judge in speaking for violation in judge.violations(resource, about))
        if len(resources) > 1:
            found += fold(violation for judge in whole for violation in judge.violations(Stack(resources), about))
        return found

    return tell


def _resources(document: dict[str, Any]) -> list[Resource]:
    from policies.rulebook import Resource

    provider = {"allowedAccountIds": [document["account"]]} if document["account"] else {}
    return [
        Resource(kind, f"urn:pulumi:prod::benchmark::{kind}::{index}", str(index), properties, provider=provider)
        for index, (kind, properties) in enumerate(_parts(document))
    ]


def _parts(document: dict[str, Any]) -> Parts:
    texts = document["texts"]
    if document["kind"] == "trust":
        return [_role(assumeRolePolicy=texts[0])]
    if document["kind"] == "resource":
        kind, path = _RESOURCES[document["on"]]
        return [(kind, {path: texts[0]})] if kind else []
    policies = [("aws:iam/rolePolicy:RolePolicy", {"role": "it", "name": "it", "policy": text}) for text in texts]
    if document["kind"] == "bundle":
        return [_role(managedPolicyArns=document["managed"]), *policies]
    return policies


def _role(**properties: str | list[str]) -> tuple[str, dict[str, Any]]:
    trust = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    }
    return "aws:iam/role:Role", {
        "name": "it",
        "permissionsBoundary": _BOUNDARY,
        "assumeRolePolicy": json.dumps(trust),
        **properties,
    }
