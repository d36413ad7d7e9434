"""What CI may do to this program's `.ork` processor: change its code and settings, and read the resources around it.

An administrator creates the function, its log group, the queues and the alarm once, like the network of the services.
So CI passes no role to Lambda, and can't give the function more permissions than it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from components.catalogue import ORK_FILES, Bucket
from components.ci_grants import Grant
from components.naming import Names, function_log_group
from components.settings import Settings

FUNCTION_GRANTS: Final = (
    Grant(
        "UpdateFunction",
        "lambda",
        "PutFunctionConcurrency TagResource UntagResource UpdateFunctionCode UpdateFunctionConfiguration",
        "function",
    ),
    # Lambda reads the archive with the permissions of the caller.
    Grant("ReadFunctionCode", "s3", "GetObject GetObjectVersion", "code of the function"),
)
FUNCTION_LOOK_GRANTS: Final = (
    Grant(
        "LookAtFunction",
        "lambda",
        "GetFunction GetFunctionCodeSigningConfig GetFunctionConcurrency GetFunctionConfiguration ListTags"
        " ListVersionsByFunction",
        "function",
    ),
)
FEEDING_LOOK_GRANTS: Final = (
    Grant("LookAtRecursion", "lambda", "GetFunctionRecursionConfig", "function"),
    Grant("LookAtEventSource", "lambda", "GetEventSourceMapping ListTags", "event sources", "tagged"),
    Grant("LookAtFunctionLogs", "logs", "ListTagsForResource", "log group of the function"),
    Grant("LookAtQueues", "sqs", "GetQueueAttributes ListQueueTags", "queues"),
    Grant("LookAtAlarms", "cloudwatch", "DescribeAlarms ListTagsForResource", "alarms"),
    Grant("LookAtNotifications", "s3", "GetBucketNotification", "bucket of design files"),
)
"""Reads of the resources that an administrator creates, for the drift check."""


def function_arns(names: Names, settings: Settings) -> Mapping[str, Sequence[str]]:
    """Return the ARNs of the targets of these tables. If the code is an image, Lambda itself reads it from ECR."""
    bucket, key = settings.ork_code_bucket, settings.ork_code_key
    files = names.resource(ORK_FILES)
    return {
        "function": [names.lambda_arn(f"function:{settings.ork_function}")],
        "code of the function": [names.objects_arn(bucket, key)] if bucket and key else [],
        "event sources": [names.lambda_arn("event-source-mapping:*")],
        "log group of the function": [names.log_groups_arn(function_log_group(settings.ork_function))],
        "queues": [names.queue_arn(f"{files}*")],
        "alarms": [names.alarm_arn(f"{files}-*")],
        "bucket of design files": [names.bucket_arn(Bucket.DESIGN_FILES.name_in(names))],
    }
