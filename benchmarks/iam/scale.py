"""The pack's time for stacks of many IAM resources. `python -m benchmarks.iam` runs it; it can also run alone."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Final

from policies.least_privilege import RULES, knowledge
from policies.rulebook import Judgement, Resource, Scope
from policies.rulebook.configuration import with_defaults

SIZES: Final = (1250, 2500, 5000)
_ACCOUNT: Final = "123456789012"
_SECRETS: Final = f"arn:aws:secretsmanager:eu-central-1:{_ACCOUNT}:secret:"


def stack(size: int) -> list[Resource]:
    """Return `size` IAM resources: for each application a role, its own policy, a shared one, and its attachment."""
    return [resource for number in range(size // 4) for resource in _application(number)]


def _application(number: int) -> Iterator[Resource]:
    name = f"app-{number}"
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": _ACCOUNT}},
    }
    own = [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::prod-{name}/*"},
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": f"{_SECRETS}prod/{name}/key-??????"},
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
    ]
    shared = {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"arn:aws:logs:eu-central-1:{_ACCOUNT}:log-group:/ecs/{name}:*",
    }
    policy = f"arn:aws:iam::{_ACCOUNT}:policy/{name}"
    for kind, properties in (
        ("aws:iam/role:Role", {"name": name, "assumeRolePolicy": _text(trust), "permissionsBoundary": policy}),
        ("aws:iam/rolePolicy:RolePolicy", {"name": name, "role": name, "policy": _text(*own)}),
        ("aws:iam/policy:Policy", {"name": name, "policy": _text(*own, shared)}),
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", {"role": name, "policyArn": policy}),
    ):
        yield Resource(kind, f"urn:pulumi:prod::scale::{kind}::{name}", name, properties)


def _text(*statements: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def seconds(size: int) -> float:
    """Return the processor time in seconds for all rules over a stack of `size` resources with declared readers.

    Raises:
        RuntimeError: a rule finds something, so the measurement isn't about a stack that passes.
    """
    resources = stack(size)
    readers = {f"{_SECRETS}prod/{name}/key-??????": [name] for name in (f"app-{n}" for n in range(size // 4))}
    for prefix in knowledge.prefixes():
        knowledge.service(prefix)
    started = time.process_time()
    found = 0
    judgements = {
        rule.id: Judgement(
            "scale", "prod", with_defaults({"readers": readers} if rule.id == "secret-readers" else {}, rule.config)
        )
        for rule in RULES
    }
    # As in a preview: all rules judge each resource, then the stack.
    for resource in resources:
        for rule in RULES:
            if rule.scope is Scope.RESOURCE and resource.type in rule.types:
                found += len(list(rule.check(resource, judgements[rule.id])))
    for rule in RULES:
        if rule.scope is Scope.STACK:
            mine = [resource for resource in resources if resource.type in rule.types]
            found += len(list(rule.check(mine, judgements[rule.id])))
    taken = time.process_time() - started
    if found:
        raise RuntimeError(f"{found} violations in a stack that should pass")
    return taken


def main() -> int:
    """Print the time for the given size, in seconds."""
    print(seconds(int(sys.argv[1])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
