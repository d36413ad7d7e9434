"""Faults of the actions that an Allow names, in a policy of any kind."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.faults.fault import Fault, Place, RuleId
from policies.least_privilege.faults.places import parts_at
from policies.least_privilege.faults.wording import quote_actions, shorten
from policies.least_privilege.knowledge import sensitive
from policies.least_privilege.language import patterns
from policies.least_privilege.language.documents import Statement
from policies.least_privilege.meaning.grants import named


def action_faults(statement: Statement) -> Iterator[Fault]:
    """Yield the faults of the `Action` or `NotAction` of an Allow."""
    where = statement.where
    if statement.negated_actions:
        yield Fault(RuleId.NOT_ACTION, f"{where} allows every action that `NotAction` doesn't name.")
        return
    for action in named(statement.actions).wild:
        broken = _wildcard_fault(action)
        if broken:
            rule, effect = broken
            place = Place(statement, (action,), statement.resources)
            yield Fault(rule, f"{where} allows `{shorten(action)}`: {effect}.", parts=parts_at(place))


_MOST_WRITES: Final = 3
"""The most actions that a wildcard after a verb may match if some of them write (`sqs:Send*`)."""


@lru_cache(16384)
def _wildcard_fault(action: str) -> tuple[RuleId, str] | None:
    """Return the rule that an action pattern breaks, and what the pattern allows; None if it breaks none."""
    prefix, separator, name = action.partition(":")
    if patterns.wild(prefix):
        if patterns.includes(action, "?*:?*"):
            return RuleId.WILDCARD_ACTION, "every action of every service"
        return RuleId.WILDCARD_ACTION, "actions of several services"
    service, mask = knowledge.lookup(action)
    if not separator or service is None:
        return None
    if patterns.includes(name, "?*") or (mask == service.everything and mask.bit_count() > 1):
        if not mask & ~sensitive.surveys(service):
            # All actions only read descriptions, as in the service of price lists.
            return None
        return RuleId.SERVICE_WILDCARD, f"every action of {service.prefix}"
    delicate = mask & (
        sensitive.deciding(service) | sensitive.mask(service, "grants") | sensitive.mask(service, "credentials")
    )
    if delicate:
        return RuleId.BROAD_ACTION_PATTERN, f"it includes {quote_actions(service, delicate)}"
    writes = mask & (service.levels["Write"] | service.levels["Tagging"])
    if writes and mask.bit_count() > _MOST_WRITES and not _names_an_object(name):
        return RuleId.BROAD_ACTION_PATTERN, f"it includes {quote_actions(service, writes)}"
    return None


def _names_an_object(name: str) -> bool:
    """Tell whether a pattern has more than a verb before its first wildcard: `putitem*` has, `put*` hasn't.

    `ESHttp`, which comes before the verb, counts as a verb.
    """
    return not any(verb.startswith(patterns.head(name)) for verb in _VERBS)


_VERBS: Final = """
    abort accept add associate attach authorize batch cancel change complete copy create decrypt delete deregister
    describe detach disable disassociate enable encrypt eshttp execute generate get import initiate invoke list modify
    publish put reencrypt register reject release remove replace reset restore resume revoke run send set start stop
    submit tag terminate untag update upload
""".split()
