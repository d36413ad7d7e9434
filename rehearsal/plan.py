"""The plan: what a preview would do, and what the packs say about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from rehearsal.properties import Json, masked

ROOT_TYPE: Final = "pulumi:pulumi:Stack"
PROVIDER_TYPE: Final = "pulumi:providers:"


def place(source: str) -> str:
    """Return `FILE:LINE` for `project:///FILE#LINE`."""
    return source.removeprefix("project:///").replace("#", ":")


def resource_label(urn: str) -> str:
    """Return `name (type)` for a URN."""
    _, _, types, name = urn.split("::", 3)
    return f"{name} ({short_type(types.rpartition('$')[2])})"


def short_type(type_: str) -> str:
    """Return a type as the Pulumi CLI shows it: `aws:iam:Role` for `aws:iam/role:Role`."""
    package, _, rest = type_.partition(":")
    module, _, name = rest.rpartition(":")
    return f"{package}:{module.partition('/')[0]}:{name}"


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
    inputs: dict[str, Json]
    outputs: dict[str, Json] = field(default_factory=dict)
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
    def place(self) -> str:
        """The line of the program that made the resource, as `FILE:LINE`; empty if the engine made it."""
        return place(self.source)

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
    config: dict[str, str] = field(default_factory=dict)
    """Configuration as the program reads it, secrets masked."""
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
