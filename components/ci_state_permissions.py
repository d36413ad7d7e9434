"""What CI may do to Pulumi's state: read it (preview), and also write and lock it (deploy).

One bucket can hold the state of several stacks, so each grant names this stack's own objects.
`generators/state_calls.yaml` lists the calls behind each grant, with the place in the engine's source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from components.iam_documents import Statement
from components.naming import Names
from components.settings import Settings


@dataclass(frozen=True)
class StateGrant:
    """A row: the statement's id, its action, its objects, and whether only roles that write the state have it.

    `objects` are patterns of keys in the bucket. Without any, the action is on the bucket, or for KMS on the key.
    """

    sid: str
    action: str
    objects: tuple[str, ...] = ()
    writes: bool = False


STATE_FOLDER: Final = "/.pulumi/"
"""The folder in which the engine keeps everything (BookkeepingDir in sdk/go/common/workspace/paths.go)."""

_CHECKPOINT: Final = ".pulumi/stacks/{project}/{stack}.json*"
"""The state, compressed or not, and its backup `.bak`."""
_LOCKS: Final = ".pulumi/locks/organization/{project}/{stack}/*"
_RECORDS: Final = (".pulumi/backups/{project}/{stack}/*", ".pulumi/history/{project}/{stack}/*")

STATE_GRANTS: Final = (
    # Without conditions: without this permission S3 answers 403 instead of 404 for a missing object, such as the
    # stack's tags, and the engine stops (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html).
    StateGrant("ListState", "s3:ListBucket"),
    StateGrant("ReadState", "s3:GetObject", (".pulumi/meta.yaml", ".pulumi/stacks/{project}/{stack}.*")),
    StateGrant("ReadLocks", "s3:GetObject", (_LOCKS,), writes=True),
    StateGrant("WriteState", "s3:PutObject", (_CHECKPOINT, _LOCKS, *_RECORDS), writes=True),
    StateGrant("UnlockState", "s3:DeleteObject", (_LOCKS,), writes=True),
    StateGrant("DecryptState", "kms:Decrypt"),
    StateGrant("EncryptState", "kms:GenerateDataKey", writes=True),
)

STATE_SIDS: Final = frozenset(grant.sid for grant in STATE_GRANTS)
"""The ids of the statements about the state."""


def state_statements(names: Names, settings: Settings, *, writes: bool) -> list[Statement]:
    """Return the statements to read, or to read and write, the state; none if the settings name no bucket.

    Only S3 can request data keys: the engine itself only decrypts the one that `pulumi stack init` created.
    """
    if settings.state_bucket is None or settings.state_key_arn is None:
        return []
    through_s3 = {"StringEquals": {"kms:ViaService": names.service_endpoint("s3")}}
    resources: Mapping[str, str] = {
        "s3": names.bucket_arn(settings.state_bucket),
        "kms": settings.state_key_arn,
    }
    return [
        Statement(
            grant.sid,
            [grant.action],
            [
                names.objects_arn(settings.state_bucket, key.format(project=names.project, stack=names.environment))
                for key in grant.objects
            ]
            or [resources[grant.action.partition(":")[0]]],
            through_s3 if grant.action == "kms:GenerateDataKey" else {},
        )
        for grant in STATE_GRANTS
        if writes or not grant.writes
    ]
