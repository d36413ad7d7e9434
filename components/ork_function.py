"""The function that turns `.ork` design files into data, and the queue that feeds it, if this program creates them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components.catalogue import ORK_FILES, Bucket, Reader
from components.iam_documents import queue_policy
from components.naming import Names, function_log_group
from components.settings import Settings

_SUFFIX: Final = ".ork"
_AT_ONCE: Final = 2
"""How many batches are processed at once, the lowest limit that an event source of SQS accepts:
https://docs.aws.amazon.com/lambda/latest/api/API_ScalingConfig.html"""
_BATCH: Final = 5
_MEMORY_MB: Final = 512
_SECONDS: Final = 60
_HIDDEN_SECONDS: Final = 6 * _SECONDS
"""A message that is being processed stays hidden for six times the function's timeout:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
_TRIES: Final = 5
_KEPT_SECONDS: Final = 14 * 24 * 3600
"""The longest time for which SQS keeps a message:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"""
_LOG_DAYS: Final = 90
_ALARM_SECONDS: Final = 300


@dataclass(frozen=True)
class OrkFunctionArgs:
    """The settings say where the function's code is."""

    names: Names
    settings: Settings


class OrkFunction(pulumi.ComponentResource):
    """S3 notifies a queue of each new `.ork` file, and the function takes it from there.

    A message that the function can't process after some tries goes to a second queue, which raises an alarm. The
    function runs outside the VPC: it needs S3, Neo4j and Cloudinary only, and keeps working while the platform is
    parked.
    """

    def __init__(self, name: str, args: OrkFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:lambda:OrkFunction", name, None, opts)
        names, function_name = args.names, args.settings.ork_function
        queue = self._queue(names, self._dead_letters(args))
        self._notify(names, queue)
        function = self._function(args)
        after = pulumi.ResourceOptions(parent=self, depends_on=[function])
        aws.lambda_.FunctionRecursionConfig(
            function_name, function_name=function_name, recursive_loop="Terminate", opts=after
        )
        aws.lambda_.EventSourceMapping(
            function_name,
            function_name=function_name,
            event_source_arn=queue.arn,
            batch_size=_BATCH,
            # The function names the files of a batch that it couldn't process, and only those are delivered again.
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=aws.lambda_.EventSourceMappingScalingConfigArgs(maximum_concurrency=_AT_ONCE),
            tags=names.tags(Reader.ORK_PROCESSOR),
            opts=after,
        )
        self.register_outputs({"function": function_name})

    def _dead_letters(self, args: OrkFunctionArgs) -> aws.sqs.Queue:
        """Return the queue of the messages that the function gave up; an alarm tells people to look at them."""
        names, topic = args.names, args.settings.alarm_topic_arn
        queue = names.resource(ORK_FILES, "dead")
        alarm = names.resource(ORK_FILES, "given-up")
        aws.cloudwatch.MetricAlarm(
            alarm,
            name=alarm,
            alarm_description=f"Files that the .ork processor of {names.environment} gave up",
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions={"QueueName": queue},
            statistic="Maximum",
            period=_ALARM_SECONDS,
            evaluation_periods=1,
            comparison_operator="GreaterThanThreshold",
            threshold=0,
            # SQS reports no metrics for a queue that nobody uses.
            treat_missing_data="notBreaching",
            alarm_actions=[topic] if topic else [],
            tags=names.tags(Reader.ORK_PROCESSOR),
            opts=pulumi.ResourceOptions(parent=self),
        )
        feeding = names.queue_arn(names.resource(ORK_FILES))
        return aws.sqs.Queue(
            queue,
            name=queue,
            sqs_managed_sse_enabled=True,
            message_retention_seconds=_KEPT_SECONDS,
            redrive_allow_policy=_canonical({"redrivePermission": "byQueue", "sourceQueueArns": [feeding]}),
            tags=names.tags(Reader.ORK_PROCESSOR),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _queue(self, names: Names, dead_letters: aws.sqs.Queue) -> aws.sqs.Queue:
        name = names.resource(ORK_FILES)
        redrive = {"deadLetterTargetArn": names.queue_arn(names.resource(ORK_FILES, "dead")), "maxReceiveCount": _TRIES}
        return aws.sqs.Queue(
            name,
            name=name,
            # S3 can't use the AWS managed KMS key of SQS.
            sqs_managed_sse_enabled=True,
            visibility_timeout_seconds=_HIDDEN_SECONDS,
            redrive_policy=_canonical(redrive),
            tags=names.tags(Reader.ORK_PROCESSOR),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[dead_letters]),
        )

    def _notify(self, names: Names, queue: aws.sqs.Queue) -> None:
        """Make the bucket notify the queue of new files, and nobody else: a bucket has one notification setting."""
        name, bucket = names.resource(ORK_FILES), Bucket.DESIGN_FILES.name_in(names)
        policy = aws.sqs.QueuePolicy(
            name,
            queue_url=queue.id,
            policy=queue_policy(names, name, bucket),
            opts=pulumi.ResourceOptions(parent=self),
        )
        aws.s3.BucketNotification(
            name,
            bucket=bucket,
            queues=[
                aws.s3.BucketNotificationQueueArgs(
                    id=ORK_FILES,
                    queue_arn=names.queue_arn(name),
                    events=["s3:ObjectCreated:*"],
                    filter_suffix=_SUFFIX,
                )
            ],
            # S3 checks at once whether it is allowed to send.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )

    def _function(self, args: OrkFunctionArgs) -> aws.lambda_.Function:
        """Return the function; its code is an archive in a bucket, or an image."""
        names, settings = args.names, args.settings
        zipped, digest = bool(settings.ork_code_bucket), settings.ork_image_digest
        logs = aws.cloudwatch.LogGroup(
            settings.ork_function,
            name=function_log_group(settings.ork_function),
            retention_in_days=_LOG_DAYS,
            tags=names.tags(Reader.ORK_PROCESSOR),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return aws.lambda_.Function(
            settings.ork_function,
            name=settings.ork_function,
            role=names.role_arn(names.resource(Reader.ORK_PROCESSOR)),
            package_type="Zip" if zipped else "Image",
            s3_bucket=settings.ork_code_bucket,
            s3_key=settings.ork_code_key,
            s3_object_version=settings.ork_code_version,
            source_code_hash=settings.ork_code_hash,
            handler=settings.ork_handler if zipped else None,
            runtime=settings.ork_runtime if zipped else None,
            image_uri=names.image(settings.ork_repository, digest) if digest else None,
            architectures=["arm64"],
            memory_size=_MEMORY_MB,
            timeout=_SECONDS,
            reserved_concurrent_executions=_AT_ONCE,
            environment=aws.lambda_.FunctionEnvironmentArgs(variables={"ENVIRONMENT": names.environment}),
            tags=names.tags(Reader.ORK_PROCESSOR),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[logs]),
        )


def _canonical(policy: Mapping[str, object]) -> str:
    """Return a policy in the form in which the provider keeps it; any other form would differ at each preview."""
    return json.dumps(policy, sort_keys=True, separators=(",", ":"))
