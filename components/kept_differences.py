"""Differences between the program and running resources that are kept, for resources that were taken over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import pulumi


class KeptDifferences:
    """Makes the engine ignore differences of the resources that are registered from now on.

    Args:
        kept: Each `PROPERTY of TYPE::NAME`.
    """

    def __init__(self, kept: Iterable[str]) -> None:
        self._properties: defaultdict[str, list[str]] = defaultdict(list)
        for entry in kept:
            path, _, resource = entry.partition(" of ")
            self._properties[resource].append(path)
        self._missing = set(self._properties)
        if self._properties:
            pulumi.runtime.register_stack_transformation(self._ignoring)

    def require_resources(self) -> None:
        """Check that every named resource was registered; otherwise its difference would be applied, not kept.

        Raises:
            pulumi.RunError: the program has no such resource.
        """
        if self._missing:
            raise pulumi.RunError(
                f"keptDifferences: the program has no {', '.join(sorted(self._missing))}; accepted: the type and the "
                "name of a resource, as at the end of its URN"
            )

    def _ignoring(self, args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        resource = f"{args.type_}::{args.name}"
        if resource not in self._properties:
            return None
        self._missing.discard(resource)
        ignoring = pulumi.ResourceOptions(ignore_changes=self._properties[resource])
        return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, ignoring))
