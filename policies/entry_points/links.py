"""How the resources of a stack lead to each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from policies.rulebook import Resource


@dataclass(frozen=True)
class Links:
    """The resources of a stack, by type and by URN."""

    resources: Sequence[Resource]

    def of(self, types: frozenset[str]) -> list[Resource]:
        """Return the resources of some types."""
        return [resource for resource in self.resources if resource.type in types]

    def behind(self, resource: Resource, path: str, types: frozenset[str]) -> list[Resource]:
        """Return the resources of some types that a property's value comes from."""
        urns = resource.references.get(path, frozenset())
        return [other for other in self.resources if other.urn in urns and other.type in types]

    def before(self, types: frozenset[str], path: str, target: Resource) -> Iterator[Resource]:
        """Yield the resources of some types whose property leads to a resource."""
        for resource in self.of(types):
            if target.urn in resource.references.get(path, frozenset()):
                yield resource


def covers(names: Iterable[str], host: str) -> bool:
    """Tell whether a certificate for some names is one for a host. A wildcard stands for one label.

    >>> covers(["*.example.com"], "a.example.com"), covers(["*.example.com"], "a.b.example.com")
    (True, False)
    """
    wildcard = "*." + host.partition(".")[2]
    return any(name.lower() in (host.lower(), wildcard.lower()) for name in names)
