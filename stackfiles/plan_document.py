"""The plan of a stack as a JSON document, and the words with which reports describe it.

`python -m rehearsal --json` writes the document, and so does `python -m operations deploy preview --json` from the real
engine's preview. The format is that of `pulumi preview --json` (pkg/backend/display/json.go of pulumi/pulumi) with
`policyViolations` added. A key without a value is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NotRequired, TypedDict

from stackfiles.json_type import Json
from stackfiles.visible_text import visible_line

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Stands for a value that isn't known before the provider has created the resource."""

SECRET: Final = "[secret]"
"""Stands for a secret, or for a list that holds one."""

ROOT_TYPE: Final = "pulumi:pulumi:Stack"

_SOURCE: Final = "project:///"


class Frame(TypedDict):
    """A line of the program that was running when a resource was registered."""

    sourcePosition: NotRequired[str]


class State(TypedDict):
    """A resource as it is or will be. Secrets in `inputs` are `[secret]`.

    `sourcePosition` is the line of the program that registered the resource, `project:///FILE#LINE`. Only the embedded
    engine gives `deleteBeforeReplace`, if the program sets it, and `statementLines`: the lines that wrote each
    policy statement in the inputs, by its Sid. Only the real engine gives `stackTrace`: the lines that led to the
    resource. The nearest line comes first.
    """

    urn: str
    custom: bool
    type: str
    id: NotRequired[str]
    inputs: NotRequired[dict[str, Json]]
    parent: NotRequired[str]
    protect: NotRequired[bool]
    dependencies: NotRequired[list[str]]
    provider: NotRequired[str]
    propertyDependencies: NotRequired[dict[str, list[str]]]
    additionalSecretOutputs: NotRequired[list[str]]
    importID: NotRequired[str]
    retainOnDelete: NotRequired[bool]
    deletedWith: NotRequired[str]
    sourcePosition: NotRequired[str]
    stackTrace: NotRequired[list[Frame]]
    ignoreChanges: NotRequired[list[str]]
    replaceOnChanges: NotRequired[list[str]]
    deleteBeforeReplace: NotRequired[bool]
    statementLines: NotRequired[dict[str, list[str]]]
    aliases: NotRequired[list[str]]


class Step(TypedDict):
    """What happens to one resource: the engine's operation (`create`, `update`, ...), the state before and after.

    `diffReasons` are the inputs that differ for the real engine's provider, `replaceReasons` those that make the engine
    replace the resource.
    """

    op: str
    urn: str
    provider: NotRequired[str]
    diffReasons: NotRequired[list[str]]
    replaceReasons: NotRequired[list[str]]
    oldState: NotRequired[State]
    newState: NotRequired[State]


class Diagnostic(TypedDict):
    """A message of the program; `severity` is `info`, `warning` or `error`."""

    severity: str
    message: str


class SourceLines(TypedDict):
    """The program's lines that registered something, `project:///FILE#LINE`: its own, and those that led there."""

    sourcePosition: str
    sourceTrace: NotRequired[list[str]]


class Violation(SourceLines):
    """What one rule says about one resource. If it is about the stack, `urn` is the root resource's or empty.

    `level` is the enforcement level; `severity` can be empty. The lines are those of the statement that the message
    names, if they are known, or else those of the resource; the nearest comes first.
    """

    pack: str
    policy: str
    level: str
    severity: str
    urn: str
    message: str


class Remediation(TypedDict):
    """A change that a rule made to a resource's inputs before they were judged."""

    pack: str
    policy: str
    urn: str


class Waived(TypedDict):
    """A resource (by name, URN or pattern) that a rule lets pass until the end of a day, `YYYY-MM-DD`."""

    rule: str
    resource: str
    owner: str
    expires: str


class Enforcement(TypedDict):
    """How many rules the packs have, which of them stop nothing (advisory or disabled), and what is waived."""

    rules: int
    advisory: list[str]
    disabled: list[str]
    waived: list[Waived]


