"""A data bucket, private and encrypted, with its history kept for a while."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.iam_documents import tls_only_bucket_policy
from components.naming import Names


@dataclass(frozen=True)
class DataBucketArgs:
    """A bucket's name (known at preview) and for how long old versions of objects are kept, in days."""

    names: Names
    name: str
    noncurrent_days: int
    protect: bool


class DataBucket(pulumi.ComponentResource):
    """An S3 bucket: versioned, encrypted, closed to the public, TLS only, owner enforced, tidied up by itself."""

    def __init__(self, args: DataBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("rocketclub:data:DataBucket", args.name, None, opts)
        bucket = aws.s3.Bucket(
            args.name,
            bucket=args.name,
            tags=args.names.tags("data"),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        # The bucket is named, not referred to by Output, so that its policy is judged against a name the gate knows.
        child = pulumi.ResourceOptions(parent=self, depends_on=[bucket])
        aws.s3.BucketOwnershipControls(
            args.name,
            bucket=args.name,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=child,
        )
        public_access = aws.s3.BucketPublicAccessBlock(
            args.name,
            bucket=args.name,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        aws.s3.BucketVersioning(
            args.name,
            bucket=args.name,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=child,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            args.name,
            bucket=args.name,
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
        aws.s3.BucketLifecycleConfiguration(
            args.name,
            bucket=args.name,
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
                    noncurrent_version_expiration=(
                        aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                            noncurrent_days=args.noncurrent_days
                        )
                    ),
                )
            ],
            opts=child,
        )
        aws.s3.BucketPolicy(
            args.name,
            bucket=args.name,
            policy=tls_only_bucket_policy(args.names, args.name),
            # S3 refuses concurrent changes of a bucket's policy and its public access block.
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[public_access])),
        )
        self.register_outputs({"name": args.name})
