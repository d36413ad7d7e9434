"""The conditions of a statement, and what can be asked of them.

A condition limits a statement if a request without the key, or with any other value, fails. Some operators don't do
that: the negated ones, `...IfExists`, and `ForAllValues`, which a missing key satisfies. Under every other operator a
missing key fails, so a key that no request holds makes the statement grant nothing.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Final, NamedTuple

from policies.least_privilege.language.binding_keys import (
    ABOUT_THE_REQUEST,
    TAGS,
    Keys,
    is_specific,
    value_check,
)

FAMILIES: Final = {
    operator: family
    for family, operators in {
        "string": "stringequals stringnotequals stringequalsignorecase stringnotequalsignorecase stringlike "
        "stringnotlike",
        "numeric": "numericequals numericnotequals numericlessthan numericlessthanequals numericgreaterthan "
        "numericgreaterthanequals",
        "date": "dateequals datenotequals datelessthan datelessthanequals dategreaterthan dategreaterthanequals",
        "bool": "bool",
        "binary": "binaryequals",
        "ip": "ipaddress notipaddress",
        "arn": "arnequals arnlike arnnotequals arnnotlike",
        "null": "null",
    }.items()
    for operator in operators.split()
}
"""Operator -> the family of values that it compares."""

_NEGATED: Final = frozenset(operator for operator in FAMILIES if "not" in operator)
_DEMANDING: Final = FAMILIES.keys() - _NEGATED - {"null"}


class Condition(NamedTuple):
    """One line of a condition block. A request must meet all lines of a statement."""

    operator: str
    """In lower case, without set qualifier and `IfExists`."""
    qualifier: str
    """`forallvalues`, `foranyvalue` or empty."""
    if_exists: bool
    key: str
    """In lower case."""
    values: tuple[str, ...]
    """Alternatives: one that matches is enough."""

    @property
    def negated(self) -> bool:
        """Whether the values are excluded."""
        return self.operator in _NEGATED

    @property
    def requires_key(self) -> bool:
        """Whether the line is `Null` with false: a request must hold the key, with whatever value."""
        return self.operator == "null" and {value.lower() for value in self.values} == {"false"}

    def demands(self, present: frozenset[str] = frozenset()) -> bool:
        """Tell whether a request without the key fails, and the values are asked for, not excluded.

        `present` are the keys that another line requires.
        """
        if self.operator not in _DEMANDING:
            return False
        lenient = self.if_exists or self.qualifier == "forallvalues"
        return not lenient or self.key in present

    @property
    def compares_itself(self) -> bool:
        """Whether a value is the variable of the line's own key, which every request with the key meets."""
        if "${" not in "".join(self.values):
            return False
        names = (value.strip("*?")[2:-1].partition(",")[0] for value in self.values if "${" in value)
        return any(name.strip().lower() == self.key for name in names)

    def accepts_only(self, check: Callable[[str], bool]) -> bool:
        """Tell whether every value passes a check. The values are alternatives, so the widest one counts."""
        # A star counts as a wildcard under every operator. If the operator takes it literally, the value can't match,
        # which is a fault of its own.
        return bool(self.values) and not self.compares_itself and all(map(check, self.values))

    def binds(self, keys: Keys) -> bool:
        """Tell whether the key is among `keys` and each of its values limits something."""
        check = value_check(self.key, keys)
        return check is not None and self.accepts_only(check)

    def is_flag(self, value: str) -> bool:
        """Tell whether the line compares by `Bool`, with `value` (`true` or `false`) alone."""
        return self.operator == "bool" and {one.lower() for one in self.values} == {value}

    @property
    def selects_resources(self) -> bool:
        """Whether the key selects resources: their tags, or most keys of a service."""
        if self.key.startswith("aws:"):
            return self.binds(TAGS)
        return self.key not in ABOUT_THE_REQUEST and ":" in self.key and self.accepts_only(is_specific)


class Conditions(tuple[Condition, ...]):
    """All conditions of a statement; empty where it has none."""

    keys: frozenset[str]
    """The keys of all lines."""
    required_keys: frozenset[str]
    """Keys that a request must hold, by `Null` with false."""
    demanding: tuple[Condition, ...]
    """The lines that demand their key and some of its values."""

    def __init__(self, _: Iterable[Condition] = ()) -> None:
        self.keys = frozenset([line.key for line in self])
        self.required_keys = frozenset([line.key for line in self if line.requires_key])
        self.demanding = tuple([line for line in self if line.demands(self.required_keys)])

    @cached_property
    def narrow_resources(self) -> bool:
        """Whether a statement of an identity policy reaches fewer resources because of its conditions.

        Keys about the caller (address, MFA, organization, account, time, transport) don't count: the intended
        users of the role meet them.
        """
        return any(line.selects_resources for line in self.demanding)

    def ask_for(self, key: str, check: Callable[[str], bool] | None = None) -> bool:
        """Tell whether a key is demanded with specific values, each of which passes the check if there is one."""
        for line in self.demanding:
            if line.key == key and line.accepts_only(is_specific) and (check is None or line.accepts_only(check)):
                return True
        return False

    def ask_for_any(self, *keys: str) -> bool:
        """Tell whether one of several keys is demanded with specific values."""
        return any(map(self.ask_for, keys))

    def bind(self, keys: Keys) -> bool:
        """Tell whether one of `keys` is demanded, with values that limit something."""
        return any(line.binds(keys) for line in self.demanding)

    def demanded_values(self, key: str) -> Iterator[tuple[str, ...]]:
        """Yield the values of each line that demands a key."""
        return (line.values for line in self.demanding if line.key == key)

    def accepted_values(self, key: str) -> Iterator[str]:
        """Yield the values of a key that aren't excluded, also where a request without the key passes."""
        for line in self:
            if line.key == key and not line.negated and line.operator != "null":
                yield from line.values

    def flags(self, key: str, value: str) -> Iterator[Condition]:
        """Yield the lines that compare a key by `Bool`, with `value` (`true` or `false`) alone."""
        return (line for line in self if line.key == key and line.is_flag(value))
