"""Answers the engine: the analyzer protocol (proto/pulumi/analyzer.proto of pulumi/pulumi) for packs of rules.

The policy SDK reads a request once for each of its policies, which makes a hundred rules slow. Here a request is read
once, and a rule is asked about its own types only. A test compares the answers with the SDK's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from pulumi.runtime.proto import analyzer_pb2, plugin_pb2

from policies.rulebook import waivers
from policies.rulebook.asking import Asked
from policies.rulebook.configuration import BadConfiguration
from policies.rulebook.judging import Judge
from policies.rulebook.pack import Pack
from policies.rulebook.properties import read
from policies.rulebook.resource import Resource, SecretText, Stack
from policies.rulebook.rule import Judgement, Scope, Severity
from policies.rulebook.violation import Violation, fold

_ROOT: Final = "pulumi:pulumi:Stack"
_VERSION: Final = "0.0.1"
"""Version of the packs and of the plugin. The engine shows the version in `PulumiPolicy.yaml` instead."""

Context: TypeAlias = grpc.ServicerContext


class Analyzer:
    """Serves packs as one. Until the engine configures it, every rule is mandatory and has its defaults.

    `ConfigureStack` starts a new plan and drops everything about the one before: `make watch` judges a warm-up plan
    before the one that counts. Packs that are configured for one stack refuse to judge another.

    Raises:
        BadConfiguration: two rules have the same id.
    """

    def __init__(self, name: str, packs: Sequence[Pack], description: str, stack: str = "") -> None:
        owners: dict[str, str] = {}
        for pack in packs:
            for rule in pack.rules:
                if rule.id in owners:
                    raise BadConfiguration(f"the packs {owners[rule.id]} and {pack.name} both have a rule `{rule.id}`")
                owners[rule.id] = pack.name
        self._owners = owners
        self._stack = stack
        self._rules = [rule for pack in packs for rule in pack.rules]
        self._info = _info(name, packs, description)
        self._judgement = Judgement("", "", {})
        self._so_far: list[Resource] = []
        self._configure({})

    def Handshake(
        self, _request: analyzer_pb2.AnalyzerHandshakeRequest, _: Context
    ) -> analyzer_pb2.AnalyzerHandshakeResponse:
        """Greet the engine."""
        return analyzer_pb2.AnalyzerHandshakeResponse()

    def GetAnalyzerInfo(self, _request: Empty, _: Context) -> analyzer_pb2.AnalyzerInfo:
        """Return the rules and their configuration keys."""
        return self._info

    def GetPluginInfo(self, _request: Empty, _: Context) -> plugin_pb2.PluginInfo:
        """Return the version."""
        return plugin_pb2.PluginInfo(version=_VERSION)

    def ConfigureStack(
        self, request: analyzer_pb2.AnalyzerStackConfigureRequest, context: Context
    ) -> analyzer_pb2.AnalyzerStackConfigureResponse:
        """Take the names of project and stack, the stack's configuration, and whether this is a preview."""
        if self._stack and request.stack != self._stack:
            context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"the packs are configured for the stack {self._stack}, and this is {request.stack}; PULUMI_STACK "
                "must name the same one",
            )
        secret = {key: request.config[key] for key in request.config_secret_keys if key in request.config}
        settings = {
            key.removeprefix(f"{request.project}:"): value for key, value in request.config.items() if key not in secret
        }
        secrets = frozenset(map(SecretText, secret.values()))
        self._judgement = Judgement(request.project, request.stack, {}, request.dry_run, settings, secrets)
        self._so_far = []
        self._foreign_agreement = False
        return analyzer_pb2.AnalyzerStackConfigureResponse()

    def Configure(self, request: analyzer_pb2.ConfigureAnalyzerRequest, _: Context) -> Empty:
        """Take the levels and the configuration of the rules."""
        self._configure(request.policyConfig)
        return Empty()

    def Analyze(self, request: analyzer_pb2.AnalyzeRequest, _: Context) -> analyzer_pb2.AnalyzeResponse:
        """Judge one resource."""
        resource = _resource(request, request.options.parent)
        said: list[Violation] = []
        if request.type == _ROOT:
            # Every stack has one root resource, which is judged first. So the configuration is judged here, once.
            for judge in self._judges:
                if judge.rule.scope is Scope.RESOURCE:
                    said += judge.configuration()
        for judge in self._judging(request.type).about(resource):
            said += self._violations(judge, resource)
        early = () if self._judgement.preview else self._early_violations(resource)
        return self._response((*fold(said), *early))

    def _judging(self, type_: str) -> Asked[Judge]:
        """Return the judges of resources of a type."""
        if type_ not in self._judges_by_type:
            self._judges_by_type[type_] = Asked(
                (judge.rule, judge)
                for judge in self._judges
                if judge.rule.scope is Scope.RESOURCE and (not judge.rule.types or type_ in judge.rule.types)
            )
        return self._judges_by_type[type_]

    def _early_violations(self, resource: Resource) -> Iterator[Violation]:
        """Run the early checks of stack rules. Only updates need them: a preview creates nothing, so it can wait."""
        self._so_far.append(resource)
        stack = Stack(self._so_far)
        for judge in self._early:
            if not judge.rule.types or resource.type in judge.rule.types:
                yield from self._violations(judge, stack)

    def AnalyzeStack(self, request: analyzer_pb2.AnalyzeStackRequest, _: Context) -> analyzer_pb2.AnalyzeResponse:
        """Judge the whole stack."""
        stack = _stack(request)
        said: list[Violation] = []
        for judge in self._judges:
            if judge.rule.scope is Scope.STACK:
                said += judge.configuration()
                said += self._violations(judge, stack)
        return self._response(fold(said))

    def _violations(self, judge: Judge, subject: Resource | Stack) -> Iterator[Violation]:
        if judge.rule.by_agreement and self._foreign_agreement:
            return
        for violation in judge.violations(subject, self._judgement):
            # Only a violation that stops the plan may silence other rules.
            self._foreign_agreement |= violation.finding.foreign_agreement and not violation.advisory
            yield violation

    def _configure(self, given: Mapping[str, analyzer_pb2.PolicyConfig]) -> None:
        self._judges: list[Judge] = []
        self._judges_by_type: dict[str, Asked[Judge]] = {}
        self._early: list[Judge] = []
        self._foreign_agreement = False
        for rule in self._rules:
            level = given[rule.id].enforcementLevel if rule.id in given else analyzer_pb2.MANDATORY
            if level == analyzer_pb2.DISABLED:
                continue
            # No rule can remediate, so `remediate` counts as mandatory. So does a level that isn't known here.
            advisory = level == analyzer_pb2.ADVISORY
            config = read(given[rule.id].properties) if rule.id in given else {}
            self._judges.append(Judge(rule, config, advisory=advisory))
            if rule.early:
                self._early.append(Judge(replace(rule, check=rule.early), config, advisory=advisory))

    def _response(self, violations: Iterable[Violation]) -> analyzer_pb2.AnalyzeResponse:
        response = analyzer_pb2.AnalyzeResponse()
        for violation in violations:
            response.diagnostics.add(
                policyName=violation.rule.id,
                policyPackName=self._owners[violation.rule.id],
                policyPackVersion=_VERSION,
                description=violation.rule.title,
                message=violation.text,
                enforcementLevel=analyzer_pb2.ADVISORY if violation.advisory else analyzer_pb2.MANDATORY,
                urn=violation.finding.urn,
                severity=_severity(violation.severity),
            )
        return response


