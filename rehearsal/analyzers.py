"""The policy packs: separate processes, started, configured and asked as the engine does it.

The protocol is pulumi/analyzer.proto; what the engine does around it is in pkg/engine/update.go
(loadPolicyPlugins), pkg/resource/analyzer/config.go (ReconcilePolicyPackConfig), analyzer_plugin.go and
step_generator.go. A pack that can't be started, doesn't answer or dies is a failure, never a pass.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from rehearsal.failures import BadConfiguration, Failure
from rehearsal.plan import ROOT_TYPE, Plan, Remediation, Step, Violation
from rehearsal.policy_configuration import PolicyConfig, PolicyInfo, reconcile
from rehearsal.project import Project
from rehearsal.properties import Json, for_packs, from_struct, visible

if TYPE_CHECKING:
    from pulumi.runtime.proto import analyzer_pb2

ORGANIZATION: Final = "organization"
"""The organization of a stack on a self-managed backend."""

_ENGINE: Final = "127.0.0.1:0"
"""The engine's address that a pack is given. The policy SDK never calls it."""

_STDERR_LINES: Final = 20

_SERVED: Final = "pack:"
"""Begins the tag with which a gate says which pack a rule belongs to (policies/rulebook/analyzer.py)."""


@dataclass
class Pack:
    """One pack: a folder with a `PulumiPolicy.yaml` and its process."""

    folder: Path
    config_file: Path | None
    process: subprocess.Popen[bytes]
    stderr: IO[bytes]
    port: Future[bytes]
    timeout: float
    name: str = ""
    names: frozenset[str] = frozenset()
    """Names of the packs that it serves: its own, unless it is a project's gate (policies/gate)."""
    policies: Mapping[str, PolicyInfo] = ()  # type: ignore[assignment] # set when the pack has answered
    remediates: bool = False
    stub: Any = None

    def failed(self, what: str) -> Failure:
        """Return the failure of this pack, with the end of what it wrote to stderr.

        Of a traceback only the message is kept, and the last line of the pack's own code.
        """
        self.process.kill()
        self.process.wait()
        self.stderr.seek(0)
        wrote = self.stderr.read().decode(errors="replace")
        lines = [line for line in wrote.splitlines() if line[:1].strip() and not line.startswith("Traceback")]
        own = re.findall(rf'File "{re.escape(str(self.folder))}/(.+)", line (\d+)', wrote)
        lines += [f"at {self.folder.name}/{file}:{number}" for file, number in own[-1:]]
        said = "\n".join(f"  {line}" for line in lines[-_STDERR_LINES:])
        return Failure(f"policy pack {self.folder.name} {what}" + (f". It wrote:\n{said}" if said else "."))

    def answer(self, call: Json, what: str) -> Json:
        """Wait for the answer to a call and return it.

        Raises:
            Failure: the pack died, raised, or didn't answer within its time.
        """
        import grpc

        try:
            return call.result(timeout=self.timeout)
        except grpc.FutureTimeoutError:
            raise self.failed(f"didn't answer {what} within {self.timeout:g} s") from None
        except grpc.RpcError as error:
            state = "died while answering" if self._is_dead() else "failed to answer"
            raise self.failed(f"{state} {what}: {error.details() or error.code().name}") from None

    def _is_dead(self) -> bool:
        try:
            self.process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            return False
        return True


