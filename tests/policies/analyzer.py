"""A client of the analyzer protocol for tests: it does with a policy pack what the engine does.

    from tests.policies.analyzer import UNKNOWN, StartPack

    def test_unknown_document(pack: StartPack) -> None:
        judge = pack("least_privilege", stack="dev", config={"unknown-document": {"waivers": [...]}})
        found = judge.resource("aws:iam/rolePolicy:RolePolicy", {"name": "dev-a-b", "policy": UNKNOWN})
        assert [violation.rule for violation in found] == ["unknown-document"]

`pack` is the fixture of `conftest.py`. A resource is its type and its inputs as the engine sends them: plain
JSON, with `UNKNOWN` for a value that a preview doesn't know and `secret(value)` for a secret.
"""

from __future__ import annotations

import functools
import itertools
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias

import grpc
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from rehearsal.engine import planned_inputs
from stackfiles.plan_document import other_rules
from tests import ended_processes
from tests.forked_modules import run_as_main
from tests.forks import running

Json: TypeAlias = Any
Level: TypeAlias = Literal["advisory", "mandatory", "remediate", "disabled"]

ROOT: Final = "pulumi:pulumi:Stack"
PROJECT: Final = "workshop"
_ACCOUNT: Final = {"aws:allowedAccountIds": '["123456789012"]', "aws:region": "eu-central-1"}
SETTINGS: Final = {
    "naming": {f"{PROJECT}:domain": "rocketclub.online"},
    "least_privilege": _ACCOUNT,
    "workloads": _ACCOUNT | {f"{PROJECT}:parkMode": "unparked"},
}
"""Pack -> the configuration of the stack that it judges."""
SECRET_SETTING: Final = f"{PROJECT}:header"
OWN_SECRET: Final = sha256(b"own").hexdigest()
"""Key and value of the only secret in each stack's configuration."""
FOLDER: Final = Path(__file__).resolve().parents[2] / "policies"

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The protocol's form of a value that isn't known at preview, whatever its type in the program."""

_ANSWER: Final = 60
"""Seconds within which a pack must answer."""

_NUMBERS: Final = itertools.count()

_STARTED: Final = ("gate", "inventory")
"""Packs that tests start as processes: the deployed one, and the one that reads the configuration beside it, which a
fork refuses for the repository's own (tests/own_files.py)."""
_MODULE: Final = "pulumi.policy"
_ENGINE: Final = "127.0.0.1:0"
"""The engine's address that a pack is given and never calls."""

_NO_LIMIT: Final = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