class PlanDocument(TypedDict):
    """The plan of one stack. `error` says what ended it early; only an embedded plan has `policyRemediations`."""

    config: NotRequired[dict[str, str]]
    steps: list[Step]
    diagnostics: NotRequired[list[Diagnostic]]
    changeSummary: NotRequired[dict[str, int]]
    policyViolations: list[Violation]
    policyRemediations: NotRequired[list[Remediation]]
    policyEnforcement: NotRequired[Enforcement]
    error: NotRequired[str]


_ALSO: Final = "It also breaks "
"""The beginning of the line of a message that names the other rules whose findings it includes."""


def other_rules(message: str) -> list[str]:
    """Return the other rules whose findings a violation's message includes.

    >>> other_rules("Doors are shut.\\nIt also breaks `open` (2 findings), `wide`.\\nTo fix: Shut it.")
    ['open', 'wide']
    """
    also = (line for line in message.splitlines() if line.startswith(_ALSO))
    return [name for line in also for name in re.findall("`([^`]+)`", line)]


def rules_named(violation: Violation) -> list[str]:
    """Return the rule of a violation, and those whose findings it includes, each as `pack/rule`."""
    return [f"{violation['pack']}/{name}" for name in (violation["policy"], *other_rules(violation["message"]))]


def enforced(enforcement: Enforcement) -> str:
    """Say how many rules are enforced, which aren't, and what is waived.

    >>> enforced({"rules": 4, "advisory": ["a"], "disabled": ["b", "c"], "waived": []})
    '1 of 4 rules enforced (advisory: a; disabled: b, c)'
    >>> waived = {"rule": "d", "resource": "x", "owner": "me", "expires": "2027-03-31"}
    >>> enforced({"rules": 4, "advisory": [], "disabled": [], "waived": [waived]})
    '4 of 4 rules enforced (waived: d for x until 2027-03-31)'
    """
    total = enforcement["rules"]
    levels = [("advisory", enforcement["advisory"]), ("disabled", enforcement["disabled"])]
    waived = [f"{entry['rule']} for {entry['resource']} until {entry['expires']}" for entry in enforcement["waived"]]
    named = "; ".join(
        f"{what}: {'every rule' if len(rules) == total and what != 'waived' else ', '.join(map(visible_line, rules))}"
        for what, rules in (*levels, ("waived", waived))
        if rules
    )
    left = total - sum(len(rules) for _, rules in levels)
    return f"{left} of {total} rules enforced" + (f" ({named})" if named else "")


def relaxed(enforcement: Enforcement) -> bool:
    """Tell whether any rule isn't enforced on every resource."""
    return bool(enforcement["advisory"] or enforcement["disabled"] or enforcement["waived"])


def place(source: str) -> str:
    """Return `FILE:LINE` for `project:///FILE#LINE`."""
    return visible_line(source.removeprefix(_SOURCE).replace("#", ":"))


def places(made: SourceLines) -> list[str]:
    """Return where something was registered, as `FILE:LINE`: the line itself, then the lines that led there.

    Lines outside of the project's own files are left out.
    """
    found = map(place, (made["sourcePosition"], *made.get("sourceTrace", ())))
    return [line for line in dict.fromkeys(found) if line and not line.startswith(("..", ".venv/"))]


def lines_text(lines: Sequence[str]) -> str:
    """Return lines of the program in one line of text.

    >>> lines_text(["components/role.py:52", "components/roles.py:7", "__main__.py:3"])
    'components/role.py:52, from components/roles.py:7, __main__.py:3'
    """
    nearest, *led = lines
    return f"{nearest}, from {', '.join(led)}" if led else nearest


def resource_label(urn: str) -> str:
    """Return `name (type)` for a URN."""
    _, _, types, name = urn.split("::", 3)
    return visible_line(f"{name} ({short_type(types.rpartition('$')[2])})")


def short_type(type_: str) -> str:
    """Return a type as the Pulumi CLI shows it: `aws:iam:Role` for `aws:iam/role:Role`."""
    package, _, rest = type_.partition(":")
    module, _, name = rest.rpartition(":")
    return f"{package}:{module.partition('/')[0]}:{name}"
