"""The pack of what was previewed: what wasn't previewed isn't made.

A preview shows what the program registers in a preview. It may register something else when it is applied: outside a
dry run, inside `apply` on a value that is only known then, or with another input. People approved what they saw, and
stack rules judge what is applied only once it exists. So this pack keeps a record of what it is asked about in the
preview of `pulumi up`, and stops what differs before it is made.

It is off unless the configuration requires a record. Whoever starts `pulumi up` says in the environment where the
record is kept (`record.py`); `python -m operations deploy up` does. It keeps a program from surprising people. It can't
keep one from calling AWS by itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from policies.previewed.record import FILE, KEY, NoRecord, Record, differing
from policies.rulebook import Finding, Judgement, Resource, Rules, Severity, Stack

RULES: Final = Rules()

_RECORD: Final = Record(os.environ.get(FILE, ""), os.environ.get(KEY, ""))
_SHOWN: Final = 5
"""Paths that a finding names."""

_REQUIRED: Final = {
    "type": "boolean",
    "description": "whether an update needs the record of its preview",
    "default": False,
}


@RULES.resource(
    "not-previewed",
    title="What is applied is what the preview had.",
    remedy="Register the resource in previews too, with the same inputs. Apply with `python -m operations deploy up`, "
    "which previews first and hands over what the preview had.",
    source="https://www.pulumi.com/docs/iac/concepts/inputs-outputs/apply/",
    severity=Severity.HIGH,
    config={
        "required": _REQUIRED,
        "stand_ins": {
            "type": "object",
            "description": "resource type -> paths of secrets for which a preview has a stand-in; * is a wildcard",
            "default": {},
        },
    },
)
def _not_previewed(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    if judgement.preview:
        _RECORD.add(resource)
        return
    if not judgement.config["required"]:
        return
    try:
        previewed = _RECORD.previewed()
    except NoRecord as reason:
        yield Finding(f"There is no record of this update's preview: {reason}.")
        return
    if resource.urn not in previewed:
        yield Finding("The preview didn't have this resource.")
        return
    stand_ins = judgement.config["stand_ins"].get(resource.type, ())
    paths = [
        path
        for path, secret in differing(previewed[resource.urn], _RECORD.tree(resource))
        if not (secret and any(fnmatchcase(path, pattern) for pattern in stand_ins))
    ]
    if paths:
        more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        named = ", ".join(f"`{path}`" for path in paths[:_SHOWN])
        yield Finding(f"Since the preview, what it gives for {named}{more} has changed.")


@RULES.stack(
    "previewed-only",
    title="What the preview had is applied.",
    remedy="Register the resource when it is applied too. If it existed, it is gone now: apply again to make it anew.",
    source="https://www.pulumi.com/docs/iac/concepts/inputs-outputs/apply/",
    severity=Severity.HIGH,
    config={"required": _REQUIRED},
)
def _previewed_only(stack: Stack, judgement: Judgement) -> Iterator[Finding]:
    if judgement.preview:
        _RECORD.write()
    elif judgement.config["required"]:
        try:
            missing = _RECORD.previewed().keys() - {resource.urn for resource in stack}
        except NoRecord:
            return  # each resource has had its finding
        for urn in sorted(missing):
            yield Finding(f"Only the preview had `{urn.split('::', 3)[-1]}`.", urn)
