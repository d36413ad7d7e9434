"""The plan of a stack as a JSON document, and how a report names what is in it.

`python -m rehearsal --json` writes the document, and so does `python -m operations.deploy preview --json` from the real
engine's preview. The format is that of `pulumi preview --json` (pkg/backend/display/json.go of pulumi/pulumi) with
`policyViolations` added. A key without a value is left out.
"""

from __future__ import annotations

from typing import Final, NotRequired, TypedDict

from stackfiles.json_type import Json
from stackfiles.visible_text import visible_line

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Stands for a value that isn't known before the provider has made the resource."""

ROOT_TYPE: Final = "pulumi:pulumi:Stack"

_SOURCE: Final = "project:///"


class State(TypedDict):
    """A resource as it is or will be. Secrets in `inputs` are `[secret]`.

    `sourcePosition` is the line of the program that made the resource, `project:///FILE#LINE`.
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
    ignoreChanges: NotRequired[list[str]]
    replaceOnChanges: NotRequired[list[str]]


class Step(TypedDict):
    """What happens to one resource: the engine's operation (`create`, `update`, ...), the state before and after."""

    op: str
    urn: str
    provider: NotRequired[str]
    oldState: NotRequired[State]
    newState: NotRequired[State]


class Diagnostic(TypedDict):
    """A message of the program; `severity` is `info`, `warning` or `error`."""

    severity: str
    message: str


class Violation(TypedDict):
    """What one rule says about one resource; about the stack, `urn` is the root resource's or empty.

    `level` is the enforcement level, `severity` may be empty, and `sourcePosition` is that of the resource.
    """

    pack: str
    policy: str
    level: str
    severity: str
    urn: str
    message: str
    sourcePosition: str


class Remediation(TypedDict):
    """A rule changed a resource's inputs before they were judged."""

    pack: str
    policy: str
    urn: str


class Enforcement(TypedDict):
    """How many rules the packs have, and which of them stop nothing: those that only advise, and those that are off."""

    rules: int
    advisory: list[str]
    disabled: list[str]


class PlanDocument(TypedDict):
    """The plan of one stack. `error` says what ended it early; only an embedded plan has `policyRemediations`
    and `policyEnforcement`."""

    config: NotRequired[dict[str, str]]
    steps: list[Step]
    diagnostics: NotRequired[list[Diagnostic]]
    changeSummary: NotRequired[dict[str, int]]
    policyViolations: list[Violation]
    policyRemediations: NotRequired[list[Remediation]]
    policyEnforcement: NotRequired[Enforcement]
    error: NotRequired[str]


def enforced(enforcement: Enforcement) -> str:
    """Say how many rules are enforced, and which aren't.

    >>> enforced({"rules": 4, "advisory": ["a"], "disabled": ["b", "c"]})
    '1 of 4 rules enforced (advisory: a; disabled: b, c)'
    """
    relaxed = [("advisory", enforcement["advisory"]), ("disabled", enforcement["disabled"])]
    total = enforcement["rules"]
    left = total - sum(len(rules) for _, rules in relaxed)
    named = "; ".join(
        f"{level}: {'every rule' if len(rules) == total else ', '.join(map(visible_line, rules))}"
        for level, rules in relaxed
        if rules
    )
    return f"{left} of {total} rules enforced" + (f" ({named})" if named else "")


def place(source: str) -> str:
    """Return `FILE:LINE` for `project:///FILE#LINE`."""
    return visible_line(source.removeprefix(_SOURCE).replace("#", ":"))


def resource_label(urn: str) -> str:
    """Return `name (type)` for a URN."""
    _, _, types, name = urn.split("::", 3)
    return visible_line(f"{name} ({short_type(types.rpartition('$')[2])})")


def short_type(type_: str) -> str:
    """Return a type as the Pulumi CLI shows it: `aws:iam:Role` for `aws:iam/role:Role`."""
    package, _, rest = type_.partition(":")
    module, _, name = rest.rpartition(":")
    return f"{package}:{module.partition('/')[0]}:{name}"
