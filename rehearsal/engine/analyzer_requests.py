"""The requests to a pack about a resource and about the stack, as the engine sends them (pulumi/analyzer.proto)."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi.runtime.proto import analyzer_pb2

from rehearsal.engine.plan import Step
from rehearsal.engine.properties import pack_properties, pack_value


def resource_request(step: Step, provider: Step | None) -> analyzer_pb2.AnalyzeRequest:
    """Return the request to judge a resource: its inputs without the engine's own."""
    request = analyzer_pb2.AnalyzeRequest(
        urn=step.urn, type=step.type, name=step.name, options=_options(step), provider=_provider(provider)
    )
    request.properties.update(pack_properties(step.inputs, custom=step.custom))
    return request


def remedy_request(step: Step, provider: Step | None) -> analyzer_pb2.AnalyzeRequest:
    """Return the request to remediate a resource: a remedy returns all inputs, so it gets the engine's own too."""
    request = resource_request(step, provider)
    request.properties.update({key: pack_value(value) for key, value in step.inputs.items()})
    return request


def stack_request(steps: Sequence[tuple[Step, Step | None]]) -> analyzer_pb2.AnalyzeStackRequest:
    """Return the request to judge the stack: every resource, including providers, with its outputs, not its inputs."""
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
        resource.properties.update(pack_properties(step.outputs, custom=step.custom))
    return request


def _options(step: Step) -> analyzer_pb2.AnalyzerResourceOptions:
    return analyzer_pb2.AnalyzerResourceOptions(
        protect=step.protect,
        ignoreChanges=step.ignore_changes,
        deleteBeforeReplace=bool(step.delete_before_replace),
        deleteBeforeReplaceDefined=step.delete_before_replace is not None,
        additionalSecretOutputs=step.additional_secret_outputs,
        parent=step.parent,
    )


def _provider(provider: Step | None) -> analyzer_pb2.AnalyzerProviderResource | None:
    if provider is None:
        return None
    resource = analyzer_pb2.AnalyzerProviderResource(urn=provider.urn, type=provider.type, name=provider.name)
    resource.properties.update(pack_properties(provider.inputs, custom=True))
    return resource
