"""A private, encrypted bucket that deletes old objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.iam_documents import BucketStatement, bucket_policy
from components.naming import Names


@dataclass(frozen=True)
class PrivateBucketArgs:
    """The bucket's name, how many days its objects live, and the services that may write into it (`writers`).

    `expire_days` is for current objects (None keeps them), `noncurrent_days` for versions that were replaced.
    """

    names: Names
    bucket: str
    component: str
    noncurrent_days: int
    protect: bool
    expire_days: int | None = None
    writers: Sequence[BucketStatement] = ()


class PrivateBucket(pulumi.ComponentResource):
    """An S3 bucket: versioned, encrypted, closed to the public, TLS only, owner enforced, with expiring objects."""

    def __init__(self, name: str, args: PrivateBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:storage:PrivateBucket", name, None, opts)
        bucket = aws.s3.Bucket(
            name,
            bucket=args.bucket,
            tags=args.names.tags(args.component),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        # The name, not an Output: the gate judges the bucket's policy at preview, so it has to know the name.
        child = pulumi.ResourceOptions(parent=self, depends_on=[bucket])
        aws.s3.BucketOwnershipControls(
            name,
            bucket=args.bucket,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=child,
        )
        public_access = aws.s3.BucketPublicAccessBlock(
            name,
            bucket=args.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        aws.s3.BucketVersioning(
            name,
            bucket=args.bucket,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=child,
        )
        self._encrypt(name, args, child)
        self._tidy_up(name, args, child)
        self.policy = aws.s3.BucketPolicy(
            name,
            bucket=args.bucket,
            policy=bucket_policy(args.names, args.bucket, args.writers),
            # S3 refuses concurrent changes of a bucket's policy and its public access block.
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[public_access])),
        )
        self.register_outputs({"name": args.bucket})

    def _encrypt(self, name: str, args: PrivateBucketArgs, child: pulumi.ResourceOptions) -> None:
        aws.s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=args.bucket,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=(
                        aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                            sse_algorithm="AES256"
                        )
                    ),
                )
            ],
            opts=child,
        )

    def _tidy_up(self, name: str, args: PrivateBucketArgs, child: pulumi.ResourceOptions) -> None:
        aws.s3.BucketLifecycleConfiguration(
            name,
            bucket=args.bucket,
            rules=[
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="tidy-up",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    abort_incomplete_multipart_upload=(
                        aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                            days_after_initiation=7
                        )
                    ),
                    expiration=(
                        aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=args.expire_days)
                        if args.expire_days
                        else None
                    ),
                    noncurrent_version_expiration=(
                        aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                            noncurrent_days=args.noncurrent_days
                        )
                    ),
                )
            ],
            opts=child,
        )