class Analyzers:
    """All packs of a rehearsal. `launch` starts the processes; `configure` needs the SDK to be loaded."""

    def __init__(self, project: Project, packs: Sequence[Pack], plan: Plan) -> None:
        self._project = project
        self._plan = plan
        self._packs = packs
        self._ready: Future[None] = Future()
        self._asked: list[tuple[Pack, Step, Any]] = []
        self._steps: list[tuple[Step, Step | None]] = []

    def configure(self) -> None:
        """Begin to ask each pack for its rules and to configure it, in the background."""
        # Loaded here, in the main thread: a second thread importing the SDK beside the program is a race.
        from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc  # noqa: F401

        def work() -> None:
            try:
                with ThreadPoolExecutor(max(len(self._packs), 1)) as pool:
                    problems = [
                        problem
                        for found in pool.map(lambda pack: _introduce(pack, self._project), self._packs)
                        for problem in found
                    ]
                if problems:
                    raise BadConfiguration("\n".join(problems))
                self._plan.packs = sum(len(pack.names) for pack in self._packs)
                self._plan.rules = sum(len(pack.policies) for pack in self._packs)
                self._ready.set_result(None)
            except BaseException as error:  # handed to the main thread
                self._ready.set_exception(error)

        threading.Thread(target=work, daemon=True).start()

    def wait(self) -> None:
        """Wait until every pack is configured.

        Raises:
            Failure: a pack didn't start or answer.
            BadConfiguration: its configuration isn't valid.
        """
        self._ready.result()

    def judge(self, step: Step, provider: Step | None) -> None:
        """Let the packs change a resource's inputs, then ask them to judge it, without waiting for that."""
        self.wait()
        self._steps.append((step, provider))
        for pack in self._packs:
            if pack.remediates:
                self._remediate(pack, step, provider)
        request = _request(step, provider)
        self._asked += [(pack, step, pack.stub.Analyze.future(request)) for pack in self._packs]

    def verdict(self, complete: bool) -> None:
        """Collect the answers; if the program ended well (`complete`), have the whole stack judged too."""
        self.wait()
        sources = {step.urn: step.source for step, _ in self._steps}
        for pack, step, call in self._asked:
            response = pack.answer(call, f"about {step.urn}")
            self._note(pack, response, step.urn, sources)
        if not complete:
            return
        request = _stack_request(self._steps)
        project, stack = self._project.name, self._project.stack
        root = f"urn:pulumi:{stack}::{project}::{ROOT_TYPE}::{project}-{stack}"
        calls = [(pack, pack.stub.AnalyzeStack.future(request)) for pack in self._packs]
        for pack, call in calls:
            self._note(pack, pack.answer(call, "about the stack"), root, sources, stack=True)

    def _note(self, pack: Pack, response: Json, urn: str, sources: Mapping[str, str], stack: bool = False) -> None:
        for diagnostic in response.diagnostics:
            # A stack rule names the resource it is about; anything that isn't in the stack means the stack.
            about = diagnostic.urn if stack and diagnostic.urn in sources else urn
            self._plan.violations.append(
                Violation(
                    pack=diagnostic.policyPackName or pack.name,
                    policy=diagnostic.policyName,
                    level=_level(diagnostic.enforcementLevel, remediated=True),
                    severity=_severity(diagnostic.severity) or pack.policies[diagnostic.policyName].severity,
                    urn=about,
                    message=diagnostic.message,
                    source=sources[about],
                )
            )

    def _remediate(self, pack: Pack, step: Step, provider: Step | None) -> None:
        request = _request(step, provider)
        # A remedy returns all properties, so it is given all, the engine's own included.
        request.properties.update(for_packs(step.inputs))
        response = pack.answer(pack.stub.Remediate.future(request), f"about remedies for {step.urn}")
        for remedy in response.remediations:
            if remedy.diagnostic:
                self._plan.violations.append(
                    Violation(
                        pack=pack.name,
                        policy=remedy.policyName,
                        level="advisory",
                        severity=pack.policies[remedy.policyName].severity,
                        urn=step.urn,
                        message=remedy.diagnostic,
                        source=step.source,
                    )
                )
            else:
                step.inputs = from_struct(remedy.properties)
                self._plan.remediations.append(Remediation(pack.name, remedy.policyName, step.urn))


@contextlib.contextmanager
def launch(
    project: Project, plan: Plan, folders: Sequence[tuple[Path, Path | None]], timeout: float
) -> Iterator[Analyzers]:
    """Start every pack (its folder, its configuration file or None) and stop them all in the end.

    A pack has `timeout` seconds to start, and as many for each answer.
    """
    environment = os.environ | {
        "PULUMI_ORGANIZATION": ORGANIZATION,
        "PULUMI_PROJECT": project.name,
        "PULUMI_STACK": project.stack,
        "PULUMI_DRY_RUN": "true",
        # Without the secret values: no rule needs one, and what a process doesn't have it can't print.
        "PULUMI_CONFIG": json.dumps(dict(project.config)),
    }
    packs: list[Pack] = []
    try:
        for folder, config_file in folders:
            stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-u", "-m", "pulumi.policy", _ENGINE, str(folder)],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
            port: Future[bytes] = Future()
            threading.Thread(target=_listen, args=(process.stdout, port), daemon=True).start()
            packs.append(Pack(folder, config_file, process, stderr, port, timeout))
        yield Analyzers(project, packs, plan)
    finally:
        for pack in packs:
            pack.process.kill()
        for pack in packs:
            pack.process.wait()
            pack.stderr.close()


def _listen(stdout: IO[bytes], port: Future[bytes]) -> None:
    """Take the port from a pack's first line; read on, so that a pack that prints never blocks."""
    port.set_result(stdout.readline())
    with contextlib.suppress(ValueError):
        for _ in stdout:
            pass


