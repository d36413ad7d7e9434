"""Asks the policy packs about each resource and about the stack, as the engine does.

See pkg/resource/deploy/step_generator.go of pulumi/pulumi.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import grpc
from pulumi.runtime.proto import analyzer_pb2

from rehearsal.engine import analyzer_requests
from rehearsal.engine.packs import Pack, configured, enforcement, enforcement_level, severity, tell
from rehearsal.engine.plan import Remediation, Step, Violation, nothing_enforced
from rehearsal.engine.processes import Process
from rehearsal.engine.properties import from_struct
from stackfiles.failures import Failure
from stackfiles.plan_document import ROOT_TYPE, Enforcement
from stackfiles.project import Project


@dataclass(frozen=True)
class Verdict:
    """The packs' violations and remediations, their number and enforcement levels, and what ended the judging early."""

    violations: Sequence[Violation] = ()
    remediations: Sequence[Remediation] = ()
    packs: int = 0
    enforcement: Enforcement = field(default_factory=nothing_enforced)
    failure: Failure | None = None


class Analyzers:
    """All packs of a rehearsal. They are asked for their rules and configured in the background, from the beginning.

    In a `trial`, which comes before the real plan, only the packs judge that remember nothing of it.
    """

    def __init__(self, project: Project, processes: Sequence[Process], *, trial: bool = False) -> None:
        self._project = project
        self._trial = trial
        self._config: Mapping[str, str] = project.config
        self._packs: Future[Sequence[Pack]] = Future()
        self._asked: list[tuple[Pack, Step, grpc.Future[analyzer_pb2.AnalyzeResponse]]] = []
        self._steps: list[tuple[Step, Step | None]] = []
        self._violations: list[Violation] = []
        self._remediations: list[Remediation] = []
        threading.Thread(target=self._configure, args=(processes,), daemon=True).start()

    def _configure(self, processes: Sequence[Process]) -> None:
        try:
            self._packs.set_result([pack for pack in configured(processes) if pack.keeps_nothing or not self._trial])
        except BaseException as error:  # handed to the main thread
            self._packs.set_exception(error)

    def configure(self, config: Mapping[str, str]) -> None:
        """Set the stack's configuration, which the packs get before the first resource."""
        self._config = config

    def judge(self, step: Step, provider: Step | None) -> None:
        """Let the packs change a resource's inputs, then ask them to judge it, without waiting for the answers.

        Raises:
            Failure: a pack didn't start or answer.
            BadConfiguration: a pack's configuration isn't valid.
        """
        packs = self._packs.result()
        if not self._steps:
            tell(packs, self._project, self._config)
        self._steps.append((step, provider))
        for pack in packs:
            if pack.remediates:
                self._remediate(pack, step, provider)
        request = analyzer_requests.resource_request(step, provider)
        self._asked += [(pack, step, pack.stub.Analyze.future(request)) for pack in packs]

    def verdict(self, *, complete: bool) -> Verdict:
        """Collect the answers; if the program succeeded (`complete`), let the packs judge the whole stack too."""
        failure: Failure | None = None
        packs: Sequence[Pack] = ()
        try:
            packs = self._packs.result()
            self._collect(packs, complete=complete)
        except Failure as error:
            failure = error
        served = sum(len(pack.names) for pack in packs)
        return Verdict(self._violations, self._remediations, served, enforcement(packs), failure)

    def _collect(self, packs: Sequence[Pack], *, complete: bool) -> None:
        steps = {step.urn: step for step, _ in self._steps}
        for pack, step, call in self._asked:
            response = pack.process.answer(call, f"about {step.urn}")
            self._violations += [_violation(pack, said, step) for said in response.diagnostics]
        if not complete:
            return
        request = analyzer_requests.stack_request(self._steps)
        project, stack = self._project.name, self._project.stack
        root = f"urn:pulumi:{stack}::{project}::{ROOT_TYPE}::{project}-{stack}"
        calls = [(pack, pack.stub.AnalyzeStack.future(request)) for pack in packs]
        for pack, call in calls:
            response = pack.process.answer(call, "about the stack")
            # A stack rule names the resource that it is about; a URN that isn't in the stack stands for the stack.
            self._violations += [
                _violation(pack, said, steps.get(said.urn) or steps[root]) for said in response.diagnostics
            ]

    def _remediate(self, pack: Pack, step: Step, provider: Step | None) -> None:
        request = analyzer_requests.remedy_request(step, provider)
        response = pack.process.answer(pack.stub.Remediate.future(request), f"about remedies for {step.urn}")
        for remedy in response.remediations:
            if remedy.diagnostic:
                self._violations.append(
                    Violation(
                        pack=pack.name,
                        policy=remedy.policyName,
                        level="advisory",
                        severity=pack.policies[remedy.policyName].severity,
                        urn=step.urn,
                        message=remedy.diagnostic,
                        source=step.source,
                        trace=step.trace,
                    )
                )
            else:
                step.inputs = from_struct(remedy.properties)
                self._remediations.append(Remediation(pack.name, remedy.policyName, step.urn))


def _violation(pack: Pack, said: analyzer_pb2.AnalyzeDiagnostic, step: Step) -> Violation:
    source, trace = step.made_at(said.message)
    return Violation(
        pack=said.policyPackName or pack.name,
        policy=said.policyName,
        level=enforcement_level(said.enforcementLevel, remediated=True),
        severity=severity(said.severity) or pack.policies[said.policyName].severity,
        urn=step.urn,
        message=said.message,
        source=source,
        trace=trace,
    )
