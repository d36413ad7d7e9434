"""Ways to more permissions, within one document or over all that one role has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.faults.fault import Fault, short, some
from policies.least_privilege.knowledge import sensitive
from policies.least_privilege.language import patterns
from policies.least_privilege.language.documents import Statement
from policies.least_privilege.meaning import conditions, resources
from policies.least_privilege.meaning.grants import Granted, actions_of


def faults(statements: Sequence[Statement], grants: Mapping[str, Granted]) -> Iterator[Fault]:
    """Yield a fault for each way to more permissions that statements open together; `grants` is what they grant."""
    for method in open_methods(grants):
        yield Fault(
            "privilege-escalation",
            f"{some((*method.wide, *method.some))} open a way to more permissions ({method.id}).",
        )
    for uses, writes in _together(statements, grants, sensitive.ON_ONE_RESOURCE):
        yield Fault(
            "privilege-escalation", f"{some((*writes, *uses))} on the same resource open a way to more permissions."
        )
    for uses, writes in _together(statements, grants, sensitive.SEPARATE_DUTIES):
        yield Fault(
            "permissions-management",
            f"{some((*writes, *uses))} on the same resource: its user decides who else may use it.",
        )
    yield from _commands(statements, grants)
    yield from _bound(statements, grants)
    yield from _gates(statements, grants)


def _bound(statements: Sequence[Statement], grants: Mapping[str, Granted]) -> Iterator[Fault]:
    """A condition binds an action to something that the same role writes."""
    asked = {condition.key for statement in statements for condition in statement.conditions}
    for key in sorted(asked & sensitive.BOUND_BY.keys()):
        pair = sensitive.BOUND_BY[key]
        written = {write: _freely_on(statements, write) for write in pair.writes if _is_free(grants, write)}
        binding = [one for one in statements if one.allow and any(conditions.named(one.conditions, key))][:_GATES]
        for statement in binding if written else ():
            use = next((use for use in pair.uses if _names(statement, use)), "")
            # A boundary remains one, whatever is attached.
            if not use or conditions.asks_for(statement.conditions, "iam:permissionsboundary"):
                continue
            bounds = [resources.plain(_arn(value)) for value in conditions.named(statement.conditions, key)]
            for write, on in written.items():
                if any(
                    (patterns.intersects(bound, one) or patterns.intersects(bound, f"{one}:*"))
                    and not _is_denied(statements, write, bound)
                    for bound in bounds
                    for one in on
                ):
                    yield Fault(
                        "privilege-escalation",
                        f"{statement.where} binds `{use}` by `{key}` to what `{write}` writes: a way to more "
                        "permissions.",
                    )
                    break


_OBJECT: Final = re.compile(
    r"https://(?:(?P<bucket>[a-z0-9.-]+?)\.s3[a-z0-9.-]*|s3[a-z0-9.-]*)\.amazonaws\.com(?P<china>\.cn)?/(?P<rest>.*)"
)


def _arn(value: str) -> str:
    """Return the ARN of what a condition names by its address; an ARN stays."""
    url = _OBJECT.fullmatch(value)
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


_OF_TAGS: Final = re.compile(r":resourcetag/|s3:existingobjecttag/")
_GATES: Final = 20
"""So many conditions that open something are compared with what may be written."""


def _gates(statements: Sequence[Statement], grants: Mapping[str, Granted]) -> Iterator[Fault]:
    """A tag on a resource opens it, and the same role may set that tag
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html)."""
    if not any(grant.some & grant.service.levels["Tagging"] for grant in grants.values()):
        return
    tagging = [
        (action, statement)
        for statement in statements
        if statement.allow and (action := next(filter(_tags, statement.actions), ""))
    ]
    if not tagging:
        return
    gates = [
        (condition.key.partition("/")[2], statement, [one for one in statement.resources if patterns.wild(one)])
        for statement in statements
        if statement.allow
        for condition in statement.conditions
        # Nobody sets AWS's own tags.
        if _OF_TAGS.search(condition.key) and "/aws:" not in condition.key and conditions.demands(condition)
    ][:_GATES]
    for action, statement in tagging:
        for tag, gate, opened in gates:
            if conditions.may_tag(statement.conditions, tag) and _meet(action, statement.resources, gate, opened):
                yield Fault("privilege-escalation", f"`{action}` sets the tag `{short(tag)}`, which opens resources.")
                break


def _meet(tagging: str, tagged: Sequence[str], gate: Statement, opened: Sequence[str]) -> bool:
    """Tell whether what is tagged may be among what a tag opens; a star stands for the services of its actions."""
    service = tagging.partition(":")[0]
    for one in tagged:
        for other in opened:
            if other == "*":
                if any(action.startswith(f"{service}:") for action in gate.actions):
                    return True
            elif patterns.intersects(
                resources.plain(f"arn:*:{service}:*" if one == "*" else one), resources.plain(other)
            ):
                return True
    return False


@lru_cache(4096)
def _tags(action: str) -> bool:
    """Tell whether an action puts tags on what is there."""
    name = action.partition(":")[2]
    # Another rule speaks of wildcards.
    return not patterns.wild(name) and not name.startswith(("un", "delete")) and sensitive.tags(action)


def _commands(statements: Sequence[Statement], grants: Mapping[str, Granted]) -> Iterator[Fault]:
    """A shell on every instance, with the role of each."""
    if not _is_free(grants, "ssm:SendCommand"):
        return
    on = [resource.split(":", 5)[-1].lower() for resource in _freely_on(statements, "ssm:SendCommand")]
    if any(name in sensitive.SHELLS for name in on) and any(patterns.includes(name, "instance/?*") for name in on):
        yield Fault("privilege-escalation", "`ssm:SendCommand` runs a shell on every instance, with the role of each.")


def _together(
    statements: Sequence[Statement], grants: Mapping[str, Granted], pairs: Mapping[str, sensitive.Pair]
) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the actions of each pair that are allowed on the same resource: those that use it, those that write it."""
    for service in sorted(grants.keys() & pairs.keys()):
        pair = pairs[service]
        # Few documents have both, and what they are allowed on takes longer to find out.
        uses = [use for use in pair.uses if _is_granted(grants, use)]
        found = [
            (use, write)
            for write in (pair.writes if uses else ())
            if _is_granted(grants, write)
            for use in uses
            if _meets(statements, use, write)
        ]
        if found:
            yield (
                [use for use in pair.uses if any(one == use for one, _ in found)],
                [write for write in pair.writes if any(one == write for _, one in found)],
            )


