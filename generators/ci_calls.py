"""Compare the provider's calls to AWS with the permissions of CI's roles: the record of calls, and the page about it.

The tests on upstream provider code (tests/upstream) write `ci_calls.jsonl` beside this file. `ci_reasons.yaml`
explains why some calls are left to a person, and why no scenario uses some grants.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from components.catalogue import Reader
from components.ci_boundary import ci_boundary_statements
from components.circleci_access import ci_roles, shared_statements
from components.iam_documents import Statement, identity_policy
from components.naming import Names
from components.settings import Settings, parse, placeholders
from stackfiles import project

RECORD: Final = Path(__file__).with_name("ci_calls.jsonl")
_REASONS: Final = Path(__file__).with_name("ci_reasons.yaml")

STATE: Final = "state"
"""The name of the set of options with which CI reads and writes the state."""

OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "": {},
    STATE: {
        "state_bucket": "pulumi-state-of-{account}",
        "state_key_arn": "arn:{partition}:kms:{region}:{account}:key/00000000-0000-0000-0000-000000000000",
        "preview_reads_state": True,
    },
    "only-cloudflare": {"only_cloudflare_viewers": True},
    "own-web-acl": {
        "only_cloudflare_viewers": False,
        "web_acl_arn": "arn:aws:wafv2:us-east-1:{account}:global/webacl/own/00000000-0000-0000-0000-000000000000",
    },
}
"""Name of a set of options -> the settings that they change; names in braces stand for the stack's own settings."""


@dataclass(frozen=True)
class Request:
    """One request that IAM authorizes when the provider makes a call, as the record has it.

    `resource` and the values of `context` are patterns: `{account}`, `{region}`, `{stack}` and names of settings in
    braces stand for those of a stack.
    """

    roles: Sequence[str]
    """The CI roles that make the request: those of the runs in which it occurred."""
    options: str
    """The set of options (of `OPTIONS`) that the request needs to occur."""
    action: str
    resource: str
    context: Mapping[str, str]
    operations: Sequence[str]
    """The calls that cause the request, as `service Operation`."""


@dataclass(frozen=True)
class Withheld:
    """Requests that a role is deliberately denied: patterns of actions, resources and condition keys, and a reason."""

    roles: Sequence[str]
    actions: Sequence[str]
    resources: Sequence[str]
    reason: str
    context: Mapping[str, str] = field(default_factory=dict)

    def covers(self, role: str, request: Request) -> bool:
        """Tell whether a role is deliberately denied a request."""
        return (
            role in self.roles
            and any(fnmatchcase(request.action, pattern) for pattern in self.actions)
            and any(fnmatchcase(request.resource, pattern) for pattern in self.resources)
            and all(fnmatchcase(request.context.get(key, ""), pattern) for key, pattern in self.context.items())
        )


@dataclass(frozen=True)
class Permissions:
    """A role's permissions: all its statements, those that are its own, all as one document, and its boundary."""

    statements: Sequence[Statement]
    own: Sequence[Statement]
    policy: str
    boundary: str


