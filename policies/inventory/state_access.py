"""Who can read and write Pulumi's state and use its key: anyone who can decrypt the state has the secrets in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from policies.inventory.documents import listed
from policies.inventory.elsewhere import OWNERS
from policies.inventory.identity_policies import TYPES, allowing
from policies.inventory.roles import ROLE, policy_name
from policies.rulebook import Finding, Json, Judgement, Resource, Rule, Scope, Severity

_READS: Final = {"s3:listbucket": "bucket", "s3:getobject": "objects", "kms:decrypt": "key"}
_WRITES: Final = {**_READS, "s3:putobject": "objects", "s3:deleteobject": "objects", "kms:generatedatakey": "key"}
_ACCESS: Final[Mapping[Json, Mapping[str, str]]] = {"reads": _READS, "writes": _WRITES}
"""Agreed access of a role -> action, in lower case -> the part of the state on which it is allowed.

The engine's calls to a bucket and a key: https://www.pulumi.com/docs/iac/concepts/state-and-backends/#aws-s3"""

_OBJECTS: Final = "/.pulumi/"
"""Prefix of everything that the engine keeps in a bucket (BookkeepingDir in sdk/go/common/workspace/paths.go)."""


def _unagreed(resources: Sequence[Resource], judgement: Judgement) -> Iterator[Finding]:
    boundaries = {policy_name(resource.get("permissionsBoundary")) for resource in resources if resource.type == ROLE}
    bucket, key, roles = (judgement.config[name] for name in ("bucket", "key", "roles"))
    for resource in resources:
        if resource.type not in TYPES or resource.get("name") in boundaries:
            continue  # a boundary grants nothing
        # A managed policy can be attached to other roles later, so it must not grant access to the state.
        role = resource.get("name" if resource.type == ROLE else "role")
        agreed = _ACCESS.get(roles.get(role), {}) if isinstance(role, str) else {}
        for place, statement in allowing(resource.properties):
            for action in listed(statement.get("Action")) or ["*"]:
                for arn in listed(statement.get("Resource")) or ["*"]:
                    part = _part(arn, bucket, key)
                    name = action.lower() if isinstance(action, str) else "*"
                    if not part and name.startswith("kms:"):
                        yield Finding(
                            f"`{place}` grants `{name}` on `{arn}`, which isn't the state's key.", resource.urn
                        )
                    elif part and agreed.get(name) != part:
                        yield Finding(
                            f"`{place}` grants `{action}` on the state (`{arn}`), which isn't agreed.", resource.urn
                        )


def _part(arn: Json, bucket: str, key: str) -> str:
    """Return the part of the state that an ARN names, empty if none. `foreign-bucket` judges patterns of buckets."""
    if not isinstance(arn, str):
        return ""
    if key and arn == key:
        return "key"
    named, slash, _ = arn.partition(":s3:::")[2].partition("/")
    if not bucket or named != bucket:
        return ""
    return "bucket" if not slash else "objects" if _OBJECTS in arn else "other objects"


RULES: Final = (
    Rule(
        id="pinned-state",
        title="Only roles that the owners agreed to can read or write Pulumi's state or use its key.",
        remedy=f"Remove the grant, or have {OWNERS} agree to the role, bucket and key in `pinned-state`.",
        source="https://www.pulumi.com/docs/iac/concepts/state-and-backends/",
        severity=Severity.HIGH,
        check=_unagreed,
        scope=Scope.STACK,
        types=TYPES,
        config={
            "bucket": {"type": "string", "description": "Name of the bucket that keeps the state", "default": ""},
            "key": {"type": "string", "description": "ARN of the key that encrypts the state", "default": ""},
            "roles": {
                "type": "object",
                "additionalProperties": {"enum": sorted(map(str, _ACCESS))},
                "description": "Name of a role -> what it does with the state: `reads` or `writes`",
                "default": {},
            },
        },
    ),
)
