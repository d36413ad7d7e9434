"""Faults of documents that don't say what they seem to: AWS refuses one, or grants nothing for a part of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.faults.allow_conditions import allow_condition_faults, unsent_key_faults
from policies.least_privilege.faults.condition_terms import term_problems, unknown_variable
from policies.least_privilege.faults.fault import Fault, Place, RuleId
from policies.least_privilege.faults.places import add_places, parts_at, whole_statement
from policies.least_privilege.faults.wording import quote, shorten, spell
from policies.least_privilege.language import patterns
from policies.least_privilege.language.documents import Document, Kind, Statement
from policies.least_privilege.meaning import principals, resources
from policies.least_privilege.meaning.grants import Named, joint_reach, named
from policies.rulebook.rule import Text, written


def validity_faults(text: str, document: Document, kind: Kind) -> Iterator[Fault]:
    """Yield the faults of a document of any kind; `text` is its JSON."""
    for problem in document.problems:
        places = [whole_statement(one) for one in document.statements if problem.startswith(f"{one.where} ")]
        yield Fault(RuleId.MALFORMED_DOCUMENT, f"The document can't be used: {problem}.", parts=parts_at(*places))
    # Nearly all documents name the partition `aws` alone. An escape may hide another.
    if "\\" in text or any(name in text for name in _OTHER_PARTITIONS):
        yield from _partition_faults(document)
    for statement in document.statements:
        yield from add_places(_statement_faults(statement, kind), statement)


def _statement_faults(statement: Statement, kind: Kind) -> Iterator[Fault]:
    actions = named(statement.actions)
    if actions.unknown:
        yield from _action_faults(statement, actions.unknown)
    if kind is not Kind.TRUST:
        yield from _arn_faults(statement)
        yield from _useless_action_faults(statement, actions)
    if statement.principals:
        yield from _principal_faults(statement)
    if statement.conditions:
        for line, problem in term_problems(statement.conditions):
            yield Fault(RuleId.INVALID_CONDITION, f"{statement.where}: {problem}.", concerns=line.key)
        if statement.allow:
            yield from allow_condition_faults(statement, kind)
        if not statement.negated_actions:
            yield from unsent_key_faults(statement)


# --- actions, resources, principals -----------------------------------------------------------------------------------


def _action_faults(statement: Statement, unknown: Sequence[str]) -> Iterator[Fault]:
    for action in unknown:
        problem = _action_problem(action)
        if problem:
            place = Place(statement, (action,), statement.resources)
            message = f"{statement.where} names `{shorten(action)}`: {problem}."
            yield Fault(RuleId.UNKNOWN_ACTION, message, parts=parts_at(place))


_UNLISTED: Final = frozenset(("sns:receive",))
"""Actions that the reference doesn't list and that AWS itself writes into the policy of every new topic."""


def _action_problem(action: str) -> str:
    """Return why there is no such action, empty if another rule reports that."""
    if action in _UNLISTED:
        return ""
    prefix, separator, _ = action.partition(":")
    if patterns.wild(prefix):
        # Another rule judges wildcards in the service.
        return ""
    if not separator:
        return "an action is written `service:Action`"
    heading = knowledge.provenance(knowledge.ACTIONS)
    source = f"the data of {heading['source']} {heading['version']}"
    service = knowledge.service(prefix)
    if service is None:
        return f"there is no service `{shorten(prefix)}` in {source}"
    return f"{service.prefix} has no such action in {source}"


def _arn_faults(statement: Statement) -> Iterator[Fault]:
    for resource in statement.resources:
        if problem := _arn_problem(resource):
            message = f"{statement.where} names `{shorten(resource)}`{problem}."
            yield Fault(RuleId.MALFORMED_ARN, message, parts=parts_at(Place(statement, statement.actions, (resource,))))


def _arn_problem(resource: str) -> str:
    if problem := resources.problem(resource):
        return f", which {problem}"
    variable = unknown_variable(resource) if "${" in resource else ""
    return f": there is no variable `{shorten(variable)}`" if variable else ""


def _principal_faults(statement: Statement) -> Iterator[Fault]:
    for principal in statement.principals:
        problem = principals.meaning(principal).problem
        if problem:
            message = partial(_principal_problem, statement, principal.name, problem)
            yield Fault(RuleId.MALFORMED_PRINCIPAL, message, concerns=principal.name)


def _principal_problem(statement: Statement, name: str, problem: Text) -> str:
    return f"{statement.where} names `{shorten(name)}`: {written(problem)}."


# --- partitions -------------------------------------------------------------------------------------------------------

_OTHER_PARTITIONS: Final = ("arn:aws-", "https://signin.amazonaws")