_METHODS: Final[Mapping[str, tuple[type[Message], type[Message]]]] = {
    "Handshake": (analyzer_pb2.AnalyzerHandshakeRequest, analyzer_pb2.AnalyzerHandshakeResponse),
    "GetAnalyzerInfo": (Empty, analyzer_pb2.AnalyzerInfo),
    "GetPluginInfo": (Empty, plugin_pb2.PluginInfo),
    "ConfigureStack": (analyzer_pb2.AnalyzerStackConfigureRequest, analyzer_pb2.AnalyzerStackConfigureResponse),
    "Configure": (analyzer_pb2.ConfigureAnalyzerRequest, Empty),
    "Analyze": (analyzer_pb2.AnalyzeRequest, analyzer_pb2.AnalyzeResponse),
    "AnalyzeStack": (analyzer_pb2.AnalyzeStackRequest, analyzer_pb2.AnalyzeResponse),
}
"""The methods of the protocol that an analyzer implements, with the messages that they take and return.

`Remediate` isn't one of them, since no rule changes a resource. The engine calls it for every resource before it calls
`Analyze`, and takes "unimplemented" to mean that there is no remedy (sdk/go/common/resource/plugin/analyzer_plugin.go
of pulumi/pulumi). The server gives that answer in half the time that a method takes.
"""


