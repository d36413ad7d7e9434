"""Privilege escalation, within one document or across all policies of one role."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache, partial
from typing import Final, TypeAlias

from policies.least_privilege import knowledge
from policies.least_privilege.faults import remedies
from policies.least_privilege.faults.fault import Fault, RuleId
from policies.least_privilege.faults.places import (
    granting_statements,
    parts_at,
    whole_statement,
    widely_granting_statements,
)
from policies.least_privilege.faults.wording import quote
from policies.least_privilege.knowledge import escalations
from policies.least_privilege.knowledge.escalations import Escalation, Pair
from policies.least_privilege.language import patterns
from policies.least_privilege.language.documents import Statement
from policies.least_privilege.meaning import resources
from policies.least_privilege.meaning.grants import ServiceGrant, named_actions

Grants: TypeAlias = Mapping[str, ServiceGrant]
"""Prefix of a service -> what statements grant in it together."""


def escalation_faults(statements: Sequence[Statement], grants: Grants) -> Iterator[Fault]:
    """Yield a fault for each privilege escalation that statements allow together; `grants` is what they grant."""
    for method in _open_methods(grants):
        yield _method_fault(method, statements)
    for rule, pairs, effect in (
        (RuleId.PRIVILEGE_ESCALATION, escalations.ON_ONE_RESOURCE, " allow privilege escalation"),
        (RuleId.PERMISSIONS_MANAGEMENT, escalations.SEPARATE_DUTIES, " let its user decide who else can use it"),
    ):
        for uses, writes in _pairs_on_one_resource(statements, grants, pairs):
            # A use that is allowed on everything meets the write on any resource to which that is narrowed.
            parted = not any(_reaches_everything(grants, use) for use in uses)
            yield Fault(
                rule,
                f"{quote((*writes, *uses))} on the same resource{effect}.",
                parts=(
                    granting_statements(statements, *writes, narrowable=parted),
                    granting_statements(statements, *uses, narrowable=False),
                ),
                mend=partial(remedies.leave_out, writes),
            )
    yield from _shell_faults(statements, grants)
    yield from _bound_to_writable_faults(statements, grants)


def _method_fault(method: Escalation, statements: Sequence[Statement]) -> Fault:
    needed = (*method.unbounded, *method.granted)
    paired = {action for pair in escalations.ON_ONE_RESOURCE.values() for action in (*pair.uses, *pair.writes)}
    # If two of them are such a pair, they also allow escalation on one resource, so narrowing isn't enough.
    meeting = len(paired & {*needed}) > 1
    return Fault(
        RuleId.PRIVILEGE_ESCALATION,
        f"{quote(needed)} allow{'s' if len(needed) == 1 else ''} privilege escalation ({method.id}).",
        parts=(
            *(widely_granting_statements(statements, action, narrowable=not meeting) for action in method.unbounded),
            *(granting_statements(statements, action, narrowable=False) for action in method.granted),
        ),
        mend=partial(remedies.leave_out, needed[:1])
        if meeting
        else partial(remedies.narrow_one, method.unbounded, method.granted),
    )


# --- methods ----------------------------------------------------------------------------------------------------------


def _open_methods(grants: Grants) -> Iterator[Escalation]:
    wide: dict[str, int] = {}
    methods = _methods()
    for prefix in filter(methods.__contains__, grants):
        granted_here = grants[prefix].actions
        for method, last, unbounded, granted in methods[prefix]:
            if not granted_here & last:
                continue
            for other, _ in unbounded:
                if other not in wide:
                    wide[other] = grants[other].wide() if other in grants else 0
            if all(wide[other] & mask for other, mask in unbounded) and all(
                other in grants and grants[other].actions & mask for other, mask in granted
            ):
                yield method


_Needs: TypeAlias = tuple[tuple[str, int], ...]
"""The prefix of a service and the mask of one action, for each action that is needed."""


@cache
def _methods() -> Mapping[str, list[tuple[Escalation, int, _Needs, _Needs]]]:
    """Return the methods, with the masks of their actions, by the service of the last action that each needs.

    The last action, whose mask comes first, is the one that few policies grant.
    """
    methods: dict[str, list[tuple[Escalation, int, _Needs, _Needs]]] = {}
    for method in escalations.escalations():
        unbounded, granted = _needs(method.unbounded), _needs(method.granted)
        prefix, last = (unbounded + granted)[-1]
        methods.setdefault(prefix, []).append((method, last, unbounded, granted))
    return methods


def _needs(actions: tuple[str, ...]) -> _Needs:
    return tuple(map(_needed, actions))


@lru_cache(1024)
def _needed(action: str) -> tuple[str, int]:
    """Return the prefix of an action's service, and the action's mask: 0 for one that AWS has withdrawn."""
    return action.partition(":")[0], knowledge.lookup(action.lower())[1]


# --- two actions on one resource --------------------------------------------------------------------------------------

_NOT_NARROWING: Final = ("lambda:principal", "lambda:functionurlauthtype", "ec2:attribute")
"""Keys that say to whom a function is opened, or what changes in an instance, but not which function or instance."""


def _pairs_on_one_resource(
    statements: Sequence[Statement], grants: Grants, pairs: Mapping[str, Pair]
) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the actions of each pair that are allowed on the same resource: those that use it, those that write it."""
    for service in sorted(grants.keys() & pairs.keys()):
        pair = pairs[service]
        # Few documents grant both, and fewer a write. Finding the resources takes longer, so that comes last.
        writes = [write for write in pair.writes if _is_granted(grants, write)]
        uses = [use for use in pair.uses if _is_granted(grants, use)] if writes else ()
        found = [(use, write) for write in writes for use in uses if _meet(statements, use, write)]
        if found:
            yield (
                [use for use in pair.uses if any(one == use for one, _ in found)],
                [write for write in pair.writes if any(one == write for _, one in found)],
            )


