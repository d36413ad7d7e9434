"""The bucket to which the load balancer and CloudFront write their logs."""

from __future__ import annotations

from typing import Final

from components.catalogue import EDGE_LOGS
from components.flow_logs import flow_log_writers
from components.iam_documents import BucketStatement
from components.naming import VIEWER_REGION, Names
from components.private_bucket import PrivateBucketArgs

ACCESS_PREFIX: Final = "alb-access"
CONNECTION_PREFIX: Final = "alb-connection"
CLOUDFRONT_PREFIX: Final = "cloudfront"


def edge_log_bucket(names: Names, *, protect: bool, flow_logs: bool) -> PrivateBucketArgs:
    """Return the log bucket, which keeps logs for 400 days. Elastic Load Balancing needs a bucket with SSE-S3.

    With `flow_logs` it also receives the flow logs of the network that this program creates.

    Sources: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html and
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-S3.html
    """
    account = {"aws:SourceAccount": names.account}
    logs = f"AWSLogs/{names.account}/*"
    return PrivateBucketArgs(
        names,
        names.bucket(EDGE_LOGS),
        "edge",
        noncurrent_days=30,
        expire_days=400,
        protect=protect,
        writers=[
            *(
                BucketStatement(
                    sid,
                    "logdelivery.elasticloadbalancing.amazonaws.com",
                    ["s3:PutObject"],
                    f"{prefix}/{logs}",
                    {
                        "StringEquals": account,
                        "ArnLike": {"aws:SourceArn": names.load_balancers_arn},
                    },
                )
                for sid, prefix in (("WriteAccessLogs", ACCESS_PREFIX), ("WriteConnectionLogs", CONNECTION_PREFIX))
            ),
            BucketStatement(
                "WriteCloudFrontLogs",
                "delivery.logs.amazonaws.com",
                ["s3:PutObject"],
                f"{CLOUDFRONT_PREFIX}/*",
                {
                    "StringEquals": {**account, "s3:x-amz-acl": "bucket-owner-full-control"},
                    "ArnLike": {"aws:SourceArn": names.in_region(VIEWER_REGION).delivery_sources_arn},
                },
            ),
            *(flow_log_writers(names) if flow_logs else ()),
        ],
    )