def handler(analyzer: Analyzer) -> grpc.GenericRpcHandler[Message, Message]:
    """Return what a server needs in order to answer the engine with an analyzer."""
    methods = {
        name: grpc.unary_unary_rpc_method_handler(
            getattr(analyzer, name), request.FromString, response.SerializeToString
        )
        for name, (request, response) in _METHODS.items()
    }
    return grpc.method_handlers_generic_handler("pulumirpc.Analyzer", methods)


def _severity(severity: Severity) -> analyzer_pb2.PolicySeverity.ValueType:
    return analyzer_pb2.PolicySeverity.Value(f"POLICY_SEVERITY_{severity.name}")


def _info(name: str, packs: Sequence[Pack], description: str) -> analyzer_pb2.AnalyzerInfo:
    """Return what the engine shows and checks; a rule's tag says which pack it belongs to."""
    info = analyzer_pb2.AnalyzerInfo(name=name, version=_VERSION, supportsConfig=True, description=description)
    for pack in packs:
        for rule in pack.rules:
            stack = rule.scope is Scope.STACK
            policy = info.policies.add(
                name=rule.id,
                description=rule.title,
                enforcementLevel=analyzer_pb2.MANDATORY,
                severity=_severity(rule.severity),
                remediation_steps=rule.remedy,
                url=rule.source,
                tags=[f"pack:{pack.name}"],
                policy_type=analyzer_pb2.POLICY_TYPE_STACK if stack else analyzer_pb2.POLICY_TYPE_RESOURCE,
            )
            policy.configSchema.properties.update({**rule.config, "waivers": waivers.SCHEMA})
        for id_, entry in pack.config.items():
            configured = info.initialConfig[id_]
            configured.enforcementLevel = analyzer_pb2.EnforcementLevel.Value(entry.level.upper())
            configured.properties.update(entry.properties)
    return info


def _resource(
    given: analyzer_pb2.AnalyzeRequest | analyzer_pb2.AnalyzerResource,
    parent: str,
    references: Mapping[str, frozenset[str]] | None = None,
) -> Resource:
    return Resource(
        given.type,
        given.urn,
        given.name,
        read(given.properties),
        given.options.protect,
        parent,
        read(given.provider.properties),
        frozenset(given.options.additionalSecretOutputs),
        references or {},
        tuple(given.options.ignoreChanges),
    )


def _stack(request: analyzer_pb2.AnalyzeStackRequest) -> Stack:
    """Return the resources of a request.

    References to resources outside the request are dropped; a parent outside it gives way to the one in the options.
    """
    urns = frozenset(resource.urn for resource in request.resources)
    return Stack(
        [
            _resource(
                resource,
                resource.parent if resource.parent in urns else resource.options.parent,
                {
                    key: urns.intersection(dependencies.urns)
                    for key, dependencies in resource.propertyDependencies.items()
                },
            )
            for resource in request.resources
        ]
    )