def secret(value: Json) -> dict[str, Json]:
    """Return a Pulumi secret with a value, as the engine sends it to packs."""
    return {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": value}


@dataclass(frozen=True)
class Violation:
    """One diagnostic of a pack. `message` starts with the rule's title, as the SDK sends it."""

    rule: str
    level: str
    severity: str
    urn: str
    message: str

    @property
    def rules(self) -> list[str]:
        """The rule, and other rules that the same fault breaks."""
        return [self.rule, *other_rules(self.message)]


@dataclass(frozen=True)
class Planned:
    """One resource of a stack. `name` is the logical name; `parent` a URN; `provider` the inputs of its provider.

    `references` maps a property to the URNs that its value comes from; `secret_outputs` and `ignore_changes` are the
    resource options of these names.
    """

    type: str
    properties: Mapping[str, Json] = field(default_factory=dict)
    name: str = "it"
    protect: bool = False
    parent: str = ""
    provider: Mapping[str, Json] = field(default_factory=dict)
    references: Mapping[str, Iterable[str]] = field(default_factory=dict)
    secret_outputs: tuple[str, ...] = ()
    ignore_changes: tuple[str, ...] = ()

    def urn(self, stack: str) -> str:
        """Return its URN (without the types of its parents, which no rule needs)."""
        return f"urn:pulumi:{stack}::{PROJECT}::{self.type}::{self.name}"

    @functools.cached_property
    def answered(self) -> struct_pb2.Struct:
        """Its properties in the provider's answer, without those that no case names."""
        answer = planned_inputs.planned(self.type, self.properties)
        struct = struct_pb2.Struct()
        struct.update({name: answer[name] for name in self.properties})
        return struct


class Process:
    """A running pack. It judges a preview, or an update with `preview=False`.

    Some packs are started as the engine starts them: a folder (`python -m pulumi.policy ENGINE FOLDER`) or a program.
    Others run in a fork of a process with the SDKs loaded. `environment` is added to this process's variables.
    """

    def __init__(
        self, folder: Path, stack: str, *, preview: bool = True, environment: Mapping[str, str] | None = None
    ) -> None:
        self._noted = ended_processes.register(), f"judge {next(_NUMBERS)}"
        given = {
            "PULUMI_PROJECT": PROJECT,
            "PULUMI_STACK": stack,
            "PULUMI_ORGANIZATION": "organization",
            "PULUMI_DRY_RUN": str(preview).lower(),
            "PULUMI_CONFIG": "{}",
            **(environment or {}),
        }
        self._process: subprocess.Popen[str] | BaseProcess
        if folder.is_file() or folder.name in _STARTED:
            command = [sys.executable, "-u", "-m", _MODULE, _ENGINE, str(folder)]
            started = subprocess.Popen(
                ended_processes.noted(*self._noted, [str(folder), _ENGINE] if folder.is_file() else command),
                cwd=folder if folder.is_dir() else folder.parent,
                env=os.environ | given,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert started.stdout
            self._process, self._said = started, started.stdout
        else:
            self._process, self._said = running(_run_pack, folder, given, *self._noted)
        port = self._said.readline().strip()
        assert port.isdecimal(), f"the pack {folder.name} didn't start: {port or 'see its stderr'}"
        self.stub = analyzer_pb2_grpc.AnalyzerStub(grpc.insecure_channel(f"127.0.0.1:{port}", options=_NO_LIMIT))
        self.info: analyzer_pb2.AnalyzerInfo = self.stub.GetAnalyzerInfo(empty_pb2.Empty(), timeout=_ANSWER)
        self.stub.ConfigureStack(
            analyzer_pb2.AnalyzerStackConfigureRequest(
                stack=stack,
                project=PROJECT,
                organization="organization",
                dry_run=preview,
                config={**SETTINGS.get(folder.name, {}), SECRET_SETTING: OWN_SECRET},
                config_secret_keys=[SECRET_SETTING],
            ),
            timeout=_ANSWER,
        )
        self.rules: Mapping[str, analyzer_pb2.PolicyInfo] = {policy.name: policy for policy in self.info.policies}
        self.defaults: Mapping[str, Mapping[str, Json]] = {
            name: {key: schema["default"] for key, schema in schemas.items() if "default" in schema}
            for name, policy in self.rules.items()
            for schemas in [json_format.MessageToDict(policy.configSchema.properties)]
        }
        self.configuration: analyzer_pb2.ConfigureAnalyzerRequest | None = None

    def configure(self, configuration: analyzer_pb2.ConfigureAnalyzerRequest) -> None:
        """Send a configuration, unless it is the one in force."""
        if configuration != self.configuration:
            self.stub.Configure(configuration, timeout=_ANSWER)
            self.configuration = configuration

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._said.read()  # until it has ended
        self._said.close()
        ended_processes.forget(*self._noted)


def _run_pack(folder: Path, environment: Mapping[str, str], register: Path, name: str) -> int:
    """Act as the process of a pack."""
    ended_processes.note(register, name)
    os.environ.update(environment)
    return run_as_main(folder, _MODULE, (_ENGINE, str(folder)))


class Judge:
    """A pack under one configuration. Two judges may share a process: each call sets its configuration first."""

    def __init__(
        self,
        process: Process,
        stack: str,
        config: Mapping[str, Mapping[str, Json]],
        levels: Mapping[str, Level],
    ) -> None:
        self._process = process
        self.stack = stack
        self.rules = process.rules
        assert set(config) | set(levels) <= set(self.rules), "configures a rule that the pack doesn't have"
        # As the engine does it: every rule is configured, with the defaults of its schema below what was given.
        self._configuration = analyzer_pb2.ConfigureAnalyzerRequest()
        for name, policy in self.rules.items():
            sent = self._configuration.policyConfig[name]
            sent.properties.update({**process.defaults[name], **config.get(name, {})})
            sent.enforcementLevel = (
                analyzer_pb2.EnforcementLevel.Value(levels[name].upper()) if name in levels else policy.enforcementLevel
            )

    def resource(
        self,
        type_: str,
        properties: Mapping[str, Json],
        name: str = "it",
        protect: bool = False,
        parent: str = "",
        provider: Mapping[str, Json] | None = None,
        secret_outputs: tuple[str, ...] = (),
        ignore_changes: tuple[str, ...] = (),
    ) -> list[Violation]:
        """Judge one resource (`Analyze`)."""
        planned = Planned(type_, properties, name, protect, parent, provider or {}, secret_outputs=secret_outputs)
        request = analyzer_pb2.AnalyzeRequest(
            urn=planned.urn(self.stack),
            type=type_,
            name=name,
            options=analyzer_pb2.AnalyzerResourceOptions(
                protect=protect, parent=parent, additionalSecretOutputs=secret_outputs, ignoreChanges=ignore_changes
            ),
            provider=_provider(planned),
        )
        request.properties.update(properties)
        self._process.configure(self._configuration)
        if type_ == ROOT:
            # The engine asks for remedies first, and takes this answer to mean that there are none.
            with pytest.raises(grpc.RpcError) as refused:
                self._process.stub.Remediate(request, timeout=_ANSWER)
            assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
        answer = self._process.stub.Analyze(request, timeout=_ANSWER)
        return [_violation(item, request.urn) for item in answer.diagnostics]

    def root(self) -> list[Violation]:
        """Judge the stack's root resource, on which packs report problems of their configuration."""
        return self.resource(ROOT, {}, f"{PROJECT}-{self.stack}")

    def stack_of(self, resources: Iterable[Planned]) -> list[Violation]:
        """Judge a whole stack with the stack rules (`AnalyzeStack`), which see the provider's answers."""
        request = analyzer_pb2.AnalyzeStackRequest()
        for planned in resources:
            resource = request.resources.add(
                urn=planned.urn(self.stack),
                type=planned.type,
                name=planned.name,
                parent=planned.parent,
                provider=_provider(planned),
            )
            resource.options.protect = planned.protect
            resource.options.parent = planned.parent
            resource.options.additionalSecretOutputs.extend(planned.secret_outputs)
            resource.options.ignoreChanges.extend(planned.ignore_changes)
            for key, urns in planned.references.items():
                resource.propertyDependencies[key].urns.extend(urns)
            resource.properties.CopyFrom(planned.answered)
        self._process.configure(self._configuration)
        return [_violation(item, "") for item in self._process.stub.AnalyzeStack(request, timeout=_ANSWER).diagnostics]

    def everything(self, resources: Iterable[Planned]) -> list[Violation]:
        """Judge each resource and then the stack, root resource included, as in a preview."""
        resources = list(resources)
        return [
            *self.root(),
            *itertools.chain.from_iterable(
                self.resource(
                    item.type,
                    item.properties,
                    item.name,
                    item.protect,
                    item.parent,
                    item.provider,
                    item.secret_outputs,
                    item.ignore_changes,
                )
                for item in resources
            ),
            *self.stack_of(resources),
        ]


def _provider(planned: Planned) -> analyzer_pb2.AnalyzerProviderResource | None:
    if not planned.provider:
        return None
    provider = analyzer_pb2.AnalyzerProviderResource(
        urn="urn:pulumi:stack::project::pulumi:providers:aws::default", type="pulumi:providers:aws", name="default"
    )
    provider.properties.update(planned.provider)
    return provider


class StartPack(Protocol):
    """Type of the `pack` fixture."""

    def __call__(
        self,
        name: str | Path,
        stack: str = "prod",
        config: Mapping[str, Mapping[str, Json]] | None = None,
        levels: Mapping[str, Level] | None = None,
    ) -> Judge: ...


def _violation(diagnostic: analyzer_pb2.AnalyzeDiagnostic, urn: str) -> Violation:
    severity = analyzer_pb2.PolicySeverity.Name(diagnostic.severity)
    return Violation(
        diagnostic.policyName,
        analyzer_pb2.EnforcementLevel.Name(diagnostic.enforcementLevel).lower(),
        severity.removeprefix("POLICY_SEVERITY_").lower(),
        diagnostic.urn or urn,
        diagnostic.message,
    )