def _meet(statements: Sequence[Statement], use: str, write: str) -> bool:
    """Tell whether an action that uses a resource and one that writes it are allowed on the same resource.

    A condition that narrows the write counts, unless it's in a statement that allows the use too.
    """
    shared = [
        statement
        for statement in statements
        if _names(statement, use) and not statement.conditions.ask_for_any(*_NOT_NARROWING)
    ]
    written = (*_unconditional_resources(statements, write, _NOT_NARROWING), *_allowed_resources(shared, write))
    return any(
        patterns.intersects(one, _policy_holder(other))
        for one in written
        for other in _allowed_resources(statements, use)
    )


def _policy_holder(resource: str) -> str:
    """Return the resource that carries the policy for another: the bucket of objects and tables, else the same."""
    if ":s3tables:" in resource:
        return resource.partition("/table/")[0]
    return resources.bucket(resource) or resource


def _shell_faults(statements: Sequence[Statement], grants: Grants) -> Iterator[Fault]:
    """Yield the fault of a shell on every instance, with the role of each."""
    if "ssm" not in grants or not _is_unconditional(grants, "ssm:SendCommand"):
        return
    names = [one.split(":", 5)[-1].lower() for one in _unconditional_resources(statements, "ssm:SendCommand")]
    if any(name in escalations.SHELLS for name in names) and any(
        patterns.includes(name, "instance/?*") for name in names
    ):
        yield Fault(
            RuleId.PRIVILEGE_ESCALATION,
            "`ssm:SendCommand` runs a shell on every instance, with the role of each.",
            parts=(granting_statements(statements, "ssm:SendCommand"),),
            mend="Allow `ssm:SendCommand` on `arn:aws:ssm:REGION:ACCOUNT:document/NAME`, "
            "`arn:aws:ec2:REGION:ACCOUNT:instance/NAME`.",
        )


# --- conditions that the same role can meet ---------------------------------------------------------------------------

_MOST_CONDITIONS: Final = 20
"""How many conditions are compared with what may be written."""


