"""What mends a fault, as far as the document itself shows it: each text can be carried out as it stands.

`REGION`, `ACCOUNT` and `NAME` stand for what only the author knows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.faults.wording import quote
from policies.least_privilege.knowledge import ResourceType, Service, sensitive

_MOST_GROUPS: Final = 4
"""How many groups of actions a remedy shows."""
_MOST_ACTIONS: Final = 30
"""For how many actions a remedy names resources. Whoever allows more of a service first has to say which are needed."""


def narrow(service: Service, actions: int) -> str:
    """Return the remedy for actions of a service that are allowed on everything: the resources that each takes.

    Empty if there are too many.
    """
    if actions.bit_count() > _MOST_ACTIONS:
        return ""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in service.listed(actions & service.typed):
        groups.setdefault(_arns(service, knowledge.lookup(name.lower())[1]), []).append(name)
    unnamed = groups.pop((), [])
    untyped = list(service.listed(actions & ~service.typed))
    said = []
    if groups:
        shown = [f"{quote(names)} on {quote(arns)}" for arns, names in groups.items()]
        said.append(f"Allow {'; '.join(shown[:_MOST_GROUPS])}{'; and so on' if len(shown) > _MOST_GROUPS else ''}.")
    if unnamed:
        said.append(add_condition({"StringEquals": {"aws:ResourceTag/NAME": "NAME"}}, unnamed))
    if untyped:
        said.append(f"Leave out {quote(untyped)}, which no resource can narrow.")
    return " ".join(said)


def _arns(service: Service, action: int) -> tuple[str, ...]:
    """Return the ARNs of the resources that an action needs, or of the plainest one that it takes.

    Empty if they may be of any service, as what AWS Backup keeps.
    """
    known = [kind for kind in service.types if kind.parts[2] != "?*"]
    required = [kind for kind in known if kind.required & action]
    if any(kind.can_be_narrowed for kind in required):
        return tuple(dict.fromkeys(map(_arn, required)))
    taken = [kind for kind in known if kind.actions & action]
    arns = sorted(map(_arn, [kind for kind in taken if kind.can_be_narrowed] or taken), key=len)
    # HTTP requests are for what is in a domain.
    inside = "/*" if service.prefix == "es" and action & service.beginning("eshttp") else ""
    return tuple(arn + inside for arn in arns[:1])


def _arn(kind: ResourceType) -> str:
    _, _, service, region, account, name = (part.replace("?*", "NAME") for part in kind.parts)
    suffix = "-??????" if service == "secretsmanager" else ""
    return f"arn:aws:{service}:{region and 'REGION'}:{account.replace('NAME', 'ACCOUNT')}:{name}{suffix}"


def narrow_one(actions: Sequence[str], others: Sequence[str]) -> str:
    """Return the remedy for actions (`service:Action`) that are dangerous together, if the first ones reach everything.

    It's enough to narrow one of them. One that writes permissions, or takes no resource, can only be left out.
    """
    for action in actions:
        service, mask = knowledge.lookup(action.lower())
        if service and mask & service.typed & ~sensitive.mask(service, "grants"):
            alternative = ", or leave out one of the others" if len(actions) + len(others) > 1 else ""
            return narrow(service, mask).rstrip(".") + alternative + "."
    return leave_out(actions[:1] or others[:1])


def leave_out(actions: Sequence[str]) -> str:
    """Return the remedy for actions that nothing can narrow."""
    return f"Leave out {quote(actions)}."


def add_condition(condition: Mapping[str, Mapping[str, str]], actions: Sequence[str]) -> str:
    """Return the remedy for actions that a condition narrows."""
    return f"Add the condition `{json.dumps(condition)}` to {quote(actions)}."