@cache
def record(file: Path = RECORD) -> tuple[Request, ...]:
    """Return the requests of a record."""
    return tuple(Request(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()[1:])


def source(file: Path = RECORD) -> str:
    """Return the provider code of which a record was made."""
    text: str = json.loads(file.read_text(encoding="utf-8").splitlines()[0])["source"]
    return text


@cache
def withheld() -> tuple[Withheld, ...]:
    """Return the requests that are left to a person."""
    return tuple(Withheld(**row) for row in _reasons()["withheld"])


@cache
def uncalled() -> Mapping[str, Mapping[str, str]]:
    """Map each role to its actions that no scenario calls, and each action to the reason for granting it."""
    return {
        role: {action: row["reason"] for row in rows for action in row["actions"]}
        for role, rows in _reasons()["uncalled"].items()
    }


@cache
def unreached() -> Mapping[str, str]:
    """Map patterns of calls (`service Operation`) in the provider's code to the reason why no scenario makes them."""
    return {pattern: row["reason"] for row in _reasons()["unreached"] for pattern in row["calls"]}


def _reasons() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(_REASONS.read_text(encoding="utf-8"))
    return document


@cache
def settings(folder: Path, stack: str, options: str = "") -> Settings:
    """Return the settings of one of a project's stacks with a set of options."""
    loaded = project.load(folder, stack)
    secrets = {key: placeholders()[key.removeprefix(f"{loaded.name}:")] for key in loaded.secret_keys}
    parsed = parse(loaded.name, stack, {**loaded.config, **secrets}, loaded.secret_keys)
    changed = {
        key: value.format(account=parsed.account, region=parsed.region, partition=parsed.partition)
        if isinstance(value, str)
        else value
        for key, value in OPTIONS[options].items()
    }
    return parsed.model_copy(update=changed)


@cache
def permissions(folder: Path, stack: str, options: str = "") -> Mapping[str, Permissions]:
    """Return what each of CI's roles may do in one of a project's stacks with a set of options."""
    return roles_permissions(settings(folder, stack, options), names(folder, stack, options))


@cache
def names(folder: Path, stack: str, options: str = "") -> Names:
    """Return the names of one of a project's stacks with a set of options."""
    return settings(folder, stack, options).names(project.load(folder, stack).name, stack)


def roles_permissions(chosen: Settings, names: Names) -> Mapping[str, Permissions]:
    """Return what each of CI's roles may do with the given settings and names."""
    shared = shared_statements(names, chosen)
    found = {}
    for role in ci_roles(names, chosen):
        statements = role.everything(shared)
        boundary = identity_policy(ci_boundary_statements(names, statements))
        found[str(role.reader)] = Permissions(statements, role.statements, identity_policy(statements), boundary)
    return found


def filled(pattern: str, folder: Path, stack: str, options: str = "") -> str:
    """Return a pattern of the record, filled in with the names of one of a project's stacks."""
    for name, value in _own(folder, stack, options).items():
        pattern = pattern.replace(f"{{{name}}}", value or "")
    return pattern


@cache
def _own(folder: Path, stack: str, options: str) -> Mapping[str, str | None]:
    """Return the values of the names in braces."""
    chosen = settings(folder, stack, options)
    return {
        "account": chosen.account,
        "region": chosen.region,
        "stack": stack,
        "vpcId": chosen.vpc_id,
        "circleciOrganizationId": str(chosen.circleci_organization_id),
        "project": project.load(folder, stack).name,
    }


def page() -> str:
    """Return the page about the provider's calls and CI's grants."""
    roles = (str(Reader.CI_PREVIEW), str(Reader.CI_DEPLOY))
    called: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    kept: dict[tuple[str, str], set[str]] = defaultdict(set)
    for request in record():
        for role in request.roles:
            reason = next((row.reason for row in withheld() if row.covers(role, request)), "")
            if reason:
                kept[role, reason].add(request.action)
            else:
                called[request.action][role].update(request.operations)
    text = (
        "# What the provider calls, and what CI may do\n\n"
        f"This page comes from a record of every call that `{source()}` made in every scenario (tests/upstream). A\n"
        "test compares the calls with the grants, using an independent evaluator of IAM. Each call is allowed to\n"
        "the role that makes it, within its boundary, or is left to a person (see below); each grant is used by a\n"
        "call, or has a reason. The workloads that the program creates have their own role and their own record,\n"
        "which the same test compares: [what CI applies](workloads.md#what-ci-applies).\n\n"
        "## Called and allowed\n\n"
        "| action | ci-preview | ci-deploy | calls |\n| --- | --- | --- | --- |\n"
    )
    for action, by_role in sorted(called.items()):
        marks = " | ".join("yes" if role in by_role else "" for role in roles)
        text += f"| `{action}` | {marks} | {', '.join(sorted(set().union(*by_role.values())))} |\n"
    text += "\n## Called and not allowed\n\nOnly calls that are left to a person:\n\n| role | why | actions |\n"
    text += "| --- | --- | --- |\n"
    for (role, reason), actions in sorted(kept.items()):
        text += f"| {role} | {reason} | {_listed(actions)} |\n"
    text += "\n## Allowed and never called\n\n| role | why | actions |\n| --- | --- | --- |\n"
    for role, reasons in uncalled().items():
        grouped: dict[str, set[str]] = defaultdict(set)
        for action, reason in reasons.items():
            grouped[reason].add(action)
        text += "".join(f"| {role} | {reason} | {_listed(actions)} |\n" for reason, actions in grouped.items())
    return text


def _listed(actions: set[str]) -> str:
    return ", ".join(f"`{action}`" for action in sorted(actions))
