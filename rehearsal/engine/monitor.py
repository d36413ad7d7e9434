"""The resource monitor: receives the program's raw registrations and answers as the engine does in a preview.

Registrations, outputs and data sources are answered from the requests themselves, because the SDK's mock monitor, which
answers the rest, would lose secrets, dependencies, options and source positions. The behaviour is that of
pkg/resource/deploy of pulumi/pulumi: source_eval.go (RegisterResource, inheritFromParent, sourcePositions),
default_providers.go and step_generator.go.
"""

from __future__ import annotations

import importlib.metadata
import json
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from google.protobuf import empty_pb2
from pulumi.runtime.mocks import MockEngine, MockMonitor
from pulumi.runtime.proto import alias_pb2, callback_pb2, engine_pb2, resource_pb2

from rehearsal.engine import datasources
from rehearsal.engine.lines import lines_of_registration, lines_of_statements
from rehearsal.engine.plan import PROVIDER_TYPE, Judges, Step
from rehearsal.engine.planned_inputs import planned
from rehearsal.engine.program_fault import ProgramFault
from rehearsal.engine.properties import from_struct, is_secret, secret, to_struct
from rehearsal.engine.transforms import Transforms
from stackfiles.json_type import Json
from stackfiles.plan_document import ROOT_TYPE, UNKNOWN, place
from stackfiles.project import Project

_FEATURES: Final = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_OUTPUT_VALUES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
)
"""The features that this monitor implements as the engine does. The SDK refuses options that need other features."""


class Engine(MockEngine):
    """Collects the program's log messages in `diagnostics`: severity (`info`, `warning`, `error`) and text."""

    def __init__(self) -> None:
        super().__init__(None)
        self.diagnostics: list[tuple[str, str]] = []

    def Log(self, request: engine_pb2.LogRequest) -> None:
        """Keep a message that a user should see."""
        severity = {engine_pb2.INFO: "info", engine_pb2.WARNING: "warning", engine_pb2.ERROR: "error"}
        if request.severity in severity and not request.ephemeral:
            self.diagnostics.append((severity[request.severity], request.message))

    def RequirePulumiVersion(self, _request: object) -> empty_pb2.Empty:
        """Accept any version, since no CLI is involved."""
        return empty_pb2.Empty()


