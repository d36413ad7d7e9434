"""The buckets' names, which all accounts of a partition share: free, ours, or taken."""

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
    """Tell whose a bucket is: nobody's, this account's, or somebody else's. `component` is its name in the program.

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
                    return check.undecided("free; the first apply makes it")
                case HTTPStatus.FORBIDDEN:
                    return check.failed(
                        "taken: it belongs to another account, or these credentials may not look at it "
                        "(s3:ListBucket); in the former case `up` fails at it: set another bucketSuffix"
                    )
            raise
    if state is not None and (_BUCKET, name) not in state:
        return check.failed(
            explain_import(state, (_BUCKET, component, name), (_PARENT, component), stack.names.environment)
        )
    return check.passed("ours")
