"""Finds the faults of a document that follow from wider ones: once the wider fault is mended, they are gone.

A preview reports such a fault together with the wider one, its root, as one violation (`rulebook.violation`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from functools import cached_property, partial
from typing import Final, TypeAlias

from policies.least_privilege.faults import remedies
from policies.least_privilege.faults.fault import BROAD, Fault, Part, Place, RuleId
from policies.least_privilege.language.binding_keys import CALLER, IDENTITY, PARTNER, SOURCE, Keys, value_check

_REACH: Final = frozenset(
    (
        RuleId.WILDCARD_RESOURCE,
        RuleId.UNBOUNDED_RESOURCE,
        RuleId.SECRET_WILDCARD,
        RuleId.UNSCOPED_PASS_ROLE,
        RuleId.PRIVILEGE_ESCALATION,
        RuleId.CREDENTIAL_EXPOSURE,
        RuleId.DATA_EXFILTRATION,
        RuleId.PERMISSIONS_MANAGEMENT,
        RuleId.AUDIT_TAMPERING,
    )
)
"""Faults of actions that are allowed on more than they need."""
_NARROWED: Final = _REACH | {RuleId.NOT_RESOURCE}
"""Faults whose remedies name other resources, limit the actions by a condition, or leave them out."""

_CONDITIONS: Final = frozenset((RuleId.INEFFECTIVE_CONDITION, RuleId.INVALID_CONDITION))

_LIMITING: Final[Mapping[RuleId, Keys]] = {
    RuleId.OPEN_TRUST: IDENTITY,
    RuleId.CROSS_ACCOUNT_TRUST: PARTNER,
    RuleId.UNSCOPED_SERVICE_TRUST: SOURCE,
    RuleId.PUBLIC_RESOURCE_POLICY: CALLER,
    RuleId.CROSS_ACCOUNT_ACCESS: CALLER,
    RuleId.CONFUSED_DEPUTY: SOURCE,
}
"""Rule about principals -> the condition keys that can limit a statement."""

_NAMED: Final = frozenset((*_LIMITING, RuleId.RESOURCE_MISMATCH))
"""Faults that another name, of a principal or a resource, may mend."""

_CLAIMS: Final[Mapping[RuleId, tuple[str, ...]]] = {
    RuleId.FEDERATION_WITHOUT_AUDIENCE: (":aud", ":app_id"),
    RuleId.FEDERATION_WITHOUT_SUBJECT: (":sub", ":amr"),
    RuleId.LOOSE_FEDERATION_SUBJECT: (":sub",),
}
"""Rule about tokens -> the endings of the condition keys that it asks for."""

_BOUNDARY_KEYS: Final = frozenset(key for keys in remedies.LIMITING_KEYS.values() for key in keys)


def link_roots(faults: Sequence[Fault]) -> None:
    """Let the faults of a document find what they follow from; the first one that is asked finds it for all."""
    if len(faults) > 1:
        roots = _Following(faults)
        for fault in faults:
            fault.roots = roots


class _Following:
    """Finds once what each fault of a document follows from."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = faults

    def __call__(self) -> Mapping[Fault, tuple[Fault, ...]]:
        return self._found

    @cached_property
    def _found(self) -> Mapping[Fault, tuple[Fault, ...]]:
        return _find_roots(self._faults)


def _find_roots(faults: Sequence[Fault]) -> Mapping[Fault, tuple[Fault, ...]]:
    found: dict[Fault, tuple[Fault, ...]] = {}
    wider: dict[str, list[Fault]] = defaultdict(list)
    for fault in sorted(faults, key=lambda fault: _WIDTH.get(fault.rule, len(_WIDTH))):
        find = _resource_roots if fault.rule in _REACH else _name_roots
        found[fault] = _action_roots(fault, wider) or _condition_roots(fault, wider) or find(fault, wider)
        for place in fault.places:
            wider[place.statement.where].append(fault)
    return found


_Wider: TypeAlias = Mapping[str, Sequence[Fault]]
"""Statement, as messages name it -> its faults that may be roots of the next one."""
_Roots: TypeAlias = tuple[Fault, ...]