def _bound_to_writable_faults(statements: Sequence[Statement], grants: Grants) -> Iterator[Fault]:
    """Yield the faults of actions that a condition binds to something that the same role writes."""
    asked = {line.key for statement in statements for line in statement.conditions}
    for key in sorted(asked & escalations.BOUND_BY.keys()):
        pair = escalations.BOUND_BY[key]
        written = {
            write: _unconditional_resources(statements, write)
            for write in pair.writes
            if _is_unconditional(grants, write)
        }
        binding = [
            statement for statement in statements if statement.allow and any(statement.conditions.accepted_values(key))
        ]
        for statement in binding[:_MOST_CONDITIONS] if written else ():
            use = next((use for use in pair.uses if _names(statement, use)), "")
            # A boundary holds, whatever policy is attached.
            if not use or statement.conditions.ask_for("iam:permissionsboundary"):
                continue
            bounds = [
                resources.resolve_variables(_object_arn(value)) for value in statement.conditions.accepted_values(key)
            ]
            for write, places in written.items():
                if any(_is_writable(statements, write, places, bound) for bound in bounds):
                    yield Fault(
                        RuleId.PRIVILEGE_ESCALATION,
                        f"{statement.where} uses `{key}` to bind `{use}` to something that `{write}` can write, which "
                        "allows privilege escalation.",
                        parts=(
                            granting_statements(statements, write),
                            *parts_at(whole_statement(statement), narrowable=False),
                        ),
                        mend=partial(remedies.leave_out, [write]),
                    )
                    break


def _is_writable(statements: Sequence[Statement], write: str, places: Sequence[str], bound: str) -> bool:
    """Tell whether something that a pattern matches, or a version of it, may be written."""
    return (
        not resources.is_made_by_aws(bound)
        and any(patterns.intersects(bound, place) or patterns.intersects(bound, f"{place}:*") for place in places)
        and not _is_denied(statements, write, bound)
    )


_OBJECT_URL: Final = re.compile(
    r"https://(?:(?P<bucket>[a-z0-9.-]+?)\.s3[a-z0-9.-]*|s3[a-z0-9.-]*)\.amazonaws\.com(?P<china>\.cn)?/(?P<rest>.*)"
)


def _object_arn(value: str) -> str:
    """Return the ARN of an object that a condition names by its URL, and any other value unchanged."""
    url = _OBJECT_URL.fullmatch(value)
    if not url:
        return value
    return f"arn:{'aws-cn' if url['china'] else 'aws'}:s3:::{'/'.join(filter(None, (url['bucket'], url['rest'])))}"


def _is_denied(statements: Sequence[Statement], action: str, resource: str) -> bool:
    return any(
        not denial.allow
        and not denial.conditions
        and not denial.negated_resources
        and _names(denial, action)
        and any(patterns.includes(denied, resource) for denied in denial.resources)
        for denial in statements
    )


# --- what statements allow --------------------------------------------------------------------------------------------


def _is_granted(grants: Grants, action: str) -> bool:
    prefix, mask = _needed(action)
    return prefix in grants and bool(grants[prefix].actions & mask)


def _reaches_everything(grants: Grants, action: str) -> bool:
    prefix, mask = _needed(action)
    return prefix in grants and bool(grants[prefix].wide() & mask)


def _is_unconditional(grants: Grants, action: str) -> bool:
    """Tell whether an action is granted without a condition that narrows it."""
    prefix, mask = _needed(action)
    return prefix in grants and bool(grants[prefix].unconditional & mask)


def _unconditional_resources(
    statements: Sequence[Statement], action: str, excluded_keys: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return the resources on which an action is allowed, as patterns.

    Statements whose conditions narrow the resources, or ask for one of `excluded_keys`, don't count.
    """
    return _allowed_resources(
        [
            statement
            for statement in statements
            if _names(statement, action)
            and not statement.conditions.narrow_resources
            and not statement.conditions.ask_for_any(*excluded_keys)
        ],
        action,
    )


def _allowed_resources(statements: Sequence[Statement], action: str) -> tuple[str, ...]:
    """Return the resources on which an action is allowed, regardless of conditions, as patterns."""
    return tuple(
        resources.resolve_variables(resource)
        for statement in statements
        if statement.allow and _names(statement, action)
        for resource in (("*",) if statement.negated_resources else statement.resources)
    )


def _names(statement: Statement, action: str) -> bool:
    service, mask = knowledge.lookup(action.lower())
    return service is not None and bool(named_actions(statement).get(service, 0) & mask)
