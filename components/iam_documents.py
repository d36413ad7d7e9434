"""IAM documents as typed statements and plain JSON text.

No document depends on an Output: a document that isn't known at preview can't be judged by the gate.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final

from components.naming import Names

VERSION: Final = "2012-10-17"

_FOLDER: Final = Path(__file__).parent.parent
_PROGRAM: Final = (f"{_FOLDER / 'components'}{os.sep}", str(_FOLDER / "__main__.py"))
"""Where the program's files are."""

_LINES: Final[dict[str, Mapping[str, Sequence[str]]]] = {}
"""Text of a document -> Sid -> where that statement was written."""

Conditions = Mapping[str, Mapping[str, str | Sequence[str]]]
"""Operator -> condition key -> value or values."""


def _callers() -> tuple[str, ...]:
    """Return the program's lines that led to this call, except this module's, as `FILE:LINE`, the nearest first."""
    found = []
    frame: FrameType | None = sys._getframe(1)  # `inspect.stack` and `traceback` read the source files too
    while frame:
        file = frame.f_code.co_filename
        if file.startswith(_PROGRAM) and file != __file__:
            found.append(f"{os.path.relpath(file, _FOLDER)}:{frame.f_lineno}")
        frame = frame.f_back
    return tuple(found)


@dataclass(frozen=True)
class Statement:
    """Actions allowed on resources under conditions, for one purpose. `written` are its lines in the code."""

    sid: str
    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Conditions = field(default_factory=dict)
    written: Sequence[str] = field(default_factory=_callers, compare=False, repr=False)


def identity_policy(statements: Sequence[Statement]) -> str:
    """Return an identity policy as JSON text."""
    return _document(
        [
            {
                "Sid": statement.sid,
                "Effect": "Allow",
                "Action": _one_or_many(statement.actions),
                "Resource": _one_or_many(statement.resources),
                **({"Condition": statement.conditions} if statement.conditions else {}),
            }
            for statement in statements
        ],
        {statement.sid: statement.written for statement in statements},
    )


def lines_of_statements(document: str) -> Mapping[str, Sequence[str]]:
    """Return the lines of the program that wrote the statements of a document rendered by this module.

    Sid -> the statement's line and those that led there, the nearest first, each `FILE:LINE`. It is empty for any other
    text. Rehearsals show the lines beside a violation.
    """
    return _LINES.get(document, {})


def ecs_tasks_trust(names: Names) -> str:
    """Return the trust policy of an ECS task or execution role, limited to ECS in this account and region.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
    """
    return _service_trust(
        "ecs-tasks.amazonaws.com",
        {
            "ArnLike": {"aws:SourceArn": names.ecs_source_arn},
            "StringEquals": {"aws:SourceAccount": names.account},
        },
    )


def lambda_trust(names: Names) -> str:
    """Return the trust policy of a Lambda function's role, limited to this account's functions.

    Lambda's page on the execution role shows no condition; a trust policy that AWS publishes has this one
    (https://github.com/aws/agent-toolkit-for-aws, `deploying-custom-domain-rest-api/scripts/lambda-trust-policy.json`).
    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    return _service_trust("lambda.amazonaws.com", {"StringEquals": {"aws:SourceAccount": names.account}})


@dataclass(frozen=True)
class Tokens:
    """Tokens of an OIDC provider that a role trusts: their audience, patterns of their subjects, exact claims.

    `issuer` is the provider's URL without `https://`; `claims` are other claims of the provider that AWS knows, by
    name.
    """

    sid: str
    provider_arn: str
    issuer: str
    audience: str
    subjects: Sequence[str]
    claims: Mapping[str, str]


def web_identity_trust(trusted: Sequence[Tokens]) -> str:
    """Return the trust policy for the tokens of one or more OIDC providers.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html
    """
    return _document(
        [
            {
                "Sid": tokens.sid,
                "Effect": "Allow",
                "Principal": {"Federated": tokens.provider_arn},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {
                        f"{tokens.issuer}:{claim}": value
                        for claim, value in {"aud": tokens.audience, **tokens.claims}.items()
                    },
                    "StringLike": {f"{tokens.issuer}:sub": _one_or_many(tokens.subjects)},
                },
            }
            for tokens in trusted
        ]
    )


@dataclass(frozen=True)
class BucketStatement:
    """A service's access to a bucket: its actions, and a pattern of object keys (empty: the bucket itself)."""

    sid: str
    service: str
    actions: Sequence[str]
    objects: str
    conditions: Conditions


def bucket_policy(names: Names, bucket: str, writers: Sequence[BucketStatement] = ()) -> str:
    """Return a bucket policy that refuses requests without TLS, and lets the given services write.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
    """
    return _document(
        [
            *(
                {
                    "Sid": writer.sid,
                    "Effect": "Allow",
                    "Principal": {"Service": writer.service},
                    "Action": _one_or_many(writer.actions),
                    "Resource": names.objects_arn(bucket, writer.objects)
                    if writer.objects
                    else names.bucket_arn(bucket),
                    "Condition": writer.conditions,
                }
                for writer in writers
            ),
            _refuse_plain_http("s3:*", [names.bucket_arn(bucket), names.objects_arn(bucket)]),
        ]
    )


def queue_policy(names: Names, queue: str, bucket: str) -> str:
    """Return the policy of a queue that gets notifications from one bucket of this account, over TLS only.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html
    """
    return _document(
        [
            {
                "Sid": "TellOfObjects",
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": names.queue_arn(queue),
                "Condition": {
                    "ArnEquals": {"aws:SourceArn": names.bucket_arn(bucket)},
                    "StringEquals": {"aws:SourceAccount": names.account},
                },
            },
            _refuse_plain_http("sqs:*", [names.queue_arn(queue)]),
        ]
    )


def _refuse_plain_http(actions: str, resources: Sequence[str]) -> dict[str, Any]:
    return {
        "Sid": "DenyPlainHttp",
        "Effect": "Deny",
        "Principal": "*",
        "Action": actions,
        "Resource": _one_or_many(resources),
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def _service_trust(service: str, conditions: Conditions) -> str:
    return _document(
        [
            {
                "Sid": "AssumeByService",
                "Effect": "Allow",
                "Principal": {"Service": service},
                "Action": "sts:AssumeRole",
                "Condition": conditions,
            }
        ]
    )


def _document(statements: list[dict[str, Any]], written: Mapping[str, Sequence[str]] | None = None) -> str:
    text = json.dumps({"Version": VERSION, "Statement": statements})
    _LINES[text] = written or dict.fromkeys((statement["Sid"] for statement in statements), _callers())
    return text


def _one_or_many(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
