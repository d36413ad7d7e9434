"""Connects to a pack's process, asks for its rules, and configures it.

The protocol is pulumi/analyzer.proto; the order of the calls is that of pkg/engine/update.go (loadPolicyPlugins). A
pack that can't be started, doesn't answer or dies is a failure, never a pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Final

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from rehearsal.engine.processes import ORGANIZATION, Process
from rehearsal.engine.properties import from_struct
from stackfiles.failures import BadConfiguration
from stackfiles.plan_document import Enforcement, Waived
from stackfiles.policy_configuration import PolicyConfig, PolicyInfo, reconcile
from stackfiles.project import Project

_LEVELS: Final[Mapping[analyzer_pb2.EnforcementLevel.ValueType, str]] = {
    number: name.lower() for name, number in analyzer_pb2.EnforcementLevel.items()
}

_SEVERITIES: Final[Mapping[analyzer_pb2.PolicySeverity.ValueType, str]] = {
    number: name.removeprefix("POLICY_SEVERITY_").lower()
    for name, number in analyzer_pb2.PolicySeverity.items()
    if number != analyzer_pb2.POLICY_SEVERITY_UNSPECIFIED
}


_SERVED: Final = "pack:"
"""The prefix of the tag with which a gate names a rule's pack (policies/rulebook/analyzer.py)."""


@dataclass(frozen=True)
class Introduction:
    """A started pack with its name, its rules and their initial configuration."""

    process: Process
    stub: analyzer_pb2_grpc.AnalyzerStub
    name: str
    names: frozenset[str]
    policies: Mapping[str, PolicyInfo]
    initial: Mapping[str, PolicyConfig]


@dataclass(frozen=True)
class Pack:
    """A configured pack.

    `names` are the packs that it serves: its own name, unless it is a project's gate (policies/gate). `remediates`
    says whether one of its rules changes resources. `configuration` has each rule's configuration.
    """

    process: Process
    stub: analyzer_pb2_grpc.AnalyzerStub
    name: str
    names: frozenset[str]
    policies: Mapping[str, PolicyInfo]
    remediates: bool
    configuration: Mapping[str, PolicyConfig]

    @property
    def keeps_nothing(self) -> bool:
        """Whether it remembers nothing of a plan when the next one begins, as packs of this project's rulebook do."""
        return any(name.startswith(_SERVED) for name in self.names)


def enforcement(packs: Sequence[Pack]) -> Enforcement:
    """Return what packs enforce: the number of their rules, those that aren't mandatory, and the waivers."""
    rules = [item for pack in packs for item in pack.configuration.items()]
    return {
        "rules": len(rules),
        "advisory": sorted(name for name, config in rules if config.level == "advisory"),
        "disabled": sorted(name for name, config in rules if config.level == "disabled"),
        "waived": [
            waived for name, config in sorted(rules, key=lambda rule: rule[0]) for waived in _waived(name, config)
        ],
    }


def _waived(rule: str, config: PolicyConfig) -> Iterator[Waived]:
    """Yield a rule's waivers, if it has them in the format of this project's rules (policies/rulebook/waivers.py)."""
    entries = config.properties.get("waivers", [])
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            resource, owner, expires = (str(entry.get(key, "?")) for key in ("resource", "owner", "expires"))
            yield {"rule": rule, "resource": resource, "owner": owner, "expires": expires}


def configured(processes: Sequence[Process]) -> list[Pack]:
    """Wait for each pack to start, ask for its rules, configure it and return it.

    Raises:
        Failure: a pack didn't start or answer.
        BadConfiguration: a configuration isn't valid; the message lists every problem of all of them.
    """
    with ThreadPoolExecutor(max(len(processes), 1)) as pool:
        introductions = list(pool.map(_introduction, processes))
        configurations = []
        problems = []
        for pack in introductions:
            file = pack.process.config_file
            configuration, found = reconcile(pack.policies, pack.initial, file)
            configurations.append(configuration)
            problems += [f"{file or pack.process.folder}: {problem}" for problem in found]
        if problems:
            raise BadConfiguration("\n".join(problems))
        return list(pool.map(_configure, introductions, configurations))


def tell(packs: Sequence[Pack], project: Project, config: Mapping[str, str]) -> None:
    """Tell packs the stack's configuration, with the secrets in the form that the program gets.

    Raises:
        Failure: a pack doesn't answer.
    """
    request = analyzer_pb2.AnalyzerStackConfigureRequest(
        stack=project.stack,
        project=project.name,
        organization=ORGANIZATION,
        dry_run=True,
        config=dict(config),
        config_secret_keys=project.secret_keys,
    )
    calls = [(pack, pack.stub.ConfigureStack.future(request)) for pack in packs]
    for pack, call in calls:
        pack.process.answer(call, "to the stack's configuration")


def _introduction(pack: Process) -> Introduction:
    """Connect to a pack and ask for its rules."""
    try:
        line = pack.port.result(timeout=pack.timeout).decode(errors="replace").strip()
    except FutureTimeout:
        raise pack.failed(f"didn't start within {pack.timeout:g} s") from None
    if not line:
        code = pack.process.wait()
        failure = pack.failed(f"ended with exit code {code} while it was starting")
        raise BadConfiguration(str(failure)) if code == BadConfiguration.exit_code else failure
    if not line.isdecimal():
        raise pack.failed(f"printed `{line[:80]}` instead of its port")
    stub = analyzer_pb2_grpc.AnalyzerStub(grpc.insecure_channel(f"127.0.0.1:{line}", options=_GRPC_CHANNEL_OPTIONS))
    info = pack.answer(stub.GetAnalyzerInfo.future(empty_pb2.Empty()), "about its rules")
    served = {tag for policy in info.policies for tag in policy.tags if tag.startswith(_SERVED)}
    return Introduction(
        pack,
        stub,
        info.name,
        frozenset(served or {info.name}),
        {policy.name: _policy(policy) for policy in info.policies},
        {
            name: PolicyConfig(enforcement_level(item.enforcementLevel), from_struct(item.properties))
            for name, item in info.initialConfig.items()
        },
    )


def _configure(pack: Introduction, configuration: Mapping[str, PolicyConfig]) -> Pack:
    levels = {text: number for number, text in _LEVELS.items()}
    request = analyzer_pb2.ConfigureAnalyzerRequest()
    for name, item in configuration.items():
        request.policyConfig[name].enforcementLevel = levels[item.level]
        request.policyConfig[name].properties.update(item.properties)
    pack.process.answer(pack.stub.Configure.future(request), "to its configuration")
    remediates = any(item.level == "remediate" for item in configuration.values())
    return Pack(pack.process, pack.stub, pack.name, pack.names, pack.policies, remediates, configuration)


def _policy(policy: analyzer_pb2.PolicyInfo) -> PolicyInfo:
    return PolicyInfo(
        level=enforcement_level(policy.enforcementLevel),
        severity=severity(policy.severity),
        properties=from_struct(policy.configSchema.properties),
        required=tuple(policy.configSchema.required),
    )


def enforcement_level(number: analyzer_pb2.EnforcementLevel.ValueType, *, remediated: bool = False) -> str:
    """Return an enforcement level; an unknown one counts as mandatory.

    So does a violation that remains after remediation (`remediated`).
    """
    level = _LEVELS.get(number, "mandatory")
    return "mandatory" if remediated and level == "remediate" else level


def severity(number: analyzer_pb2.PolicySeverity.ValueType) -> str:
    """Return a severity, such as `high`; empty if it is unspecified."""
    return _SEVERITIES.get(number, "")
