"""Compares a provider's own answers in a preview with those of the embedded engine.

Only names, and values that the provider adds itself, leave this module; never a value that it was given.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final, Literal

from rehearsal.engine.computed import declared
from rehearsal.engine.planned_inputs import CERTIFICATE, Answer, as_go_writes, has_unknown, planned
from stackfiles.json_type import Json
from stackfiles.plan_document import UNKNOWN

NOT_PULUMI_AWS: Final[Mapping[tuple[str, str], str]] = {
    ("aws:lb/targetGroup:TargetGroup", "deregistrationDelay"): "a text in Terraform's schema; pulumi-aws has a number",
    (
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "rules.*.filter.ands",
    ): "the dynamic bridge has lists where pulumi-aws has one object or none",
    (
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "rules.*.filter.tags",
    ): "the dynamic bridge has lists where pulumi-aws has one object or none",
}
"""Type and path -> why pulumi-aws 7 answers differently there from the dynamic bridge or the 5.x provider.
Attributes that pulumi-aws' classes lack are ignored too: the bridge has its own names for ids."""

IN_ANY_ORDER: Final = {("aws:lb/listenerRule:ListenerRule", "conditions")}
"""Type and input that is a set in Terraform's schema: its order is that of a hash of the values, secret ones too."""

DOCUMENTS: Final[Mapping[Literal["document", "legacy_document"], str]] = {"document": "", "legacy_document": "Version"}
"""How a policy document comes back -> the key that comes first."""


def observe(type_: str, given: Mapping[str, Json], answered: Mapping[str, Json]) -> Answer:
    """Return how an answer differs from its inputs, in the form of the record of planned answers."""
    found = Answer(added={}, unknown=[], whole=[], sorted=[], document=[], legacy_document=[])
    for path, before, after in _differences(type_, given, answered):
        if type_ == CERTIFICATE and path in ("subjectAlternativeNames", "domainValidationOptions"):
            continue  # the embedded engine computes these itself
        if before is None and after == UNKNOWN:
            found["unknown"].append(path)
        elif before is None and path not in ("region", "tagsAll"):
            found["added"][path] = after
        elif after == UNKNOWN and has_unknown(before):
            found["whole"].append(path)
        elif isinstance(before, list) and isinstance(after, list) and sorted(before, key=str) == after:
            found["sorted"].append(path)
        elif isinstance(before, str):
            kind = next((kind for kind, first in DOCUMENTS.items() if as_go_writes(before, first) == after), None)
            if kind:
                found[kind].append(path)
    return found


def unexplained(type_: str, given: Mapping[str, Json], answered: Mapping[str, Json], region: str) -> list[str]:
    """Return the paths where the embedded engine answers something else."""
    mine = planned(type_, given, region)
    newer = {name for name, value in mine.items() if name not in answered and name not in given and value == UNKNOWN}
    mine = {name: value for name, value in mine.items() if name not in newer}
    return [path for path, _, _ in _differences(type_, mine, answered)]


def _differences(type_: str, one: Mapping[str, Json], other: Mapping[str, Json]) -> Iterator[tuple[str, Json, Json]]:
    """Yield path and both values (None if missing) wherever two sets of properties of a type differ.

    Raises:
        LookupError: the type's SDK isn't loaded, so its properties aren't known.
    """
    if not declared(type_):
        raise LookupError(f"no class of the SDK for {type_}")
    names = {name for name in {**one, **other} if name in declared(type_) and not name.startswith("__")}
    for name in sorted(names):
        before_all, after_all = one.get(name), other.get(name)
        if (type_, name) in IN_ANY_ORDER:
            before_all, after_all = _in_one_order(before_all), _in_one_order(after_all)
        for path, before, after in _differing(name, before_all, after_all):
            if (type_, path) not in NOT_PULUMI_AWS:
                yield path, before, after


def _in_one_order(value: Json) -> Json:
    """Return a list of objects in an order that depends only on the objects; anything else unchanged."""
    return sorted(value, key=lambda item: json.dumps(item, sort_keys=True)) if isinstance(value, list) else value


def _differing(path: str, before: Json, after: Json) -> Iterator[tuple[str, Json, Json]]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({**before, **after}):
            yield from _differing(f"{path}.{name}", before.get(name), after.get(name))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after) and _holds_objects(before):
        for one, other in zip(before, after, strict=True):
            yield from _differing(f"{path}.*", one, other)
    else:
        yield path, before, after


def _holds_objects(items: list[Json]) -> bool:
    return any(isinstance(item, dict) for item in items)
