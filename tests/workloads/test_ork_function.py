"""The queue and permissions of the `.ork` processor: IAM's answers, and how S3, SQS and Lambda behave with the plan.

A third-party IAM evaluator judges the documents, and moto plays the services.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote_plus

import boto3
import pytest
from moto import mock_aws
from moto.awslambda_simple.models import LambdaSimpleBackend

from tests.iam_evaluator import missing, simulate
from tests.planning import Plan
from tests.workloads import LAB

ACCOUNT: Final = "123456789012"
REGION: Final = "eu-central-1"
BUCKET: Final = f"{LAB}-blog-data-design-files-{ACCOUNT}"
QUEUE: Final = f"{LAB}-ork-files"
DEAD: Final = f"{QUEUE}-dead"
QUEUES: Final = f"arn:aws:sqs:{REGION}:{ACCOUNT}:"

S3: Final = "s3.amazonaws.com"
FROM_S3: Final = {
    "aws:SourceArn": f"arn:aws:s3:::{BUCKET}",
    "aws:SourceAccount": ACCOUNT,
    "aws:SecureTransport": "true",
}
NOTHING: Final = {"Version": "2012-10-17", "Statement": []}


def planned(lab: Plan, type_: str, name: str = "") -> dict[str, Any]:
    """The inputs of the only resource of a type, or of the one with a logical name."""
    (found,) = (
        step.inputs for step in lab.steps if step.type == type_ and step.urn.endswith(f"::{name}" if name else "")
    )
    return found


def queue_policy(lab: Plan) -> Any:  # noqa: ANN401 - a document
    return json.loads(planned(lab, "aws:sqs/queuePolicy:QueuePolicy")["policy"])


SENDERS: Final[list[tuple[dict[str, str], bool]]] = [
    ({}, True),
    ({"aws:SourceArn": "arn:aws:s3:::another"}, False),
    # A deleted bucket's name can be taken by another account.
    ({"aws:SourceAccount": "999988887777"}, False),
    ({"aws:SecureTransport": "false"}, False),
    ({"principal": "sns.amazonaws.com"}, False),
    ({"principal": "arn:aws:iam::999988887777:role/app"}, False),
    ({"action": "sqs:ReceiveMessage"}, False),
    ({"resource": QUEUES + DEAD}, False),
]
"""How a request differs from the bucket's own, and whether the queue accepts it."""


def test_the_queue_accepts_messages_only_from_its_bucket(lab: Plan) -> None:
    if reason := missing():
        pytest.skip(f"the evaluator of IAM can't run: {reason}")
    own = {"principal": S3, "action": "sqs:SendMessage", "resource": QUEUES + QUEUE, **FROM_S3}
    asked = [own | different for different, _ in SENDERS]
    requests = [
        {
            **{key: request[key] for key in ("principal", "action", "resource")},
            "policy": NOTHING,
            "resourcePolicy": queue_policy(lab),
            "context": {key: request[key] for key in FROM_S3},
        }
        for request in asked
    ]
    assert list(zip([different for different, _ in SENDERS], simulate(requests), strict=True)) == SENDERS


OBJECTS: Final = f"arn:aws:s3:::{BUCKET}/"
RIGHTS: Final = {
    ("sqs:ReceiveMessage", QUEUES + QUEUE): True,
    ("sqs:DeleteMessage", QUEUES + QUEUE): True,
    ("sqs:GetQueueAttributes", QUEUES + QUEUE): True,
    ("sqs:SendMessage", QUEUES + QUEUE): False,
    ("sqs:PurgeQueue", QUEUES + QUEUE): False,
    ("sqs:ReceiveMessage", QUEUES + DEAD): False,
    ("sqs:ReceiveMessage", f"{QUEUES}prod-ork-files"): False,
    ("s3:GetObject", f"{OBJECTS}rockets/a.ork"): True,
    ("s3:GetObject", f"{OBJECTS}rockets/a.txt"): False,
    # A function that wrote such an object would trigger itself.
    ("s3:PutObject", f"{OBJECTS}rockets/a.ork"): False,
    (
        "logs:PutLogEvents",
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{LAB}-ork-processor:log-stream:x",
    ): True,
    ("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{LAB}-ork-processor"): False,
}


def test_the_role_allows_exactly_what_the_function_needs(lab: Plan) -> None:
    if reason := missing():
        pytest.skip(f"the evaluator of IAM can't run: {reason}")
    policy = json.loads(planned(lab, "aws:iam/rolePolicy:RolePolicy", f"{LAB}-ork-processor")["policy"])
    boundary = json.loads(planned(lab, "aws:iam/policy:Policy", f"{LAB}-workload-boundary")["policy"])
    # The boundary must also limit what another policy of the role could add.
    asked = [
        {
            **({"policy": policy, "boundary": boundary} if own else {"policy": boundary}),
            "action": action,
            "resource": resource,
            "context": {"aws:SecureTransport": "true"},
            **({"resourcePolicy": queue_policy(lab)} if resource == QUEUES + QUEUE else {}),
        }
        for own in (True, False)
        for action, resource in RIGHTS
    ]
    answers = simulate(asked)
    assert dict(zip(RIGHTS, answers, strict=False)) == RIGHTS
    queues = [key for key in RIGHTS if key[0].startswith("sqs:")]
    bounded = dict(zip(RIGHTS, answers[len(RIGHTS) :], strict=True))
    assert {key: bounded[key] for key in queues} == {key: RIGHTS[key] for key in queues}