def _meets(statements: Sequence[Statement], use: str, write: str) -> bool:
    """Tell whether an action that uses a resource and one that writes it are allowed on the same.

    What narrows the write counts, unless it narrows the use too: in one statement.
    """
    both = [
        statement
        for statement in statements
        if _names(statement, use) and not any(conditions.asks_for(statement.conditions, key) for key in _NARROWED)
    ]
    written = (*_freely_on(statements, write, _NARROWED), *_on(both, write))
    return any(patterns.intersects(one, _holder(other)) for one in written for other in _on(statements, use))


_NARROWED: Final = ("lambda:principal", "lambda:functionurlauthtype", "ec2:attribute")
"""Keys that say to whom a function is opened, or what of an instance is changed, without narrowing which."""


def _holder(resource: str) -> str:
    """Return what a policy is attached to of what is used: of objects and tables, their bucket."""
    if ":s3tables:" in resource:
        return resource.partition("/table/")[0]
    return resources.bucket(resource) or resource


def _is_granted(grants: Mapping[str, Granted], action: str) -> bool:
    """Tell whether an action is granted at all."""
    service, mask = knowledge.named(action.lower())
    return service is not None and service.prefix in grants and bool(grants[service.prefix].some & mask)


def _is_free(grants: Mapping[str, Granted], action: str) -> bool:
    """Tell whether an action is granted without a condition that narrows it."""
    service, mask = knowledge.named(action.lower())
    return service is not None and service.prefix in grants and bool(grants[service.prefix].free & mask)


def _freely_on(statements: Sequence[Statement], action: str, narrowing: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the resources on which statements allow an action, as patterns, but for those of statements whose
    conditions narrow the resources, or that ask for one of the keys in `narrowing`."""
    return _on(
        [
            statement
            for statement in statements
            if not conditions.narrows_resources(statement.conditions)
            and not any(conditions.asks_for(statement.conditions, key) for key in narrowing)
        ],
        action,
    )


def _on(statements: Sequence[Statement], action: str) -> tuple[str, ...]:
    """Return the resources on which statements allow an action, whatever their conditions, as patterns."""
    return tuple(
        resources.plain(resource)
        for statement in statements
        if statement.allow and _names(statement, action)
        for resource in (("*",) if statement.negated_resources else statement.resources)
    )


def _names(statement: Statement, action: str) -> bool:
    service, mask = knowledge.named(action.lower())
    named = actions_of(statement.actions, statement.negated_actions)
    return service is not None and bool(named.get(service, 0) & mask)


def open_methods(grants: Mapping[str, Granted]) -> list[sensitive.Escalation]:
    """Return the methods of escalation that are open."""
    wide: dict[str, int] = {}
    found = []
    for prefix, grant in grants.items():
        for method, last, needs_wide, needs_some in _methods().get(prefix, ()):
            if not grant.some & last:
                continue
            for other, _ in needs_wide:
                if other not in wide:
                    wide[other] = grants[other].wide() if other in grants else 0
            if all(wide[other] & mask for other, mask in needs_wide) and all(
                other in grants and grants[other].some & mask for other, mask in needs_some
            ):
                found.append(method)
    return found


_Needs = tuple[tuple[str, int], ...]


@cache
def _methods() -> Mapping[str, list[tuple[sensitive.Escalation, int, _Needs, _Needs]]]:
    """Return the methods by the service of the last action that each needs, the one that tells them apart best, with
    that action's mask and those of all actions."""
    methods: dict[str, list[tuple[sensitive.Escalation, int, _Needs, _Needs]]] = {}
    for method in sensitive.ESCALATIONS:
        needs_wide, needs_some = _masks(method.wide), _masks(method.some)
        prefix, last = (needs_wide + needs_some)[-1]
        methods.setdefault(prefix, []).append((method, last, needs_wide, needs_some))
    return methods


def _masks(actions: tuple[str, ...]) -> _Needs:
    masks = []
    for action in actions:
        # An action that AWS has withdrawn leaves a mask of none, so its method is never open.
        masks.append((action.partition(":")[0], knowledge.named(action.lower())[1]))
    return tuple(masks)
