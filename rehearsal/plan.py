"""The plan: what a preview would do, and what the packs say about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

Json: TypeAlias = Any
"""A property value: dict, list, str, float, bool or None, with the protocol's marks at any depth."""

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Pulumi's sentinel for a value that isn't known before the provider has made the resource."""

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
_REFERENCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"

ROOT_TYPE: Final = "pulumi:pulumi:Stack"
PROVIDER_TYPE: Final = "pulumi:providers:"


def is_signed(value: Json, signature: str) -> bool:
    """Tell whether a property value is one of the protocol's special objects."""
    return isinstance(value, Mapping) and value.get(_SIGNATURE) == signature


def secret(value: Json) -> dict[str, Any]:
    """Return a property value marked as secret."""
    return {_SIGNATURE: _SECRET, "value": value}


def is_secret(value: Json) -> bool:
    """Tell whether a property value is marked as secret."""
    return is_signed(value, _SECRET)


def masked(value: Json) -> Json:
    """Return a property value with each secret as `[secret]`, as `pulumi preview --json` shows it."""
    if is_secret(value):
        return "[secret]"
    if isinstance(value, Mapping):
        return {key: masked(item) for key, item in value.items()}
    return [masked(item) for item in value] if isinstance(value, list) else value


def for_packs(value: Json) -> Json:
    """Return a property value as the engine shows it to a pack.

    A reference to a resource becomes its id (its URN, for a component). Top-level keys that start with two
    underscores are the engine's own: `visible` leaves them out.
    """
    if is_signed(value, _REFERENCE):
        return (value["id"] or UNKNOWN) if "id" in value else value["urn"]
    if isinstance(value, Mapping):
        return {key: for_packs(item) for key, item in value.items()}
    return [for_packs(item) for item in value] if isinstance(value, list) else value


def visible(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource's properties as the engine shows them to a pack."""
    return {key: for_packs(value) for key, value in properties.items() if not key.startswith("__")}


@dataclass
class Step:
    """One resource that the preview would create, in the engine's terms.

    `inputs` and `outputs` hold raw property values: unknowns as the sentinel, secrets marked, in clear. Only
    `document` may leave the process. `source` is `project:///FILE#LINE`, empty where the engine made the
    resource itself.
    """

    urn: str
    type: str
    name: str
    custom: bool
    inputs: dict[str, Any]
    outputs: dict[str, Any] = field(default_factory=dict)
    parent: str = ""
    provider: str = ""
    protect: bool = False
    retain_on_delete: bool = False
    deleted_with: str = ""
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    delete_before_replace: bool | None = None
    additional_secret_outputs: list[str] = field(default_factory=list)
    import_id: str = ""
    source: str = ""
    default_provider: bool = False

    @property
    def op(self) -> str:
        """The engine's operation."""
        return "import" if self.import_id else "create"

    def document(self) -> dict[str, Any]:
        """Return the step as `pulumi preview --json` writes it (pkg/backend/display/json.go)."""
        state: dict[str, Any] = {
            "urn": self.urn,
            "custom": self.custom,
            "id": self.import_id,
            "type": self.type,
            "inputs": {key: masked(value) for key, value in sorted(self.inputs.items())},
            "parent": self.parent,
            "protect": self.protect,
            "dependencies": self.dependencies,
            "provider": self.provider,
            "propertyDependencies": self.property_dependencies,
            "additionalSecretOutputs": self.additional_secret_outputs,
            "importID": self.import_id,
            "retainOnDelete": self.retain_on_delete,
            "deletedWith": self.deleted_with,
            "sourcePosition": self.source,
            "ignoreChanges": self.ignore_changes,
            "replaceOnChanges": self.replace_on_changes,
        }
        always = ("urn", "custom", "type")
        step = {
            "op": self.op,
            "urn": self.urn,
            "provider": self.provider,
            "newState": {key: value for key, value in state.items() if value or key in always},
        }
        return {key: value for key, value in step.items() if value}


@dataclass(frozen=True)
class Violation:
    """What one rule of a pack says about one resource (or the stack, under the root resource's URN)."""

    pack: str
    policy: str
    level: str
    severity: str
    urn: str
    message: str
    source: str = ""

    @property
    def mandatory(self) -> bool:
        """Tell whether it stops a deploy."""
        return self.level == "mandatory"


@dataclass(frozen=True)
class Remediation:
    """A policy changed a resource's inputs before they were judged."""

    pack: str
    policy: str
    urn: str


@dataclass
class Plan:
    """The outcome of one rehearsal of one stack."""

    project: str
    stack: str
    config: dict[str, str]
    steps: list[Step] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    remediations: list[Remediation] = field(default_factory=list)
    diagnostics: list[tuple[str, str]] = field(default_factory=list)
    """Severity (`info`, `warning`, `error`) and text of what the program logged."""
    packs: int = 0
    rules: int = 0

    @property
    def created(self) -> list[Step]:
        """The steps that the engine shows: all but the providers that it makes by default."""
        return [step for step in self.steps if not step.default_provider]

    @property
    def passed(self) -> bool:
        """Tell whether a deploy may go on."""
        return not any(violation.mandatory for violation in self.violations) and not any(
            severity == "error" for severity, _ in self.diagnostics
        )

    def document(self) -> dict[str, Any]:
        """Return the plan in the format of `pulumi preview --json`, with the packs' violations added."""
        return {
            "config": self.config,
            "steps": [step.document() for step in self.created],
            "diagnostics": [{"severity": severity, "message": text} for severity, text in self.diagnostics],
            "changeSummary": {
                op: sum(step.op == op for step in self.created) for op in sorted({step.op for step in self.created})
            },
            "policyViolations": [
                {
                    "pack": violation.pack,
                    "policy": violation.policy,
                    "level": violation.level,
                    "severity": violation.severity,
                    "urn": violation.urn,
                    "message": violation.message,
                    "sourcePosition": violation.source,
                }
                for violation in self.violations
            ],
            "policyRemediations": [
                {"pack": remediation.pack, "policy": remediation.policy, "urn": remediation.urn}
                for remediation in self.remediations
            ],
        }


class Judges(Protocol):
    """Who judges each resource as it is registered."""

    def judge(self, step: Step, provider: Step | None) -> None:
        """Judge a resource, whose provider is given if it has one; may change its inputs first."""