class Monitor(MockMonitor):
    """Answers the program's requests and keeps what it registers."""

    def __init__(self, project: Project, config: Mapping[str, str], judges: Judges) -> None:
        super().__init__(None)  # type: ignore[arg-type] # no mocks: every method that would use them is replaced
        self._project = project
        self._config = config
        self._judges = judges
        self._steps: dict[str, Step] = {}
        self._component_providers: dict[str, dict[str, str]] = {}
        self._transforms = Transforms()

    @property
    def steps(self) -> tuple[Step, ...]:
        """The resources that the program has registered so far, and the providers that it needs."""
        return tuple(self._steps.values())

    def GetDeploymentInfo(self, _request: object) -> resource_pb2.DeploymentInfo:
        """Tell the SDK which features the monitor has."""
        return resource_pb2.DeploymentInfo(supportedFeatures=_FEATURES)

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> resource_pb2.RegisterResourceResponse:
        """Add a resource to the plan, let the packs judge it, and answer as a provider would in a preview."""
        if request.remote:
            raise ProgramFault(f"{request.type} is a remote component; a rehearsal can't run its provider")
        parent = self._steps.get(request.parent)
        package = request.type.partition(":")[0]
        _refuse_plugin(request.type, request.pluginDownloadURL, request.version)
        urn = self._urn(request.parent, request.type, request.name)
        inherited = self._component_providers.get(request.parent, {}).get(package, "") if request.custom else ""
        ancestors = self._ancestors(request.parent)
        request = self._transforms.resource(request, urn, ancestors, request.provider or inherited)
        inputs = from_struct(request.object)
        source, *trace = [""] if request.type == ROOT_TYPE else lines_of_registration(request, self._project.folder)
        step = Step(
            urn=urn,
            type=request.type,
            name=request.name,
            custom=request.custom,
            inputs=inputs,
            parent=request.parent,
            protect=request.protect if request.HasField("protect") else bool(parent and parent.protect),
            retain_on_delete=request.retainOnDelete
            if request.HasField("retainOnDelete")
            else bool(parent and parent.retain_on_delete),
            deleted_with=request.deletedWith or (parent.deleted_with if parent else ""),
            dependencies=sorted(request.dependencies),
            property_dependencies={
                key: sorted(value.urns) for key, value in sorted(request.propertyDependencies.items())
            },
            ignore_changes=list(request.ignoreChanges),
            replace_on_changes=list(request.replaceOnChanges),
            delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
            additional_secret_outputs=list(request.additionalSecretOutputs),
            import_id=request.importId,
            aliases=[*request.aliasURNs, *(self._alias(alias, request) for alias in request.aliases)],
            source=source,
            trace=trace,
            statements=lines_of_statements(inputs),
        )
        if not request.custom:
            self._component_providers[step.urn] = {
                **self._component_providers.get(request.parent, {}),
                **request.providers,
            }
        elif request.type.startswith(PROVIDER_TYPE):
            version = request.version or _installed_version(request.type.removeprefix(PROVIDER_TYPE))
            step.inputs |= {"__internal": {}, **({"version": version} if version else {})}
        else:
            step.provider = request.provider or inherited or self._default_provider(package, request.version)
        self._add(step)
        if not request.custom:
            return resource_pb2.RegisterResourceResponse(urn=step.urn)
        provider = self._steps.get(step.provider.rpartition("::")[0])
        step.outputs = _outputs(step, _plain(provider.inputs.get("region")) if provider else "")
        return resource_pb2.RegisterResourceResponse(urn=step.urn, id=step.import_id, object=to_struct(step.outputs))

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> empty_pb2.Empty:
        """Keep a component's outputs, which stack policies judge."""
        self._steps[request.urn].outputs = from_struct(request.outputs)
        return empty_pb2.Empty()

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:
        """Answer a data source from the table, for its provider's account and region."""
        request = self._transforms.invoke(request)
        package = request.tok.partition(":")[0]
        _refuse_plugin(request.tok, request.pluginDownloadURL, request.version)
        reference = request.provider or self._default_provider(package, request.version)
        provider = self._steps[reference.rpartition("::")[0]].inputs
        accounts = json.loads(_plain(provider.get("allowedAccountIds")) or "[]")
        lookup = datasources.Lookup(
            arguments=from_struct(request.args),
            account=str(accounts[0]) if accounts else "000000000000",
            region=_plain(provider.get("region")) or "us-east-1",
        )
        answer = datasources.answer(request.tok, lookup)
        response = resource_pb2.ResourceInvokeResponse()
        getattr(response, "return").update(answer)  # the field's name is a Python keyword
        return response

    def RegisterStackTransform(self, callback: callback_pb2.Callback) -> empty_pb2.Empty:
        """Transform every resource that is registered from now on."""
        self._transforms.add(callback)
        return empty_pb2.Empty()

    def RegisterStackInvokeTransform(self, callback: callback_pb2.Callback) -> empty_pb2.Empty:
        """Transform every lookup from now on."""
        self._transforms.add_invoke(callback)
        return empty_pb2.Empty()

    def Call(self, request: resource_pb2.ResourceCallRequest) -> typing.NoReturn:
        """Refuse a provider's method: only the provider itself knows the answer."""
        raise ProgramFault(f"the program calls {request.tok}; a rehearsal can't run a provider's methods")

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> typing.NoReturn:
        """Refuse to read an existing resource: there is no account to read it from."""
        raise ProgramFault(
            f"the program reads the existing {request.type} `{request.name}`, which a rehearsal can't do, because it "
            "has no account to read it from. Take what you need of it from configuration."
        )

    def ExistsResource(self, request: resource_pb2.ExistsResourceRequest) -> typing.NoReturn:
        """Refuse to look for a resource: there is no account to look in."""
        raise ProgramFault(
            f"the program asks whether a resource of type {request.type} exists, but a rehearsal has no account to "
            "look in"
        )

    def _ancestors(self, urn: str) -> list[str]:
        """Return a resource and its parents, the nearest first."""
        return [urn, *self._ancestors(self._steps[urn].parent)] if urn in self._steps else []

    def _urn(self, parent: str, type_: str, name: str) -> str:
        """Return the engine's URN: the types of all parents but the root stack, then the resource's own."""
        if parent:
            parent_type = parent.split("::")[2]
            type_ = type_ if parent_type == ROOT_TYPE else f"{parent_type}${type_}"
        return f"urn:pulumi:{self._project.stack}::{self._project.name}::{type_}::{name}"

    def _alias(self, alias: alias_pb2.Alias, request: resource_pb2.RegisterResourceRequest) -> str:
        """Return the URN that an alias stands for (collapseAliasToUrn in step_generator.go)."""
        if alias.WhichOneof("alias") == "urn":
            return alias.urn
        spec = alias.spec
        parent = "" if spec.noParent else spec.parentUrn or request.parent
        _, _, *rest = self._urn(parent, spec.type or request.type, spec.name or request.name).split("::", 3)
        stack, project = spec.stack or self._project.stack, spec.project or self._project.name
        return "::".join([f"urn:pulumi:{stack}", project, *rest])

    def _add(self, step: Step) -> None:
        if step.urn in self._steps:
            first = self._steps[step.urn].source or "the engine"
            raise ProgramFault(
                f"duplicate resource URN {step.urn}: first registered at {place(first)}, again at "
                f"{place(step.source)}; give one of them another name"
            )
        self._steps[step.urn] = step
        self._judges.judge(step, self._steps.get(step.provider.rpartition("::")[0]))

    def _default_provider(self, package: str, version: str) -> str:
        """Return the reference to a package's default provider, which is registered on first use."""
        version = version or _installed_version(package)
        name = "_".join(
            ["default", *version.replace("+", ".").replace("-", ".").split(".")] if version else ["default"]
        )
        urn = self._urn("", f"{PROVIDER_TYPE}{package}", name)
        if urn not in self._steps:
            inputs: dict[str, Any] = {
                key.partition(":")[2]: secret(value) if key in self._project.secret_keys else value
                for key, value in self._config.items()
                if key.partition(":")[0] == package
            }
            step = Step(
                urn=urn,
                type=f"{PROVIDER_TYPE}{package}",
                name=name,
                custom=True,
                inputs=inputs | ({"version": version} if version else {}),
                default_provider=True,
            )
            self._add(step)
            step.outputs = dict(step.inputs)
        return f"{urn}::{UNKNOWN}"


