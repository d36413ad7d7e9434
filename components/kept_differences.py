"""Differences between the program and what runs that stay as they are, for resources that were taken over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import pulumi


def keep(kept: Iterable[str]) -> None:
    """Have the engine ignore differences of the resources that are made from now on.

    Args:
        kept: Each `PROPERTY of TYPE::NAME`.
    """
    properties: defaultdict[str, list[str]] = defaultdict(list)
    for entry in kept:
        path, _, resource = entry.partition(" of ")
        properties[resource].append(path)
    if properties:
        pulumi.runtime.register_resource_transform(lambda args: _ignoring(args, properties))


def _ignoring(
    args: pulumi.ResourceTransformArgs, properties: Mapping[str, list[str]]
) -> pulumi.ResourceTransformResult | None:
    paths = properties.get(f"{args.type_}::{args.name}")
    if not paths:
        return None
    options = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(ignore_changes=paths))
    return pulumi.ResourceTransformResult(props=args.props, opts=options)