@dataclass
class Function:
    """Records what the function was given, message by message, and fails on demand."""

    given: list[dict[str, Any]] = field(default_factory=list)
    fails: bool = False

    def invoke(self, *, body: str, response_headers: dict[str, str], **__: object) -> bytes:
        """Stand in for moto's function."""
        self.given += [json.loads(record["body"]) for record in json.loads(body)["Records"]]
        if self.fails:
            response_headers["x-amz-function-error"] = "Unhandled"
        return b"{}"

    @property
    def keys(self) -> list[str]:
        """The keys of the objects in its messages."""
        return [unquote_plus(each["s3"]["object"]["key"]) for event in self.given for each in event.get("Records", ())]


@pytest.fixture
def function(lab: Plan, monkeypatch: pytest.MonkeyPatch) -> Iterator[Function]:
    """The planned chain in an account, from the bucket to the function."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    found = Function()
    monkeypatch.setattr(LambdaSimpleBackend, "invoke", found.invoke)
    with mock_aws(config={"lambda": {"use_docker": False}}):
        make(lab)
        yield found


def make(lab: Plan) -> None:
    """Create what is planned, as the provider would."""
    s3, sqs, functions = (boto3.client(name, REGION) for name in ("s3", "sqs", "lambda"))
    code = planned(lab, "aws:lambda/function:Function")
    for bucket in (BUCKET, code["s3Bucket"]):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=code["s3Bucket"], Key=code["s3Key"], Body=b"PK")
    for inputs in lab.inputs("aws:sqs/queue:Queue"):
        attributes = {
            "VisibilityTimeout": inputs.get("visibilityTimeoutSeconds"),
            "MessageRetentionPeriod": inputs.get("messageRetentionSeconds"),
            "RedrivePolicy": inputs.get("redrivePolicy"),
            "RedriveAllowPolicy": inputs.get("redriveAllowPolicy"),
        }
        sqs.create_queue(
            QueueName=inputs["name"],
            Attributes={name: str(value) for name, value in attributes.items() if value is not None},
        )
    policy = planned(lab, "aws:sqs/queuePolicy:QueuePolicy")["policy"]
    sqs.set_queue_attributes(QueueUrl=url(QUEUE), Attributes={"Policy": policy})
    notification = planned(lab, "aws:s3/bucketNotification:BucketNotification")
    s3.put_bucket_notification_configuration(
        Bucket=notification["bucket"],
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "Id": queue["id"],
                    "QueueArn": queue["queueArn"],
                    "Events": queue["events"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": queue["filterSuffix"]}]}},
                }
                for queue in notification["queues"]
            ]
        },
    )
    role = boto3.client("iam", REGION).create_role(RoleName="it", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    functions.create_function(
        FunctionName=code["name"],
        Role=role,
        PackageType=code["packageType"],
        Code={"S3Bucket": code["s3Bucket"], "S3Key": code["s3Key"]},
        Handler=code["handler"],
        Runtime=code["runtime"],
        Architectures=code["architectures"],
        Timeout=int(code["timeout"]),
        MemorySize=int(code["memorySize"]),
    )
    mapping = planned(lab, "aws:lambda/eventSourceMapping:EventSourceMapping")
    functions.create_event_source_mapping(
        FunctionName=mapping["functionName"],
        EventSourceArn=QUEUES + QUEUE,
        BatchSize=int(mapping["batchSize"]),
        FunctionResponseTypes=mapping["functionResponseTypes"],
        ScalingConfig={"MaximumConcurrency": int(mapping["scalingConfig"]["maximumConcurrency"])},
    )


def url(queue: str) -> str:
    found: str = boto3.client("sqs", REGION).get_queue_url(QueueName=queue)["QueueUrl"]
    return found


def waiting(queue: str) -> int:
    """How many messages a queue holds, including those that are being read."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = boto3.client("sqs", REGION).get_queue_attributes(QueueUrl=url(queue), AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def upload(key: str) -> None:
    boto3.client("s3", REGION).put_object(Bucket=BUCKET, Key=key, Body=b"PK")


def test_new_ork_files_reach_the_function(function: Function) -> None:
    for key in ("rockets/first one.ork", "rockets/notes.txt", "second.ork"):
        upload(key)
    assert function.keys == ["rockets/first one.ork", "second.ork"]
    # S3 sends this once, to test its permission.
    assert [event["Event"] for event in function.given if "Event" in event] == ["s3:TestEvent"]
    assert (waiting(QUEUE), waiting(DEAD)) == (0, 0)


def test_a_message_that_fails_five_times_goes_to_the_dead_letter_queue(function: Function) -> None:
    function.fails = True
    for number in range(5):
        upload(f"{number}.ork")
    assert (function.keys.count("0.ork"), waiting(DEAD)) == (5, 0)
    function.fails = False
    upload("good.ork")
    assert function.keys.count("0.ork") == 5
    assert waiting(DEAD) > 0
    assert waiting(QUEUE) == 0
