"""Faults of tags: a tag gives access to resources, and the same role can set it
(https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from policies.least_privilege import knowledge
from policies.least_privilege.faults.fault import Fault, Place, RuleId
from policies.least_privilege.faults.places import parts_at, whole_statement
from policies.least_privilege.faults.wording import shorten, spell
from policies.least_privilege.knowledge import condition_keys, sensitive
from policies.least_privilege.language import patterns
from policies.least_privilege.language.conditions import Condition, Conditions
from policies.least_privilege.language.documents import Statement
from policies.least_privilege.meaning import resources
from policies.least_privilege.meaning.grants import ServiceGrant, matching_actions, named_actions

_RESOURCE_TAG: Final = re.compile(
    r"(?:[a-z0-9-]+:resourcetag|s3:existingobjecttag|rds:(?!req-)[a-z-]+-tag)/(?!aws:)(.+)"
)
"""Keys that hold the value of a tag of the resource. Nobody can set AWS's own tags."""
_REQUEST_TAG: Final = re.compile(r"(?:aws:requesttag|s3:requestobjecttag|rds:req-tag)/(.+)")
"""Keys that hold the value that a request sets."""
_TAG_NAMES: Final = frozenset(("aws:tagkeys", "s3:requestobjecttagkeys"))
"""Keys that hold the names of all tags that a request sets."""

_VARIABLE: Final = re.compile(r"\$\{[^}]*\}")

_MOST_GATES: Final = 200
"""How many conditions on tags are compared with what may be tagged: more than a policy has room for."""


class _Gate(NamedTuple):
    """A statement that a tag opens."""

    statement: Statement
    tag: str
    """The tag's name, in lower case."""
    values: tuple[str, ...]
    """The values that open it, as patterns."""
    opened: tuple[str, ...]
    """The resources behind it, as patterns; without those named in full, which were meant to be opened."""
    gives_more: bool
    """Whether it gives access to sessions, data or permissions."""

    def holds(self, value: str) -> bool:
        """Tell whether every value that a pattern matches opens it. The same variable has the same value."""
        return any(patterns.includes(one, value) for one in self.values)

    def may_hold(self, value: str) -> bool:
        """Tell whether some value that a pattern matches may open it; variables may have any value, in any case."""
        return any(patterns.intersects(_any_value(one), _any_value(value)) for one in self.values)


def _any_value(value: str) -> str:
    return _VARIABLE.sub("*", value).lower()


def tag_faults(statements: Sequence[Statement], grants: Mapping[str, ServiceGrant]) -> Iterator[Fault]:
    """Yield the faults of tags that open resources and that the same role can set; `grants` is what all grant."""
    keys = {key for statement in statements for key in statement.conditions.keys}
    if not any(map(_RESOURCE_TAG.fullmatch, keys)):
        return
    tagging = [
        (action, service, mask & _setting(service), statement)
        for statement in statements
        if statement.allow and not statement.negated_actions
        for action in statement.actions
        for service, mask in matching_actions(action).items()
        if service.prefix in grants and mask & _setting(service)
    ]
    gates = list(_gates(statements))[:_MOST_GATES] if tagging else []
    denials = [statement for statement in statements if not statement.allow] if gates else []
    for action, service, mask, statement in tagging:
        tagged = _as_patterns(_given(statement), {service: mask}) if gates else ()
        for_new = _creates_with_tags(service, grants[service.prefix]) if gates else False
        for gate in gates:
            if (
                _may_set(statement.conditions, gate, for_new=for_new)
                and any(resources.overlap(one, other) for one in tagged for other in gate.opened)
                and not any(_denies(denial, service, mask, tagged, gate) for denial in denials)
            ):
                yield Fault(
                    RuleId.PRIVILEGE_ESCALATION,
                    f"`{spell(action)}` sets the tag `{shorten(gate.tag)}`, which gives access to resources.",
                    parts=(
                        *parts_at(Place(statement, (action,), statement.resources)),
                        *parts_at(whole_statement(gate.statement)),
                    ),
                    mend=f"Leave out `{spell(action)}`, or allow it for other tags only, by a condition on "
                    "`aws:TagKeys`.",
                )
                break


@lru_cache(1024)
def _setting(service: knowledge.Service) -> int:
    """Return the actions that set tags."""
    removing = service.beginning("un") | service.beginning("delete") | service.beginning("remove")
    return service.levels["Tagging"] & ~removing


def _creates_with_tags(service: knowledge.Service, grant: ServiceGrant) -> bool:
    """Tell whether a grant creates resources with tags in a service without the key `CreateAction`.

    By that key, other services tell the tagging of a new resource from the tagging of existing ones. Without it, those
    who can create resources with tags can't be kept from tagging the rest.
    """
    made = (condition_keys.actions_sent_with(service, "aws:requesttag/") or 0) & ~service.levels["Tagging"]
    return bool(grant.actions & made) and not any(key.endswith(":createaction") for key in service.keys)


