"""What a pack is sent about a resource and about the stack, as the engine sends it (pulumi/analyzer.proto)."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi.runtime.proto import analyzer_pb2

from rehearsal.engine.plan import Step
from rehearsal.engine.properties import for_packs, visible


def about_resource(step: Step, provider: Step | None) -> analyzer_pb2.AnalyzeRequest:
    """Return a resource as a rule judges it: its inputs without the engine's own."""
    request = analyzer_pb2.AnalyzeRequest(
        urn=step.urn, type=step.type, name=step.name, options=_options(step), provider=_provider(provider)
    )
    request.properties.update(visible(step.inputs, custom=step.custom))
    return request


def about_remedies(step: Step, provider: Step | None) -> analyzer_pb2.AnalyzeRequest:
    """Return a resource as a remedy takes it: a remedy returns all inputs, so it is given the engine's own too."""
    request = about_resource(step, provider)
    request.properties.update({key: for_packs(value) for key, value in step.inputs.items()})
    return request


def about_stack(steps: Sequence[tuple[Step, Step | None]]) -> analyzer_pb2.AnalyzeStackRequest:
    """Return the whole stack: of each resource its outputs, not its inputs; every provider is among them."""
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
    resource.properties.update(visible(provider.inputs, custom=True))
    return resource
