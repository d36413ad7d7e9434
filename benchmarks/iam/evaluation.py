"""The pack's reading of statements against an independent evaluator of IAM, on generated policies and requests.

The evaluator is the one of `tests/iam_evaluator.py`. The comparison covers

- requests against policies without conditions, including boundaries: the pack says that a role may do exactly what
  the evaluator allows;
- conditions: a condition on which the pack relies refuses a request without the key, any other one lets it pass;
- pairs of policies: if the pack says "no new access", no request is newly allowed.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from policies.least_privilege.access.holders import Holder
from policies.least_privilege.access.inclusion import new_access
from policies.least_privilege.access.requests import may
from policies.least_privilege.language.documents import Kind, parse
from tests.iam_evaluator import missing, simulate

Json: TypeAlias = Any

_ACCOUNT: Final = "123456789012"


@dataclass
class Agreement:
    """How often the two agree on one question; `against` describes the first disagreements."""

    question: str
    asked: int = 0
    agreed: int = 0
    against: list[str] = field(default_factory=list)

    def count(self, agreed: bool, what: str) -> None:
        """Count one answer."""
        self.asked += 1
        self.agreed += agreed
        if not agreed and len(self.against) < 20:
            self.against.append(what)


def agreements(seed: int = 1, pairs: int = 4000) -> list[Agreement]:
    """Compare the two on generated pairs of a policy and a request; the same seed gives the same pairs."""
    generator = random.Random(seed)  # noqa: S311 - not for secrets
    return [
        _requests(generator, pairs),
        _conditions(),
        _differences(generator, pairs // 10),
    ]


# --- policies and requests -------------------------------------------------------------------------------------------

_REQUESTS: Final = (
    *((f"s3:{name}", f"arn:aws:s3:::{key}") for name in ("GetObject", "PutObject") for key in ("a/x", "ab/x", "b/y")),
    *((f"s3:{name}", f"arn:aws:s3:::{bucket}") for name in ("ListBucket", "PutBucketPolicy") for bucket in ("a", "ab")),
    *(("sqs:SendMessage", f"arn:aws:sqs:eu-central-1:{_ACCOUNT}:{queue}") for queue in ("mail", "mails")),
    ("ec2:DescribeInstances", "*"),
    ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:eu-central-1:{_ACCOUNT}:secret:prod/db-AbCdEf"),
)
_ACTIONS: Final = (
    *("s3:GetObject", "s3:getobject", "s3:Get*", "s3:?utObject", "S3:PutObject", "s3:*Bucket*", "s3:*", "*"),
    *("sqs:SendMessage", "sqs:*Message", "ec2:Describe*", "secretsmanager:GetSecretValue", "secretsmanager:*Secret*"),
)
_RESOURCES: Final = (
    *("*", "arn:aws:s3:::*", "arn:aws:s3:::a/*", "arn:aws:s3:::a*/x", "arn:aws:s3:::?b/?", "arn:aws:s3:::ab"),
    *("arn:aws:s3:::a*", "arn:aws:s3:::?", "arn:*:s3:::b/y", f"arn:aws:sqs:*:{_ACCOUNT}:mail*"),
    *(f"arn:aws:sqs:eu-central-1:{_ACCOUNT}:mail", f"arn:aws:sqs:eu-central-1:{_ACCOUNT}:mail?"),
    f"arn:aws:secretsmanager:eu-central-1:{_ACCOUNT}:secret:prod/*",
    f"arn:aws:secretsmanager:eu-central-1:{_ACCOUNT}:secret:prod/db-??????",
)


def _statement(generator: random.Random) -> dict[str, Json]:
    return {
        "Effect": generator.choice(("Allow", "Allow", "Allow", "Deny")),
        generator.choice(("Action", "Action", "Action", "NotAction")): generator.sample(
            _ACTIONS, generator.randint(1, 3)
        ),
        generator.choice(("Resource", "Resource", "Resource", "NotResource")): generator.sample(
            _RESOURCES, generator.randint(1, 3)
        ),
    }


def _policy(generator: random.Random) -> dict[str, Json]:
    statements = [_statement(generator) for _ in range(generator.randint(1, 4))]
    return {"Version": "2012-10-17", "Statement": statements}


def _holder(policy: Json, boundary: Json) -> Holder:
    holder = Holder("app")
    holder.add(json.dumps(policy))
    if boundary:
        holder.bound(json.dumps(boundary))
    return holder


def _evaluator_request(policy: Json, boundary: Json, action: str, resource: str, **context: str) -> dict[str, Json]:
    return {"policy": policy, "boundary": boundary, "action": action, "resource": resource, "context": context}


def _requests(generator: random.Random, pairs: int) -> Agreement:
    found = Agreement("requests, policies without conditions")
    asked: list[Json] = []
    while len(asked) < pairs:
        policy, boundary = _policy(generator), _policy(generator) if generator.random() < 0.3 else None
        asked += [_evaluator_request(policy, boundary, *request) for request in generator.sample(_REQUESTS, 5)]
    for request, answer in zip(asked, simulate(asked), strict=True):
        # IAM evaluates actions without a resource on `*`, which the pack would take for a pattern. So the pack is asked
        # about a name that only `*` matches.
        resource = "-" if request["resource"] == "*" else request["resource"]
        own = may(_holder(request["policy"], request["boundary"]), request["action"].lower(), resource)
        found.count(own == answer, f"pack {own}, evaluator {answer}: {json.dumps(request)}")
    return found


# --- conditions ------------------------------------------------------------------------------------------------------

_LINES: Final = (
    *((operator, "aws:PrincipalTag/team", "data") for operator in ("StringEquals", "StringLike", "StringNotEquals")),
    *((operator, "aws:PrincipalTag/team", "data") for operator in ("StringNotLike", "StringEqualsIgnoreCase")),
    ("NumericLessThan", "aws:MultiFactorAuthAge", "300"),
    ("NumericGreaterThanEquals", "aws:MultiFactorAuthAge", "300"),
    ("DateGreaterThan", "aws:TokenIssueTime", "2020-01-01T00:00:00Z"),
    ("Bool", "aws:MultiFactorAuthPresent", "true"),
    ("IpAddress", "aws:SourceIp", "192.0.2.0/24"),
    ("NotIpAddress", "aws:SourceIp", "192.0.2.0/24"),
    ("ArnEquals", "aws:SourceArn", "arn:aws:s3:::bucket"),
    ("ArnLike", "aws:SourceArn", "arn:aws:s3:::buck*"),
    ("ArnNotEquals", "aws:SourceArn", "arn:aws:s3:::bucket"),
    ("ArnNotLike", "aws:SourceArn", "arn:aws:s3:::buck*"),
    *((operator, "aws:TagKeys", "a") for operator in ("StringEquals", "StringLike", "StringNotEquals")),
)
_FORMS: Final[Sequence[Callable[[str], str]]] = (
    lambda operator: operator,
    lambda operator: f"{operator}IfExists",
    lambda operator: f"ForAllValues:{operator}",
    lambda operator: f"ForAnyValue:{operator}",
)


def _blocks() -> Iterator[dict[str, dict[str, str]]]:
    for operator, key, value in _LINES:
        for form in _FORMS:
            block = {form(operator): {key: value}}
            yield block
            yield block | {"Null": {key: "false"}}


def _conditions() -> Agreement:
    """Compare on requests without the key: the pack relies on the conditions that refuse it, except negated ones.

    A negated operator under ForAnyValue, or beside `Null` with false, also refuses a request without the key. The
    pack relies on neither, because such a condition admits everything except a few values.
    """
    found = Agreement("conditions, request without the key")
    asked, counted = [], []
    for block in _blocks():
        statement = {"Effect": "Allow", "Action": "s3:CreateBucket", "Resource": "*", "Condition": block}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        asked.append(_evaluator_request(policy, None, "s3:CreateBucket", "arn:aws:s3:::a"))
        given = parse(json.dumps(policy), Kind.IDENTITY).statements[0].conditions
        counted.append(given.ask_for(given[0].key))
    for request, counts, answer in zip(asked, counted, simulate(asked), strict=True):
        block = request["policy"]["Statement"][0]["Condition"]
        excludes = any("Not" in operator for operator in block) and not counts
        found.count(counts == (not answer) or (excludes and not answer), f"counts {counts}, allowed {answer}: {block}")
    return found


# --- differences -----------------------------------------------------------------------------------------------------


def _differences(generator: random.Random, pairs: int) -> Agreement:
    found = Agreement("pairs of policies said to add nothing")
    asked: list[Json] = []
    silent: list[tuple[Json, Json]] = []
    while len(silent) < pairs:
        before = _policy(generator)
        after = json.loads(json.dumps(before))
        statements = after["Statement"]
        at = generator.randrange(len(statements))
        if generator.random() < 0.5 and len(statements) > 1:
            del statements[at]
        else:
            statements[at] = _statement(generator)
        if list(new_access(_holder(before, None), _holder(after, None))):
            continue
        silent.append((before, after))
        for policy in (before, after):
            asked += [_evaluator_request(policy, None, *request) for request in _REQUESTS]
    answers = iter(simulate(asked))
    for before, after in silent:
        old = [next(answers) for _ in _REQUESTS]
        new = [next(answers) for _ in _REQUESTS]
        added = any(now and not then for then, now in zip(old, new, strict=True))
        found.count(not added, f"newly allowed: {json.dumps([before, after])}")
    return found


def main() -> int:
    """Print how often the two agree; return 1 if they ever disagree."""
    if reason := missing():
        print(f"skipped: {reason}")
        return 0
    found = agreements()
    for one in found:
        print(f"{one.question}: {one.agreed} of {one.asked} agree")
        print("".join(f"  {line}\n" for line in one.against), end="")
    return int(any(one.agreed < one.asked for one in found))


if __name__ == "__main__":
    sys.exit(main())