def _gates(statements: Sequence[Statement]) -> Iterator[_Gate]:
    for statement in statements:
        for line in statement.conditions if statement.allow else ():
            if line.demands() and (tag := _tag(_RESOURCE_TAG, line)):
                actions = named_actions(statement)
                wide = tuple(filter(patterns.wild, _given(statement)))
                yield _Gate(
                    statement,
                    tag,
                    line.values,
                    _as_patterns(wide, actions),
                    any(_gives_more(*one) for one in actions.items()),
                )


def _gives_more(service: knowledge.Service, actions: int) -> bool:
    """Tell whether some actions give access to sessions, data or permissions, beyond managing a resource."""
    more = service.mask("passrole") if service.prefix == "iam" else 0
    for category in _MORE:
        more |= sensitive.mask(service, category)
    more |= sensitive.deciding(service) & ~service.mask("allowvendedlogdeliveryforresource")
    return bool(actions & more)


_MORE: Final[tuple[sensitive.Category, ...]] = ("sessions", "credentials", "data", "exfiltration", "sharing", "grants")


# --- which resources --------------------------------------------------------------------------------------------------


def _given(statement: Statement) -> tuple[str, ...]:
    return ("*",) if statement.negated_resources else statement.resources


def _as_patterns(given: Sequence[str], actions: Mapping[knowledge.Service, int]) -> tuple[str, ...]:
    """Return resources as patterns. A star becomes the patterns of all types that the actions take, in any service."""
    found: list[str] = []
    for one in given:
        if not patterns.includes(one, "arn:?*:?*"):
            found.append(resources.resolve_variables(one))
            continue
        for service, mask in actions.items():
            found += [":".join(kind.parts) for kind in service.types if kind.actions & mask]
    return tuple(found)


# --- which values -----------------------------------------------------------------------------------------------------


def _may_set(conditions: Conditions, gate: _Gate, *, for_new: bool) -> bool:
    """Tell whether conditions let a statement that allows tagging set the tag to a value that opens the gate.

    They don't if they limit it to new resources, to resources that are open already, or to other tags or values.
    `for_new` says that a demanded value may be meant for new resources alone; that counts unless `gate.gives_more`.
    """
    for line in conditions:
        if line.key.endswith(":createaction"):
            shut = line.demands(conditions.required_keys)
        elif _tag(_RESOURCE_TAG, line) == gate.tag:
            shut = line.demands(conditions.required_keys) and all(gate.holds(value) for value in line.values)
        elif _tag(_REQUEST_TAG, line) == gate.tag:
            shut = not _passes(line, gate) or (for_new and not gate.gives_more and line.demands())
        elif line.key in _TAG_NAMES and line.qualifier == "forallvalues":
            shut = _lists(line, gate) == line.negated
        else:
            continue
        if shut:
            return False
    return True


def _denies(denial: Statement, service: knowledge.Service, actions: int, tagged: Sequence[str], gate: _Gate) -> bool:
    """Tell whether a Deny keeps actions on resources from setting the tag to any value that opens the gate."""
    if denial.negated_resources or actions & ~named_actions(denial).get(service, 0):
        return False
    if not all(any(patterns.includes(denied, one) for denied in denial.resources) for one in tagged):
        return False
    if len(denial.conditions) != 1:
        return not denial.conditions
    [line] = denial.conditions
    if line.key in _TAG_NAMES:
        return line.qualifier == "foranyvalue" and not line.negated and _lists(line, gate)
    if _tag(_REQUEST_TAG, line) != gate.tag:
        return False
    if line.operator == "null":
        return line.requires_key
    if line.negated:
        return not any(gate.may_hold(value) for value in line.values)
    return all(any(patterns.includes(value, opening) for value in line.values) for opening in gate.values)


def _tag(key: re.Pattern[str], line: Condition) -> str:
    """Return the tag whose value the key of a line holds, empty if it's another key."""
    found = key.fullmatch(line.key)
    return found[1] if found else ""


def _passes(line: Condition, gate: _Gate) -> bool:
    """Tell whether a request that sets the tag to a value that opens the gate meets a line about that value."""
    if line.operator == "null":
        return line.requires_key
    if line.negated:
        return not all(any(patterns.includes(value, opening) for value in line.values) for opening in gate.values)
    return any(gate.may_hold(value) for value in line.values)


def _lists(line: Condition, gate: _Gate) -> bool:
    return any(patterns.matches(value.lower(), gate.tag) for value in line.values)
