"""The pack about previews: a resource that the preview didn't show isn't created.

A preview shows what the program registers in a preview. In the update, the program may register something else: a
resource that it skips in dry runs, a resource inside `apply` on a value that is known only then, or other inputs.
People approved what they saw, and in an update stack rules judge resources only once they exist. So this pack records
what it is asked about in the preview of `pulumi up`, and stops whatever differs before it is created.

It is off unless the configuration requires a record. Environment variables say where the record is kept (`record.py`);
`python -m operations deploy up` sets them. The pack keeps a program from surprising people. It can't keep a program
from calling AWS by itself.
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
"""How many paths a finding names."""

_REQUIRED: Final = {
    "type": "boolean",
    "description": "whether an update needs the record of its preview",
    "default": False,
}


@RULES.resource(
    "not-previewed",
    title="Every resource is applied as the preview showed it.",
    remedy="Register the resource in previews too, with the same inputs. Apply with `python -m operations deploy up`, "
    "which previews first and keeps a record of the preview for the update.",
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
        yield Finding("The preview didn't show this resource.")
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
        yield Finding(f"Changed since the preview: {named}{more}.")


@RULES.stack(
    "previewed-only",
    title="Every resource that the preview showed is applied.",
    remedy="Register the resource in updates too, not only in previews. If it existed before, it is deleted by now: "
    "apply again to create it anew.",
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
            return  # `not-previewed` has reported it for each resource
        for urn in sorted(missing):
            yield Finding(f"The preview showed `{urn.split('::', 3)[-1]}`, but the update didn't register it.", urn)
