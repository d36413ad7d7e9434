"""How to mend a fault, as far as the document itself shows it. A reader can carry out each text as it stands.

`REGION`, `ACCOUNT` and `NAME` stand for what only the author knows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.faults.wording import quote
from policies.least_privilege.knowledge import ResourceType, Service, sensitive

NAME_ACTIONS: Final = "Name the actions that are needed."
"""The remedy for a pattern of actions, and for every fault that follows from it."""

_MOST_GROUPS: Final = 4
"""How many groups of actions a remedy shows."""
_MOST_ACTIONS: Final = 30
"""The most actions for which a remedy names resources. An author who allows more must first say which are needed."""


LIMITING_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "putrolepolicy": ("iam:permissionsboundary",),
    "attachrolepolicy": ("iam:permissionsboundary", "iam:policyarn"),
    "putuserpolicy": ("iam:permissionsboundary",),
    "attachuserpolicy": ("iam:permissionsboundary", "iam:policyarn"),
    "attachgrouppolicy": ("iam:policyarn",),
    "putrolepermissionsboundary": ("iam:permissionsboundary",),
    "putuserpermissionsboundary": ("iam:permissionsboundary",),
}
"""Action that writes permissions -> keys, one of which makes it safe
(https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html)."""

_SPELLED: Final = {"iam:permissionsboundary": "iam:PermissionsBoundary", "iam:policyarn": "iam:PolicyARN"}


def limit(service: Service, actions: int) -> str:
    """Return the remedy for actions that write permissions: a condition, or to leave out those that can have none."""
    by_key: dict[str, list[str]] = {}
    for name in service.listed(actions):
        prefix, _, action = name.lower().partition(":")
        keys = LIMITING_KEYS.get(action, ()) if prefix == "iam" else ()
        by_key.setdefault(keys[0] if keys else "", []).append(name)
    return " ".join(
        add_condition({"ArnEquals": {_SPELLED[key]: "arn:aws:iam::ACCOUNT:policy/NAME"}}, names)
        if key
        else f"Leave out {quote(names)}, which no condition can limit."
        for key, names in by_key.items()
    )


@lru_cache(4096)
def narrow(service: Service, actions: int) -> str:
    """Return the remedy for actions of a service that are allowed on everything: the resources that each takes."""
    if actions.bit_count() > _MOST_ACTIONS:
        return NAME_ACTIONS
    writing = actions & sensitive.mask(service, "grants")
    actions &= ~writing
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in service.listed(actions & service.typed):
        groups.setdefault(_arns(service, knowledge.lookup(name.lower())[1]), []).append(name)
    unnamed = groups.pop((), [])
    untyped = list(service.listed(actions & ~service.typed))
    texts = [limit(service, writing)] if writing else []
    if groups:
        shown = [f"{quote(names)} on {quote(arns)}" for arns, names in groups.items()]
        texts.append(f"Allow {'; '.join(shown[:_MOST_GROUPS])}{'; and so on' if len(shown) > _MOST_GROUPS else ''}.")
    if unnamed:
        texts.append(add_condition({"StringEquals": {"aws:ResourceTag/NAME": "NAME"}}, unnamed))
    if untyped:
        texts.append(f"Leave out {quote(untyped)}, which no resource can narrow.")
    return " ".join(texts)


def _arns(service: Service, action: int) -> tuple[str, ...]:
    """Return the ARNs of the resources that an action needs, or of the plainest one that it takes.

    Empty if the resources may belong to any service, such as the backups of AWS Backup.
    """
    known = [kind for kind in service.types if kind.parts[2] != "?*"]
    required = [kind for kind in known if kind.required & action]
    if any(kind.can_be_narrowed for kind in required):
        return tuple(dict.fromkeys(map(_arn, required)))
    taken = [kind for kind in known if kind.actions & action]
    arns = sorted(map(_arn, [kind for kind in taken if kind.can_be_narrowed] or taken), key=len)
    # HTTP requests are about what is inside a domain.
    inside = "/*" if service.prefix == "es" and action & service.beginning("eshttp") else ""
    return tuple(arn + inside for arn in arns[:1])


def _arn(kind: ResourceType) -> str:
    _, _, service, region, account, name = (part.replace("?*", "NAME") for part in kind.parts)
    suffix = "-??????" if service == "secretsmanager" else ""
    return f"arn:aws:{service}:{region and 'REGION'}:{account.replace('NAME', 'ACCOUNT')}:{name}{suffix}"


def narrow_one(actions: Sequence[str], others: Sequence[str]) -> str:
    """Return the remedy for actions (`service:Action`) that are dangerous together, if the first ones reach everything.

    It's enough to narrow one of them. One that takes no resource can only be left out.
    """
    alternative = ", or leave out one of the others" if len(actions) + len(others) > 1 else ""
    for action in actions:
        service, mask = knowledge.lookup(action.lower())
        if service and mask & service.typed:
            return narrow(service, mask).rstrip(".") + alternative + "."
    return leave_out(actions[:1] or others[:1])


def leave_out(actions: Sequence[str]) -> str:
    """Return the remedy for actions that nothing can narrow."""
    return f"Leave out {quote(actions)}."


def add_condition(condition: Mapping[str, Mapping[str, str]], actions: Sequence[str]) -> str:
    """Return the remedy for actions that a condition narrows."""
    return f"Add the condition `{json.dumps(condition)}` to {quote(actions)}."
