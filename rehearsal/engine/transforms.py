"""Applies a program's transforms to its resources and lookups when they are registered.

The SDK serves a program's transforms as callbacks, which the engine calls over gRPC. Here, program and monitor share a
process, so the service is called directly. Order and conversions are those of pkg/resource/deploy/source_eval.go of
pulumi/pulumi (RegisterResource, Invoke, wrapTransformCallback).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from pulumi.runtime._callbacks import _CallbackServicer
from pulumi.runtime.proto import callback_pb2, resource_pb2
from pulumi.runtime.sync_await import _sync_await

from rehearsal.engine.program_fault import ProgramFault
from rehearsal.engine.properties import from_output_values, from_struct, to_output_value, to_struct

_OPTIONS: Final[Mapping[str, str]] = {
    "depends_on": "dependencies",
    "protect": "protect",
    "ignore_changes": "ignoreChanges",
    "replace_on_changes": "replaceOnChanges",
    "replacement_trigger": "replacement_trigger",
    "version": "version",
    "aliases": "aliases",
    "provider": "provider",
    "providers": "providers",
    "custom_timeouts": "customTimeouts",
    "plugin_download_url": "pluginDownloadURL",
    "plugin_checksums": "pluginChecksums",
    "retain_on_delete": "retainOnDelete",
    "deleted_with": "deletedWith",
    "replace_with": "replace_with",
    "delete_before_replace": "deleteBeforeReplace",
    "additional_secret_outputs": "additionalSecretOutputs",
    "hooks": "hooks",
    "hide_diff": "hideDiffs",
    "import": "importId",
}
"""Option of a transform -> its field in a registration."""
_FIELDS: Final = {field: option for option, field in _OPTIONS.items()}


class Transforms:
    """The transforms that a program has registered: for the stack, for lookups, and for single resources."""

    def __init__(self) -> None:
        self._stack: list[callback_pb2.Callback] = []
        self._invokes: list[callback_pb2.Callback] = []
        self._own: dict[str, Sequence[callback_pb2.Callback]] = {}

    def add(self, callback: callback_pb2.Callback) -> None:
        """Add a transform for every resource."""
        self._stack.append(callback)

    def add_invoke(self, callback: callback_pb2.Callback) -> None:
        """Add a transform for every lookup."""
        self._invokes.append(callback)

    def resource(
        self, given: resource_pb2.RegisterResourceRequest, urn: str, ancestors: Sequence[str], provider: str
    ) -> resource_pb2.RegisterResourceRequest:
        """Return a registration after its own transforms, those of its ancestors, and the stack's.

        `ancestors` are URNs, the nearest first; `provider` is the resource's provider without transforms.
        """
        self._own[urn] = own = tuple(given.transforms)
        callbacks = [*own, *(callback for ancestor in ancestors for callback in self._own[ancestor]), *self._stack]
        if not callbacks:
            return given
        result = resource_pb2.RegisterResourceRequest()
        result.CopyFrom(given)
        result.aliases.extend([{"urn": alias} for alias in given.aliasURNs])
        del result.aliasURNs[:]
        result.provider = provider
        dependencies = {key: list(value.urns) for key, value in given.propertyDependencies.items()} if own else {}
        properties = {
            key: to_output_value(value, dependencies.get(key, ())) for key, value in from_struct(given.object).items()
        }
        for callback in callbacks:
            request = resource_pb2.TransformRequest(
                type=given.type,
                name=given.name,
                custom=given.custom,
                parent=given.parent,
                properties=to_struct(properties),
                options=_copied(result, resource_pb2.TransformResourceOptions(), _FIELDS),
            )
            response = resource_pb2.TransformResponse.FromString(_answer(callback, request.SerializeToString()))
            if response.HasField("properties"):
                properties = from_struct(response.properties)
            if response.HasField("options"):
                _copied(response.options, result, _OPTIONS)
        result.deleteBeforeReplaceDefined |= result.deleteBeforeReplace
        found = {key: from_output_values(value) for key, value in properties.items()}
        result.object.CopyFrom(to_struct({key: value for key, (value, _) in found.items()}))
        if own:
            result.propertyDependencies.clear()
        for key, (_, urns) in found.items():
            result.propertyDependencies[key].urns.extend(sorted(urns))
            if own:
                result.dependencies.extend(sorted(urns - {*result.dependencies}))
        return result

    def invoke(self, given: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeRequest:
        """Return a lookup after the transforms for lookups."""
        result = resource_pb2.ResourceInvokeRequest()
        result.CopyFrom(given)
        for callback in self._invokes:
            options = resource_pb2.TransformInvokeOptions(provider=result.provider, version=result.version)
            request = resource_pb2.TransformInvokeRequest(token=given.tok, args=result.args, options=options)
            response = resource_pb2.TransformInvokeResponse.FromString(_answer(callback, request.SerializeToString()))
            if response.HasField("args"):
                plain = {key: from_output_values(value)[0] for key, value in from_struct(response.args).items()}
                result.args.CopyFrom(to_struct(plain))
            if response.HasField("options"):
                result.provider, result.version = response.options.provider, response.options.version
        return result


class _Context:
    """Replaces gRPC's server-side context of a call."""

    async def abort(self, _code: object, details: str) -> NoReturn:
        raise ProgramFault(f"a transform failed: {details.partition(' error: ')[2].splitlines()[0].rstrip(':')}")


def _answer(callback: callback_pb2.Callback, request: bytes) -> bytes:
    # The SDK keeps each of its services in this list until its loop ends.
    service: Any = next(one for one in _CallbackServicer._servicers if one._target == callback.target)
    invoked = service.Invoke(callback_pb2.CallbackInvokeRequest(token=callback.token, request=request), _Context())
    response: callback_pb2.CallbackInvokeResponse = _sync_await(invoked)
    return response.response


def _copied(source: Any, target: Any, fields: Mapping[str, str]) -> Any:  # noqa: ANN401 - messages of several types
    """Copy fields from one message to another and return the target; `fields` maps the source's to the target's."""
    for name, other in fields.items():
        target.ClearField(other)
        value = getattr(source, name)
        if source.DESCRIPTOR.fields_by_name[name].has_presence:
            if source.HasField(name):
                if hasattr(value, "CopyFrom"):
                    getattr(target, other).CopyFrom(value)
                else:
                    setattr(target, other, value)
        elif hasattr(value, "MergeFrom"):
            getattr(target, other).MergeFrom(value)
        elif value:
            setattr(target, other, value)
    return target