def _introduce(pack: Pack, project: Project) -> list[str]:
    """Connect to a pack, learn its rules and configure it. Returns the problems of its configuration."""
    import grpc
    from google.protobuf import empty_pb2
    from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
    from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

    try:
        line = pack.port.result(timeout=pack.timeout).decode(errors="replace").strip()
    except FutureTimeout:
        raise pack.failed(f"didn't start within {pack.timeout:g} s") from None
    if not line:
        code = pack.process.wait()
        failure = pack.failed(f"ended while it started, with exit code {code}")
        raise BadConfiguration(str(failure)) if code == BadConfiguration.exit_code else failure
    if not line.isdecimal():
        raise pack.failed(f"printed `{line[:80]}` where its port was expected")
    pack.stub = analyzer_pb2_grpc.AnalyzerStub(
        grpc.insecure_channel(f"127.0.0.1:{line}", options=_GRPC_CHANNEL_OPTIONS)
    )
    info = pack.answer(pack.stub.GetAnalyzerInfo.future(empty_pb2.Empty()), "about its rules")
    pack.name = info.name
    served = {tag for policy in info.policies for tag in policy.tags if tag.startswith(_SERVED)}
    pack.names = frozenset(served or {info.name})
    pack.policies = {policy.name: _policy(policy) for policy in info.policies}
    pack.answer(
        pack.stub.ConfigureStack.future(
            analyzer_pb2.AnalyzerStackConfigureRequest(
                stack=project.stack,
                project=project.name,
                organization=ORGANIZATION,
                dry_run=True,
                config=dict(project.config),
                config_secret_keys=project.secret_keys,
            )
        ),
        "to the stack's configuration",
    )
    initial = {
        name: PolicyConfig(_level(item.enforcementLevel), from_struct(item.properties))
        for name, item in info.initialConfig.items()
    }
    reconciled, problems = reconcile(pack.policies, initial, pack.config_file)
    if problems:
        return [f"{pack.config_file or pack.folder}: {problem}" for problem in problems]
    pack.remediates = any(item.level == "remediate" for item in reconciled.values())
    levels = {text: number for number, text in _levels().items()}
    request = analyzer_pb2.ConfigureAnalyzerRequest()
    for name, item in reconciled.items():
        request.policyConfig[name].enforcementLevel = levels[item.level]
        request.policyConfig[name].properties.update(item.properties)
    pack.answer(pack.stub.Configure.future(request), "to its configuration")
    return []


def _policy(policy: analyzer_pb2.PolicyInfo) -> PolicyInfo:
    return PolicyInfo(
        level=_level(policy.enforcementLevel),
        severity=_severity(policy.severity),
        properties=from_struct(policy.configSchema.properties),
        required=tuple(policy.configSchema.required),
    )


def _levels() -> dict[Any, str]:
    from pulumi.runtime.proto import analyzer_pb2

    return {number: name.lower() for name, number in analyzer_pb2.EnforcementLevel.items()}


def _level(number: int, remediated: bool = False) -> str:
    """Return an enforcement level. A violation that is left after a remedy counts as mandatory."""
    level = _levels().get(number, "mandatory")
    return "mandatory" if remediated and level == "remediate" else level


def _severity(number: int) -> str:
    from pulumi.runtime.proto import analyzer_pb2

    for name, value in analyzer_pb2.PolicySeverity.items():
        if value == number and value != analyzer_pb2.POLICY_SEVERITY_UNSPECIFIED:
            return name.removeprefix("POLICY_SEVERITY_").lower()
    return ""


def _options(step: Step) -> analyzer_pb2.AnalyzerResourceOptions:
    from pulumi.runtime.proto import analyzer_pb2

    return analyzer_pb2.AnalyzerResourceOptions(
        protect=step.protect,
        ignoreChanges=step.ignore_changes,
        deleteBeforeReplace=bool(step.delete_before_replace),
        deleteBeforeReplaceDefined=step.delete_before_replace is not None,
        additionalSecretOutputs=step.additional_secret_outputs,
        parent=step.parent,
    )


def _request(step: Step, provider: Step | None) -> analyzer_pb2.AnalyzeRequest:
    from pulumi.runtime.proto import analyzer_pb2

    request = analyzer_pb2.AnalyzeRequest(
        urn=step.urn, type=step.type, name=step.name, options=_options(step), provider=_provider(provider)
    )
    request.properties.update(visible(step.inputs, custom=step.custom))
    return request


def _provider(provider: Step | None) -> analyzer_pb2.AnalyzerProviderResource | None:
    from pulumi.runtime.proto import analyzer_pb2

    if provider is None:
        return None
    resource = analyzer_pb2.AnalyzerProviderResource(urn=provider.urn, type=provider.type, name=provider.name)
    resource.properties.update(visible(provider.inputs, custom=True))
    return resource


def _stack_request(steps: Sequence[tuple[Step, Step | None]]) -> analyzer_pb2.AnalyzeStackRequest:
    """Return the whole stack as the engine sends it: outputs, not inputs, and every provider."""
    from pulumi.runtime.proto import analyzer_pb2

    request = analyzer_pb2.AnalyzeStackRequest()
    for step, provider in steps:
        resource = request.resources.add(
            urn=step.urn,
            type=step.type,
            name=step.name,
            options=_options(step),
            provider=_provider(provider),
            parent=step.parent,
            dependencies=step.dependencies,
            propertyDependencies={
                key: analyzer_pb2.AnalyzerPropertyDependencies(urns=urns)
                for key, urns in step.property_dependencies.items()
                if urns
            },
        )
        resource.properties.update(visible(step.outputs, custom=step.custom))
    return request
