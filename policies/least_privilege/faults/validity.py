"""Faults by which a document doesn't say what it seems to: AWS refuses it, or grants nothing for a part of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.faults.fault import Fault, short, some
from policies.least_privilege.knowledge import sensitive
from policies.least_privilege.language import patterns
from policies.least_privilege.language.documents import Condition, Document, Kind, Principal, Statement
from policies.least_privilege.meaning import conditions, principals, resources
from policies.least_privilege.meaning.grants import actions_of, reach

_INTERCHANGEABLE: Final = frozenset(
    ("apigateway", "ses", "kinesisanalytics", "lex", "greengrass", "aws-marketplace", "guardduty")
)
"""Services of which any resource fits any action that takes one: a log group stands for its streams, and where AWS
documents two versions of a service on two pages, the source of the index mixes their actions and resources."""

_UNLISTED_ON_RESOURCES: Final = frozenset(("guardduty",))
"""Services whose documentation narrows actions to resources for which the reference lists none
(https://docs.aws.amazon.com/guardduty/latest/ug/security_iam_id-based-policy-examples.html)."""

_ALSO_ON_RESOURCES: Final[Mapping[str, tuple[str, ...]]] = {"logs": ("describeloggroups", "startquery")}
"""Actions that take a resource, though the reference lists none
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html)."""


def faults(document: Document, kind: Kind) -> Iterator[Fault]:
    """Yield the faults of a document of any kind."""
    for problem in document.problems:
        yield Fault("malformed-document", f"The document can't be used: {problem}.")
    yield from _partitions(document)
    for statement in document.statements:
        for action in statement.actions:
            problem = _action_problem(action)
            if problem:
                yield Fault("unknown-action", f"{statement.where} names `{short(action)}`: {problem}.")
        if kind is not Kind.TRUST:
            for resource in statement.resources:
                problem = resources.problem(resource)
                if problem:
                    yield Fault("malformed-arn", f"{statement.where} names `{short(resource)}`, which {problem}.")
                elif "${" in resource and (variable := conditions.unknown_variable(resource)):
                    yield Fault(
                        "malformed-arn",
                        f"{statement.where} names `{short(resource)}`: there is no variable `{short(variable)}`.",
                    )
        for principal in statement.principals:
            problem = principals.meaning(principal).problem
            if problem:
                yield Fault("malformed-principal", f"{statement.where} names `{short(principal.name)}`: {problem}.")
        if statement.conditions:
            for problem in conditions.problems(statement.conditions):
                yield Fault("invalid-condition", f"{statement.where}: {problem}.")
            if statement.allow and not any(map(_may_be_a_service, statement.principals)):
                yield from _of_services_only(statement)
        if (
            kind is not Kind.TRUST
            and not statement.negated_resources
            and not (statement.negated_actions and not statement.allow)
            and "*" not in statement.resources  # it fits every action
        ):
            useless = [action for action in statement.actions if grants_nothing(action, statement.resources)]
            # A denial that some of its actions don't need is harmless.
            if statement.allow or len(useless) == len(statement.actions):
                yield from _useless(statement, useless)
        if statement.allow:
            yield from _limits_nothing(statement, kind)
        if statement.conditions and not statement.negated_actions:
            for condition in statement.conditions:
                if condition.operator != "null":
                    yield from _never_sent(statement, condition)


_SENT_BY_SERVICES: Final = frozenset(
    ("aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths", "aws:principalservicename")
)
"""Keys that come with what a service asks for in its own name, never with what a role or a user does
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html)."""


def _may_be_a_service(principal: Principal) -> bool:
    return principal.kind != "AWS" or principals.meaning(principal).is_open


def _of_services_only(statement: Statement) -> Iterator[Fault]:
    for condition in statement.conditions:
        if condition.key in _SENT_BY_SERVICES and conditions.demands(condition):
            yield Fault(
                "invalid-condition",
                f"{statement.where}: `{condition.key}` comes with a service's own requests, never with a role's.",
            )


def _partitions(document: Document) -> Iterator[Fault]:
    """What is named is in one partition, but for some: what is in one can't reach, or be reached from, another."""
    if not any(
        text.startswith(_ELSEWHERE)
        for statement in document.statements
        for texts in _groups(statement)
        for text in texts
    ):
        return  # nearly all are in `aws` alone
    groups = [(statement, group) for statement in document.statements for group in _partitions_of(statement)]
    counts = Counter(partition for _, group in groups for partition in group)
    usual = counts.most_common(1)[0][0] if counts else ""
    for statement, group in groups:
        if usual not in group:
            yield Fault(
                "resource-mismatch",
                f"{statement.where} names the partition `{short(min(group))}`, and the rest is in `{short(usual)}`.",
            )


_ELSEWHERE: Final = ("arn:aws-", "https://signin.amazonaws")


def _groups(statement: Statement) -> Iterator[Sequence[str]]:
    """Yield a statement's resources, the names of its principals and the values of each condition."""
    yield statement.resources
    yield [principal.name for principal in statement.principals]
    for condition in statement.conditions:
        yield condition.values


def _partitions_of(statement: Statement) -> Iterator[set[str]]:
    """Yield the partitions of each group of a statement: of alternatives, all."""
    for arns in _groups(statement):
        found = {arn.split(":", 2)[1] for arn in arns if arn.startswith("arn:aws") and arn.count(":") >= 5}
        found |= {partition for arn in arns for host, partition in _SIGN_IN.items() if host in arn}
        if found and not any(map(patterns.wild, found)):
            yield found


_SIGN_IN: Final[Mapping[str, str]] = {
    "signin.aws.amazon.com": "aws",
    "signin.amazonaws-us-gov.com": "aws-us-gov",
    "signin.amazonaws.cn": "aws-cn",
}
"""Where a SAML response is sent -> the partition whose sign-in that is
(https://docs.aws.amazon.com/general/latest/gr/signin-service.html)."""


def _useless(statement: Statement, actions: list[str]) -> Iterator[Fault]:
    if actions:
        yield Fault(
            "resource-mismatch",
            f"{statement.where} {'grants' if statement.allow else 'denies'} nothing for "
            f"{some([short(action) for action in actions])}: none of its "
            "resources fits.",
        )


def _limits_nothing(statement: Statement, kind: Kind) -> Iterator[Fault]:
    if not statement.conditions:
        return
    for problem in conditions.ineffective(statement.conditions, kind is Kind.TRUST):
        yield Fault("ineffective-condition", f"{statement.where}: {problem}.")
    if any(one.qualifier == "foranyvalue" and one.key == "aws:tagkeys" for one in statement.conditions) and any(
        map(sensitive.tags, statement.actions)
    ):
        yield Fault(
            "ineffective-condition", f"{statement.where}: with `ForAnyValue` one tag that may be set is enough."
        )
    if kind is not Kind.TRUST and conditions.other_regions(statement.conditions, statement.resources):
        yield Fault("invalid-condition", f"{statement.where}: no resource is in a region that it asks for.")
    for service in _other_sources(statement):
        yield Fault("invalid-condition", f"{statement.where}: `{service}` doesn't act for what `aws:SourceArn` names.")
    if conditions.sources_disagree(statement.conditions):
        yield Fault(
            "invalid-condition",
            f"{statement.where}: `aws:SourceAccount` and `aws:SourceArn` name different accounts, so nothing passes.",
        )


_SOURCES: Final[Mapping[str, str]] = {
    **{
        service: service
        for service in (
            *("bedrock", "budgets", "cloudfront", "cloudtrail", "cloudwatch", "codebuild", "cognito-identity"),
            *("cognito-idp", "config", "elasticloadbalancing", "events", "fis", "glue", "iot", "pipes", "s3"),
            *("scheduler", "ses", "sns", "states", "ssm", "firehose", "datasync", "transfer", "logs", "guardduty"),
            *("appflow", "codepipeline", "imagebuilder", "inspector2", "dms", "transcribe", "workmail", "backup"),
        )
    },
    "apigateway": "execute-api",
    "delivery.logs": "logs",
    "ecs-tasks": "ecs",
    "lexv2": "lex",
    "macie": "macie2",
    "pods.eks": "eks",
    "logging.s3": "s3",
    "monitoring.rds": "rds",
    "vpc-flow-logs": "ec2",
}
"""Service principal, without `.amazonaws.com` -> the service of the ARNs that it sends as `aws:SourceArn`."""


def _other_sources(statement: Statement) -> Iterator[str]:
    """Yield the services of which a statement asks for the source of another service, which they never send."""
    sources = [
        arn
        for arns in conditions.values_of(statement.conditions, "aws:sourcearn")
        for arn in arns
        if arn.count(":") >= 5
    ]
    named = {arn.split(":", 3)[2] for arn in sources}
    for principal in statement.principals if named and not any(map(patterns.wild, named)) else ():
        wanted = _SOURCES.get(principals.general(principal.name).removesuffix(".amazonaws.com"))
        if principal.kind != "Service" or not wanted:
            continue
        kind = _SOURCE_KINDS.get(wanted)
        if wanted not in named or (kind and not any(resources.is_of(kind, arn) for arn in sources)):
            yield principal.name


_SOURCE_KINDS: Final = {"s3": "bucket", "events": "rule", "cloudwatch": "alarm"}
"""Service -> the kind of its resources for which it acts, where that is one of several."""


def _action_problem(action: str) -> str:
    service, mask = knowledge.named(action)
    if mask or action in _UNLISTED:
        return ""
    prefix, separator, _ = action.partition(":")
    if patterns.wild(prefix):
        # Every service or several: another rule's fault.
        return ""
    if not separator:
        return "an action is written `service:Action`"
    if service is None:
        return f"there is no service `{short(prefix)}` in {_source()}"
    return f"{service.prefix} has no such action in {_source()}"


def _source() -> str:
    heading = knowledge.provenance(knowledge.ACTIONS)
    return f"the data of {heading['source']} {heading['version']}"


_UNLISTED: Final = frozenset(("sns:receive",))
"""Actions that the reference doesn't list and AWS itself writes: into the policy of every new topic."""


def _touches_data(action: str) -> bool:
    service, mask = knowledge.named(action)
    return _writes(action) or bool(service and mask & sensitive.mask(service, "data"))


def _writes(action: str) -> bool:
    service, mask = knowledge.named(action)
    return bool(service and mask & ~(service.levels["List"] | service.levels["Read"]))


_OF_LISTS: Final = ("s3:prefix", "s3:delimiter")
"""Keys of lists that are often asked for where objects are read, too: what they then deny is what was meant."""

_REQUEST_TAG: Final = "aws:requesttag/"

_OF_A_ROLE: Final = frozenset(
    ("ec2:sourceinstancearn", "ec2:roledelivery", "glue:roleassumedby", "lambda:sourcefunctionarn")
)
"""Keys that come with whatever a role's credentials are used for."""


def _never_sent(statement: Statement, condition: Condition) -> Iterator[Fault]:
    """Yield the fault of a service's key that actions of the statement are never sent with."""
    unsent = [action for action in statement.actions if _is_unsent(action, condition.key)]
    key = short(condition.key)
    if unsent and len(unsent) == len(statement.actions):
        yield Fault("invalid-condition", f"{statement.where}: none of its actions comes with the key `{key}`.")
    elif statement.allow and condition.qualifier == "forallvalues" and any(map(_touches_data, unsent)):
        yield Fault(
            "ineffective-condition",
            f"{statement.where}: {some([short(action) for action in unsent])} never comes with the key `{key}`, and "
            "`ForAllValues` lets in every request without it.",
        )
    elif statement.allow and conditions.demands(condition):
        # Where only some actions of the key's own service have it, the others are sloppy company: AWS's documentation
        # has such statements. An action of another service, which writes, was meant to be granted.
        of_its_service = condition.key.partition(":")[0] + ":"
        useless = [
            short(action)
            for action in unsent
            if (condition.key in _OF_LISTS and _touches_data(action))
            or (not action.startswith(of_its_service) and of_its_service != "aws:" and _writes(action))
        ]
        if useless:
            yield Fault(
                "invalid-condition",
                f"{statement.where} grants nothing for {some(useless)}, which never comes with the key `{key}`.",
            )


@lru_cache(16384)
def _is_unsent(action: str, key: str) -> bool:
    """Tell whether an action, or every action of a pattern, is known never to be sent with a service's key."""
    if key.startswith(_REQUEST_TAG):
        # Where the reference has it for no action of a service, it may have left it out.
        known = [(conditions.actions_with(one, key), mask) for one, mask in actions_of((action,), False).items()]
        return bool(known) and all(sent is not None and not sent & mask for sent, mask in known)
    service = knowledge.service(key.partition(":")[0])
    # A key that the reference has nowhere may be one that it doesn't list: another rule's fault.
    if not service or key in _OF_A_ROLE or conditions.actions_with(service, key) is None:
        return False
    granted = actions_of((action,), False)
    # A service may be asked with another's keys: EC2 Instance Connect with `ec2:osuser`.
    return bool(granted) and not any((conditions.actions_with(one, key) or 0) & mask for one, mask in granted.items())


def grants_nothing(action: str, on: tuple[str, ...]) -> bool:
    """Tell whether an Allow of an action on these resources grants nothing.

    What can't be told (an unknown action, an ARN that another rule refuses) grants something.
    """
    service, mask = knowledge.named(action)
    return bool(service and on and mask and not mask & _granted_on(service, on))


@lru_cache(32768)
def _granted_on(service: knowledge.Service, on: tuple[str, ...]) -> int:
    """Return the actions of a service that an Allow grants on these resources, if it names them."""
    reached = reach(service, on)
    if reached.everything or (reached.kinds and service.prefix in _UNLISTED_ON_RESOURCES):
        return service.everything
    # Most actions that take no resource ask for `*`, or for all of a service.
    granted = ~service.typed if reached.any_resource else _also_on_resources(service)
    kinds, bit = reached.kinds, 0
    if service.prefix in _INTERCHANGEABLE and kinds:
        return granted | service.typed
    while kinds:
        if kinds & 1:
            granted |= service.types[bit].actions
        kinds >>= 1
        bit += 1
    if service.prefix == "es" and not any(patterns.intersects(one.split(":", 5)[-1], "domain/?*/*") for one in on):
        # Requests are for what is in a domain.
        granted &= ~service.beginning("eshttp")
    return granted


def _also_on_resources(service: knowledge.Service) -> int:
    mask = 0
    for action in _ALSO_ON_RESOURCES.get(service.prefix, ()):
        mask |= service.mask(action)
    return mask
