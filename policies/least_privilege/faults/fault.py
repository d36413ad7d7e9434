"""One thing that is wrong with a document."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice
from typing import Final, NamedTuple

from policies.least_privilege.knowledge import Service

_NAMED: Final = 5


class Fault(NamedTuple):
    """A fault, before configuration and waivers.

    `rule` is the id of the rule that speaks about it; `about` what a rule's configuration may allow by name: an
    account, a service, an issuer. Without `sure` it's a fault only where the account is known not to be the own one.
    Messages quote names of the document, never a condition's value.
    """

    rule: str
    message: str
    about: str = ""
    sure: bool = True
    by_name: bool = False
    """It's a role or user of another account, let in by its name: a fault only where the configuration says so."""


def some(names: Collection[str]) -> str:
    """Return the first names, and how many more there are.

    >>> some(["a", "b"]), some("abcdefg")
    ('`a`, `b`', '`a`, `b`, `c`, `d`, `e` and 2 more')
    """
    return _listed(names, len(names))


def actions(service: Service, mask: int) -> str:
    """Return the first actions of a mask by name, and how many more there are."""
    return _listed(service.listed(mask), mask.bit_count())


def _listed(names: Iterable[str], count: int) -> str:
    first = ", ".join(f"`{name}`" for name in islice(names, _NAMED))
    return first + (f" and {count - _NAMED} more" if count > _NAMED else "")


def short(text: str) -> str:
    """Return a text, cut if it's long."""
    return text if len(text) <= 120 else text[:117] + "..."