_WIDTH: Final[Mapping[RuleId, int]] = {
    rule: width
    for width, rule in enumerate(
        (
            RuleId.WILDCARD_ACTION,
            RuleId.NOT_ACTION,
            RuleId.SERVICE_WILDCARD,
            RuleId.BROAD_ACTION_PATTERN,
            RuleId.NOT_RESOURCE,
        )
    )
}
"""Rule -> its rank, the widest first. Faults of all other rules keep the order of the document's list."""

_MOST: Final = 50
"""How many faults of a statement are compared with each other, and how many actions of a fault are looked at one by
one. A fault whose roots aren't found is reported by itself."""


def _action_roots(fault: Fault, wider: _Wider) -> _Roots:
    """Return the broad action patterns that give all that a fault needs."""
    if fault.rule not in _REACH | {RuleId.TRUST_ACTION}:
        return ()
    return _covering(fault, wider, BROAD, lambda _, root, place: _mends(root, place))


def _resource_roots(fault: Fault, wider: _Wider) -> _Roots:
    """Return the faults whose remedies narrow, or take away, all that a fault needs."""

    def is_root(part: Part, root: Fault, place: Place) -> bool:
        enough = part.narrowable or not root.parts[0].narrowable
        return enough and _mends(root, place, place.resources)

    return _covering(fault, wider, _NARROWED, is_root)


def _mends(root: Fault, wanted: Place, resources: Sequence[str] = ()) -> bool:
    """Tell whether a root's remedy is about all actions of a place, and about all of the given resources."""
    return any(
        place.statement is wanted.statement
        and {*place.actions}.issuperset(wanted.actions)
        and {*place.resources}.issuperset(resources)
        for place in root.parts[0].places
    )


def _covering(
    fault: Fault, wider: _Wider, rules: Container[RuleId], is_root: Callable[[Part, Fault, Place], bool]
) -> _Roots:
    """Return the roots of the first of a fault's parts that has them; its actions may have different roots."""
    known = _known(fault.places, wider, rules)
    for part in fault.parts if any(known.values()) else ():
        by_action = [
            place._replace(actions=(action,)) for place in part.places for action in place.actions[: _MOST + 1]
        ]
        fits = partial(is_root, part)
        roots = _each_root(part.places, known, fits)
        if roots or (len(by_action) <= _MOST and (roots := _each_root(by_action, known, fits))):
            return roots
    return ()


def _known(places: Sequence[Place], wider: _Wider, rules: Container[RuleId]) -> _Wider:
    """Return the faults of some rules, by statement, in the statements of places."""
    wheres = {place.statement.where for place in places}
    return {where: [one for one in wider.get(where, ())[:_MOST] if one.rule in rules] for where in wheres}


def _each_root(places: Sequence[Place], known: _Wider, is_root: Callable[[Fault, Place], bool]) -> _Roots:
    """Return the first known root of each place; empty if some place has none."""
    found: dict[Fault, None] = {}
    for place in places:
        root = next((one for one in known[place.statement.where] if is_root(one, place)), None)
        if root is None:
            return ()
        found[root] = None
    return tuple(found)


def _name_roots(fault: Fault, wider: _Wider) -> _Roots:
    """Return the fault of the name of the principal, or of the only resource, that a fault is about."""

    def is_root(root: Fault, place: Place) -> bool:
        if root.rule is RuleId.MALFORMED_PRINCIPAL:
            return root.concerns == fault.concerns
        return _mends(root, place, place.resources)

    if fault.rule not in _NAMED:
        return ()
    rule = RuleId.MALFORMED_PRINCIPAL if fault.rule in _LIMITING else RuleId.MALFORMED_ARN
    return _each_root(fault.places, _known(fault.places, wider, {rule}), is_root)


def _condition_roots(fault: Fault, wider: _Wider) -> _Roots:
    """Return the fault of the condition that was meant to keep out what a fault lets in."""
    known = _known(fault.places, wider, _CONDITIONS)
    return _each_root(fault.places, known, lambda root, _: _limits(root.concerns, fault.rule))


def _limits(key: str, rule: RuleId) -> bool:
    """Tell whether a condition on a key keeps out what a rule is against."""
    if rule in _LIMITING:
        return value_check(key, _LIMITING[rule]) is not None
    if rule in _CLAIMS:
        return key.endswith(_CLAIMS[rule])
    if rule is RuleId.PRIVILEGE_ESCALATION and key in _BOUNDARY_KEYS:
        return True
    return rule in _REACH and ":resourcetag/" in key
