"""Listener rules, as several packs read them."""

from __future__ import annotations

from policies.rulebook.resource import Resource


def hosts(rule: Resource) -> tuple[str, ...]:
    """Return the hosts that a rule matches, as they are written; none if it matches every host."""
    return tuple(host for condition in rule.parts("conditions") for host in condition.texts("hostHeader.values"))
