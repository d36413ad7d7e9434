"""The plan: what a preview would do, and the packs' verdict on it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast

from rehearsal.engine.properties import masked
from stackfiles import plan_document
from stackfiles.failures import Failure
from stackfiles.json_type import Json
from stackfiles.plan_document import Enforcement, PlanDocument

PROVIDER_TYPE: Final = "pulumi:providers:"


def nothing_enforced() -> Enforcement:
    """Return what is enforced without packs."""
    return {"rules": 0, "advisory": [], "disabled": [], "waived": []}


@dataclass
class Step:
    """One resource that the preview would create, in the engine's terms.

    `inputs` and `outputs` have raw property values: unknowns as the sentinel, secrets marked but in clear text. Only
    the result of `document` is safe to leave the process. `source` is `project:///FILE#LINE`, empty if the engine
    itself registered the resource; `trace` has its callers, the nearest first. `statements` has both for the policy
    statements in the inputs whose lines the program tells: Sid -> lines.
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
    aliases: list[str] = field(default_factory=list)
    source: str = ""
    trace: Sequence[str] = ()
    statements: Mapping[str, Sequence[str]] = field(default_factory=dict)
    default_provider: bool = False

    @property
    def op(self) -> str:
        """The engine's operation."""
        return "import" if self.import_id else "create"

    def made_at(self, message: str) -> tuple[str, Sequence[str]]:
        """Return the line that a rule's message is about, and its callers, the nearest first.

        That is the line of the first policy statement that the message names by its Sid, or else of the resource. If
        the message has Sids in the form `statement 1 (SID)`, only these count, because a Sid can also be the name of a
        service.
        """
        for form in (r"statement \d+ \(`{}`\)", r"\b{}\b"):
            found = {sid: re.search(form.format(re.escape(sid)), message) for sid in self.statements}
            named = {sid: match.start() for sid, match in found.items() if match}
            if named:
                source, *trace = self.statements[min(named, key=named.__getitem__)]
                return source, trace
        return self.source, self.trace

    def document(self) -> plan_document.Step:
        """Return the step as `pulumi preview --json` writes it."""
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
            "aliases": self.aliases,
            "retainOnDelete": self.retain_on_delete,
            "deletedWith": self.deleted_with,
            "sourcePosition": self.source,
            "ignoreChanges": self.ignore_changes,
            "replaceOnChanges": self.replace_on_changes,
            "statementLines": {sid: list(lines) for sid, lines in self.statements.items()},
            **({} if self.delete_before_replace is None else {"deleteBeforeReplace": self.delete_before_replace}),
        }
        always = ("urn", "custom", "type", "deleteBeforeReplace")
        step = {
            "op": self.op,
            "urn": self.urn,
            "provider": self.provider,
            "newState": {key: value for key, value in state.items() if value or key in always},
        }
        return cast(plan_document.Step, {key: value for key, value in step.items() if value})


@dataclass(frozen=True)
class Violation:
    """A rule's violation by one resource (or by the stack, which has the root resource's URN)."""

    pack: str
    policy: str
    level: str
    severity: str
    urn: str
    message: str
    source: str = ""
    trace: Sequence[str] = ()

    @property
    def mandatory(self) -> bool:
        """Whether it stops a deploy."""
        return self.level == "mandatory"

    def document(self) -> plan_document.Violation:
        """Return the violation in the format of the plan's document."""
        return {
            "pack": self.pack,
            "policy": self.policy,
            "level": self.level,
            "severity": self.severity,
            "urn": self.urn,
            "message": self.message,
            "sourcePosition": self.source,
            "sourceTrace": list(self.trace),
        }


@dataclass(frozen=True)
class Remediation:
    """A policy changed a resource's inputs before they were judged."""

    pack: str
    policy: str
    urn: str


@dataclass(frozen=True)
class Plan:
    """The outcome of one rehearsal of one stack.

    `config` is the configuration as the program reads it, with secrets masked; `diagnostics` are the severity (`info`,
    `warning`, `error`) and text of the program's log messages; `packs` is the number of packs that judged. `failure`
    ended the rehearsal early; the plan then has what was found until then.
    """

    project: str
    stack: str
    config: Mapping[str, str] = field(default_factory=dict)
    steps: Sequence[Step] = ()
    diagnostics: Sequence[tuple[str, str]] = ()
    violations: Sequence[Violation] = ()
    remediations: Sequence[Remediation] = ()
    packs: int = 0
    enforcement: Enforcement = field(default_factory=nothing_enforced)
    failure: Failure | None = None

    @property
    def created(self) -> list[Step]:
        """The steps that the engine shows: all except default providers."""
        return visible_steps(self.steps)

    @property
    def passed(self) -> bool:
        """Whether a deploy can continue."""
        return self.exit_code == 0

    @property
    def exit_code(self) -> int:
        """The exit code for a command with this plan."""
        if self.failure:
            return self.failure.exit_code
        mandatory = any(violation.mandatory for violation in self.violations)
        return int(mandatory or any(severity == "error" for severity, _ in self.diagnostics))

    def document(self) -> PlanDocument:
        """Return the plan as `--json` writes it."""
        document: PlanDocument = {
            "config": dict(self.config),
            "steps": [step.document() for step in self.created],
            "diagnostics": [{"severity": severity, "message": text} for severity, text in self.diagnostics],
            "changeSummary": {
                op: sum(step.op == op for step in self.created) for op in sorted({step.op for step in self.created})
            },
            "policyViolations": [violation.document() for violation in self.violations],
            "policyRemediations": [
                {"pack": remediation.pack, "policy": remediation.policy, "urn": remediation.urn}
                for remediation in self.remediations
            ],
            "policyEnforcement": self.enforcement,
        }
        if self.failure:
            document["error"] = str(self.failure)
        return document


def visible_steps(steps: Sequence[Step]) -> list[Step]:
    """Return the steps that the engine shows: all except default providers."""
    return [step for step in steps if not step.default_provider]


class Judges(Protocol):
    """Judges each resource when it is registered."""

    def configure(self, config: Mapping[str, str]) -> None:
        """Set the stack's configuration, in the form that the program gets, before the first resource."""

    def judge(self, step: Step, provider: Step | None) -> None:
        """Judge a resource, with its provider if it has one. A remediation can change its inputs first."""
