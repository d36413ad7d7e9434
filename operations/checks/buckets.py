"""Checks the buckets' names, which are unique across all accounts of a partition: free, ours, or taken."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from operations.aws import calls
from operations.engine_state import EngineState, explain_import
from operations.stack import Stack
from operations.verdicts import Check, Verdict

if TYPE_CHECKING:
    from operations.aws import BucketClient

_BUCKET: Final = "aws:s3/bucket:Bucket"
_PARENT: Final = "guarded:storage:PrivateBucket"


def bucket_check(name: str) -> Check:
    """Return the check of a bucket."""
    return Check(f"bucket/{name}", f"bucket {name}")


def check_bucket(stack: Stack, component: str, name: str, client: BucketClient, state: EngineState | None) -> Verdict:
    """Check who owns a bucket: nobody, this account, or another one. `component` is its name in the program.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html (404, 200, 403)

    Raises:
        Failure: AWS answers anything else, or doesn't answer.
    """
    check = bucket_check(name)
    with calls(check.subject):
        try:
            client.head_bucket(Bucket=name, ExpectedBucketOwner=stack.settings.account)
        except ClientError as error:
            match error.response["ResponseMetadata"]["HTTPStatusCode"]:
                case HTTPStatus.NOT_FOUND:
                    return check.undecided("free; the first apply creates it")
                case HTTPStatus.FORBIDDEN:
                    return check.failed(
                        "taken: it belongs to another account, or these credentials aren't allowed to see it "
                        "(s3:ListBucket). If it belongs to another account, `up` fails: set another bucketSuffix"
                    )
            raise
    if state is not None and (_BUCKET, name) not in state:
        return check.failed(
            explain_import(state, (_BUCKET, component, name), (_PARENT, component), stack.names.environment)
        )
    return check.passed("ours")