_SIGN_IN: Final[Mapping[str, str]] = {
    "signin.aws.amazon.com": "aws",
    "signin.amazonaws-us-gov.com": "aws-us-gov",
    "signin.amazonaws.cn": "aws-cn",
}
"""Host that takes a SAML response -> the partition whose sign-in that is
(https://docs.aws.amazon.com/general/latest/gr/signin-service.html)."""


def _partition_faults(document: Document) -> Iterator[Fault]:
    """Yield the faults of names in another partition than most others. No partition can reach another one."""
    if not any(
        text.startswith(_OTHER_PARTITIONS)
        for statement in document.statements
        for texts in _alternatives(statement)
        for text in texts
    ):
        return
    groups = [(statement, group) for statement in document.statements for group in _partitions(statement)]
    counts = Counter(partition for _, group in groups for partition in group)
    usual = counts.most_common(1)[0][0] if counts else ""
    for statement, group in groups:
        if usual not in group:
            yield Fault(
                RuleId.RESOURCE_MISMATCH,
                f"{statement.where} names the partition `{shorten(min(group))}`; the rest is in `{shorten(usual)}`.",
                parts=parts_at(whole_statement(statement)),
            )


def _alternatives(statement: Statement) -> Iterator[Sequence[str]]:
    """Yield a statement's resources, the names of its principals, and the values of each condition."""
    yield statement.resources
    yield [principal.name for principal in statement.principals]
    for line in statement.conditions:
        yield line.values


def _partitions(statement: Statement) -> Iterator[set[str]]:
    """Yield the partitions that each group of alternatives names, if it names any and none by a wildcard."""
    for texts in _alternatives(statement):
        found = {text.split(":", 2)[1] for text in texts if text.startswith("arn:aws") and text.count(":") >= 5}
        found |= {partition for text in texts for host, partition in _SIGN_IN.items() if host in text}
        if found and not any(map(patterns.wild, found)):
            yield found


# --- actions that the resources don't fit -----------------------------------------------------------------------------

_INTERCHANGEABLE: Final = frozenset(
    """
    apigateway ses kinesisanalytics lex greengrass aws-marketplace guardduty
""".split()
)
"""Services whose actions count as fitting any resource of the service. For most of these, the source of the index mixes
versions of the service that AWS documents on different pages."""

_UNLISTED_ON_RESOURCES: Final = frozenset(("guardduty",))
"""Services whose documentation narrows actions to resources, though the reference lists none for them
(https://docs.aws.amazon.com/guardduty/latest/ug/security_iam_id-based-policy-examples.html)."""

_ALSO_ON_RESOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    "logs": ("describeloggroups", "startquery"),
    "kafka": ("getbootstrapbrokers",),
}
"""Service -> actions that take a resource, though the reference lists none for them
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html,
https://docs.aws.amazon.com/msk/latest/developerguide/mvpc-cluster-owner-action-policy.html)."""


def _useless_action_faults(statement: Statement, actions: Named) -> Iterator[Fault]:
    # `*` fits every action.
    if statement.negated_resources or "*" in statement.resources:
        return
    if statement.negated_actions and not statement.allow:
        return
    if not actions.unknown and not any(
        mask & ~_granted_actions(service, statement.resources) for service, mask in actions.by_service.items()
    ):
        return  # as in most statements: each action fits
    useless = [action for action in statement.actions if _grants_nothing(action, statement.resources)]
    # A denial that names more actions than it needs is harmless.
    if useless and (statement.allow or len(useless) == len(statement.actions)):
        yield Fault(
            RuleId.RESOURCE_MISMATCH,
            f"{statement.where} {'grants' if statement.allow else 'denies'} nothing for "
            f"{quote(map(spell, useless))}: none of its resources fits.",
        )


def _grants_nothing(action: str, given: tuple[str, ...]) -> bool:
    """Tell whether an Allow of an action on these resources is known to grant nothing.

    An unknown action and an ARN that another rule refuses may grant something.
    """
    service, mask = knowledge.lookup(action)
    return bool(service and given and mask and not mask & _granted_actions(service, given))


@lru_cache(32768)
def _granted_actions(service: knowledge.Service, given: tuple[str, ...]) -> int:
    """Return the actions of a service that an Allow, if it names them, grants on these resources."""
    reach = joint_reach(service, given)
    if reach.everything or (reach.kinds and service.prefix in _UNLISTED_ON_RESOURCES):
        return service.everything
    if reach.any_resource:
        granted = ~service.typed
    else:
        # Most actions that take no resource need `*`, or everything of a service.
        granted = sum(service.mask(action) for action in _ALSO_ON_RESOURCES.get(service.prefix, ()))
    if service.prefix in _INTERCHANGEABLE and reach.kinds:
        return granted | service.typed
    granted |= service.taken_by(reach.kinds)
    if service.prefix == "es" and not any(patterns.intersects(one.split(":", 5)[-1], "domain/?*/*") for one in given):
        # HTTP requests are about what is inside a domain.
        granted &= ~service.beginning("eshttp")
    return granted