@cache
def _installed_version(package: str) -> str:
    """Return the version of a provider's SDK, which the language host tells the engine; empty without an SDK."""
    try:
        return importlib.metadata.version(f"pulumi-{package}")
    except importlib.metadata.PackageNotFoundError:
        return ""


def _refuse_plugin(token: str, url: str, version: str) -> None:
    """Refuse a plugin that isn't the installed SDK's: the engine runs it before any pack, and packs don't see it.

    Raises:
        ProgramFault: the program sets a plugin's download URL, or another version of it.
    """
    package = token.removeprefix(PROVIDER_TYPE).partition(":")[0]
    if url:
        raise ProgramFault(f"{token} gets its provider's plugin from {url}; leave out `plugin_download_url`")
    installed = _installed_version(package)
    if version and installed and version != installed:
        raise ProgramFault(
            f"{token} asks for version {version} of its provider's plugin, but pulumi-{package} is {installed}; leave "
            "out `version`"
        )


def _outputs(step: Step, region: str) -> dict[str, Any]:
    """Return a provider's answer in a preview, for its region."""
    if step.type.startswith(PROVIDER_TYPE):
        return {key: value for key, value in step.inputs.items() if key != "__internal"}
    outputs = {**planned(step.type, step.inputs, region), "id": step.import_id or UNKNOWN}
    return {
        key: secret(value) if key in step.additional_secret_outputs and not is_secret(value) else value
        for key, value in outputs.items()
    }


def _plain(value: Json) -> str:
    """Return a provider's input as text; empty if it is missing, secret or unknown."""
    return value if isinstance(value, str) and value != UNKNOWN else ""
