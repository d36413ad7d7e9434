"""The log of all connections within the network that this program creates."""

from __future__ import annotations

from typing import Final

import pulumi
import pulumi_aws as aws

from components.iam_documents import BucketStatement
from components.naming import Names

FLOW_LOG_PREFIX: Final = "vpc-flows"


def flow_log_writers(names: Names) -> list[BucketStatement]:
    """Return the statements that let AWS write flow logs into a bucket, under `FLOW_LOG_PREFIX`.

    Source: https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html
    """
    service = "delivery.logs.amazonaws.com"
    account = {"aws:SourceAccount": names.account}
    source = {"ArnLike": {"aws:SourceArn": names.log_deliveries_arn}}
    return [
        BucketStatement(
            "WriteFlowLogs",
            service,
            ["s3:PutObject"],
            f"{FLOW_LOG_PREFIX}/AWSLogs/{names.account}/*",
            {"StringEquals": {**account, "s3:x-amz-acl": "bucket-owner-full-control"}, **source},
        ),
        BucketStatement("CheckFlowLogBucket", service, ["s3:GetBucketAcl"], "", {"StringEquals": account, **source}),
    ]


def flow_log(
    names: Names, vpc_id: pulumi.Input[str], bucket: str, opts: pulumi.ResourceOptions | None = None
) -> aws.ec2.FlowLog:
    """Return the log of a VPC's accepted and refused connections. It goes to S3, which needs no role."""
    return aws.ec2.FlowLog(
        names.resource("flows"),
        vpc_id=vpc_id,
        traffic_type="ALL",
        log_destination_type="s3",
        log_destination=f"{names.bucket_arn(bucket)}/{FLOW_LOG_PREFIX}/",
        max_aggregation_interval=600,
        tags={**names.tags("network"), "Name": names.resource("flows")},
        opts=opts,
    )
