"""Serves the provider `aws` to the engine with upstream code, which talks to the server that plays AWS.

    python -m tests.upstream.bridged_provider SERVER_URL JOURNAL TYPE…

prints `aws:PORT`, which `PULUMI_DEBUG_PROVIDERS` takes, and serves until it is killed. All of AWS's endpoints are at
`SERVER_URL` (see aws_server.py). The environment says which code is used, either pulumi-aws' own plugin:

    UPSTREAM_PLUGIN         `pulumi-resource-aws`, as `pulumi plugin install resource aws` installs it

or the Terraform AWS provider's behind Pulumi's dynamic bridge, for the types given:

    UPSTREAM_BRIDGE         pulumi-terraform-bridge's `pulumi-resource-terraform-provider`
    UPSTREAM_AWS_PROVIDER   the binary of terraform-provider-aws, 5.x

`JOURNAL` gets one line of JSON for each call: `method`, `urn`, `type`, `id`, `region`, `preview`, `outcome`; a failure
adds `error`; a Diff adds `diffs` and `replaces`; a Create in a preview adds `answer` and `unexplained` (see
planned_values.py), and `lost`, the inputs that the answer lacks. It never has a value that the provider was given.

The plugin gets calls unchanged. For the bridge, this module translates tokens, URNs and the few inputs that have
another shape in pulumi-aws. Resources of Terraform's 5.x have no `region`, so each region has its own bridge.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import grpc
import pulumi_aws  # noqa: F401 - its classes say which properties each type has
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from rehearsal.engine.properties import from_struct
from tests.upstream.api_calls import SERVICES
from tests.upstream.planned_values import observe, unexplained
from tests.upstream.terraform_types import (
    NEWER_VALUES,
    RENAMED,
    SINGLE,
    bridge_token,
    bridge_urn,
    terraform_name,
    type_of,
)

PLUGIN: Final = "UPSTREAM_PLUGIN"
BRIDGE: Final = "UPSTREAM_BRIDGE"
PROVIDER: Final = "UPSTREAM_AWS_PROVIDER"

_UNLIMITED: Final = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))

_WITH_REGION: Final = re.compile(r"(.+)@([a-z]{2}-[a-z]+-\d)")
"""An id, and the region that an import adds to it."""
_IDS: Final = {"aws:acm/certificateValidation:CertificateValidation": "acmCertificateValidationId"}
"""The bridge's name for the id of a resource without an importer, whose import is given its outputs."""

Message: TypeAlias = Any
"""A request or response of the provider protocol; the generated classes share no type with these fields."""


@dataclass
class Journal:
    """Writes calls down, in the order in which they end."""

    file: Path
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, method: str, **entry: object) -> None:
        """Write one call."""
        with self.lock, self.file.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps({"method": method, **entry}) + "\n")


class Bridge:
    """The bridge's process for one region, with the provider that it starts; or the plugin's for all regions."""

    def __init__(self, engine: str, region: str, accounts: Sequence[str], server: str, types: Iterable[str]) -> None:
        self.region = region
        self.native = PLUGIN in os.environ
        self._process = subprocess.Popen(
            [os.environ[PLUGIN if self.native else BRIDGE], engine],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "AWS_EC2_METADATA_DISABLED": "true"},
            start_new_session=True,
        )
        assert self._process.stdout is not None
        port = self._process.stdout.readline().strip()
        channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=_UNLIMITED)
        self.stub = provider_pb2_grpc.ResourceProviderStub(channel)
        if not self.native:
            arguments = [str(_named_binary()), "--provider-name", "aws", "--include", ",".join(sorted(types))]
            parameters = provider_pb2.ParameterizeRequest.ParametersArgs(args=arguments)
            self.stub.Parameterize(provider_pb2.ParameterizeRequest(args=parameters))
        config: dict[str, object] = {
            "region": region,
            "accessKey": "test",
            "secretKey": "test",
            "skipMetadataApiCheck": True,
            "s3UsePathStyle": True,
            "allowedAccountIds": list(accounts),
            "endpoints": [dict.fromkeys(SERVICES, server)],
        }
        text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
        request = provider_pb2.ConfigureRequest(variables={f"aws:config:{key}": value for key, value in text.items()})
        request.args.update(text)
        self.stub.Configure(request)

    def end(self) -> None:
        """End both processes, which share a process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _named_binary() -> Path:
    """Return the provider's binary under a name that tells the bridge which provider it is."""
    link = Path(tempfile.gettempdir()) / f"upstream-{os.getpid()}" / "terraform-provider-aws"
    link.parent.mkdir(exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(Path(os.environ[PROVIDER]).resolve())
    return link


class BridgedProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Passes the engine's calls on to the bridge of the resource's region."""

    def __init__(self, server: str, journal: Journal, types: Iterable[str]) -> None:
        self._server = server
        self._journal = journal
        self._types = frozenset(types)
        self._lock = threading.RLock()
        self._engine = "127.0.0.1:1"
        self._configuration: tuple[str, ...] = ()
        self._bridges: dict[str, Bridge] = {}
        self._given_ids: set[str] = set()
        """URNs of resources whose outputs lack an id that the dynamic bridge renames and pulumi-aws doesn't."""

    def end(self) -> None:
        """End every bridge."""
        for bridge in self._bridges.values():
            bridge.end()
        self._bridges.clear()

    def Handshake(self, request: Message, context: grpc.ServicerContext) -> Message:
        self._engine = request.engine_address or self._engine
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Message, context: grpc.ServicerContext) -> Message:
        self._engine = request.address or self._engine
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Message, context: grpc.ServicerContext) -> Message:
        return plugin_pb2.PluginInfo(version="0.0.1")

    def Cancel(self, request: Message, context: grpc.ServicerContext) -> Message:
        return empty_pb2.Empty()

    def CheckConfig(self, request: Message, context: grpc.ServicerContext) -> Message:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Message, context: grpc.ServicerContext) -> Message:
        kinds = provider_pb2.DiffResponse
        return kinds(changes=kinds.DIFF_NONE if request.old_inputs == request.news else kinds.DIFF_SOME)

    def Configure(self, request: Message, context: grpc.ServicerContext) -> Message:
        given = dict(request.args.items()) if request.HasField("args") else {}
        accounts = given.get("allowedAccountIds", [])
        accounts = json.loads(accounts) if isinstance(accounts, str) else list(accounts)
        with self._lock:
            configuration = (self._engine, str(given["region"]), *map(str, accounts))
            if configuration != self._configuration:
                self.end()
                self._configuration = configuration
            with _errors_handed_on(context):
                self._bridge("")
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def _bridge(self, region: str) -> Bridge:
        """Return the bridge of a region, started if necessary; without a region, that of the stack's own."""
        with self._lock:
            engine, own, *accounts = self._configuration
            region = own if PLUGIN in os.environ else region or own
            if region not in self._bridges:
                self._bridges[region] = Bridge(engine, region, accounts, self._server, self._types)
            return self._bridges[region]

    def Invoke(self, request: Message, context: grpc.ServicerContext) -> Message:
        self._journal.note("Invoke", token=request.tok, preview=request.preview)
        bridge = self._bridge("")
        if not bridge.native:
            request.tok = bridge_token(request.tok)
            request.args.fields.pop("region", None)
        with _errors_handed_on(context):
            return bridge.stub.Invoke(request)

    def Check(self, request: Message, context: grpc.ServicerContext) -> Message:
        return self._hand_on("Check", request, context, sent=("olds", "news"), received=("inputs",))

    def Diff(self, request: Message, context: grpc.ServicerContext) -> Message:
        return self._hand_on("Diff", request, context, sent=("olds", "news", "old_inputs"))

    def Create(self, request: Message, context: grpc.ServicerContext) -> Message:
        return self._hand_on("Create", request, context, sent=("properties",), received=("properties",))

    def Read(self, request: Message, context: grpc.ServicerContext) -> Message:
        both = ("properties", "inputs")
        return self._hand_on("Read", request, context, sent=both, received=both)

    def Update(self, request: Message, context: grpc.ServicerContext) -> Message:
        return self._hand_on("Update", request, context, sent=("olds", "news", "old_inputs"), received=("properties",))

    def Delete(self, request: Message, context: grpc.ServicerContext) -> Message:
        return self._hand_on("Delete", request, context, sent=("properties", "old_inputs"))

    def _hand_on(
        self,
        method: str,
        request: Message,
        context: grpc.ServicerContext,
        *,
        sent: Sequence[str],
        received: Sequence[str] = (),
    ) -> Message:
        """Pass on a call about a resource; `sent` and `received` name the fields that hold its properties."""
        urn, type_ = request.urn, type_of(request.urn)
        planning = method == "Create" and request.preview
        given = from_struct(request.properties) if planning else {}
        bridge, asked_for = self._translated(method, request, sent)
        preview = bool(getattr(request, "preview", False))
        entry = {"urn": urn, "type": type_, "region": bridge.region, "preview": preview}
        try:
            response = getattr(bridge.stub, method)(request)
        except grpc.RpcError as error:
            self._journal.note(method, **entry, id=getattr(request, "id", ""), outcome="failed", error=error.details())
            _fail(context, error)
        entry["id"] = getattr(response, "id", "") or getattr(request, "id", "")
        if method == "Diff":
            entry |= {"diffs": list(response.diffs), "replaces": list(response.replaces)}
        if method == "Check":
            entry["failures"] = [f"{failure.property}: {failure.reason}" for failure in response.failures]
        if not bridge.native:
            self._translate_back(response, urn, received, str(entry["id"]), bridge.region if asked_for else "", bridge)
        if planning:
            answered = struct_pb2.Struct()
            answered.CopyFrom(response.properties)
            if not bridge.native:
                _reshape(answered, type_, to_bridge=False)
            entry["lost"] = sorted(name for name, value in given.items() if value and name not in answered)
            entry["answer"] = observe(type_, given, from_struct(answered))
            entry["unexplained"] = unexplained(type_, given, from_struct(answered), bridge.region)
        self._journal.note(method, **entry, outcome="done")
        return response

    def _translated(self, method: str, request: Message, sent: Sequence[str]) -> tuple[Bridge, bool]:
        """Translate a request for the bridge; return the bridge, and whether the inputs name a region."""
        if PLUGIN in os.environ:
            return self._bridge(""), False
        urn, type_ = request.urn, type_of(request.urn)
        request.urn, request.type = bridge_urn(urn), bridge_token(type_)
        region, asked_for = "", False
        if method == "Read" and (named := _WITH_REGION.fullmatch(request.id)):
            request.id, region = named.groups()
            asked_for = True
        for name in sent:
            if not request.HasField(name):
                continue
            properties = getattr(request, name)
            if urn in self._given_ids:
                properties.fields.pop("id", None)
            if "region" in properties.fields:
                region = properties.fields["region"].string_value
                asked_for = asked_for or name in ("news", "inputs")
                del properties.fields["region"]
            if name == "olds" and method != "Check" and type_ in _IDS and _IDS[type_] not in properties.fields:
                properties[_IDS[type_]] = request.id
            # Outputs stay as the bridge wrote them, with its notes on their shape; only `_translate_back` adds to them.
            if name in ("news", "inputs", "old_inputs") or method in ("Check", "Create"):
                _reshape(properties, type_, to_bridge=True)
                continue
            for own in RENAMED.get(type_, {}):
                properties.fields.pop(own, None)
        return self._bridge(region), asked_for

    def _translate_back(
        self, response: Message, urn: str, received: Sequence[str], id_: str, asked_for: str, bridge: Bridge
    ) -> None:
        """Translate a response for pulumi-aws. `asked_for` is the region that the inputs named, or empty."""
        for name in received:
            if not response.HasField(name):
                continue
            properties = getattr(response, name)
            if name == "inputs":
                _reshape(properties, type_of(urn), to_bridge=False)
            for own, bridged in RENAMED.get(type_of(urn), {}).items() if name == "properties" else ():
                if bridged in properties.fields:
                    properties.fields[own].CopyFrom(properties.fields[bridged])
            if name == "properties" and len(properties.fields) and id_ and "id" not in properties.fields:
                self._given_ids.add(urn)
                properties["id"] = id_
            if len(properties.fields) and (name == "properties" or asked_for):
                properties["region"] = bridge.region


@contextlib.contextmanager
def _errors_handed_on(context: grpc.ServicerContext) -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        _fail(context, error)


def _fail(context: grpc.ServicerContext, error: Message) -> None:
    """Answer a call with the bridge's error; its trailing metadata says what was created in part.

    Raises:
        Exception: always, as gRPC ends a call.
    """
    context.set_trailing_metadata(tuple(error.trailing_metadata() or ()))
    context.abort(error.code(), error.details())


def _reshape(properties: struct_pb2.Struct, type_: str, *, to_bridge: bool) -> None:
    """Give inputs the bridge's shape, or that of pulumi-aws; in place."""
    for own, bridged in RENAMED.get(type_, {}).items():
        old, new = (own, bridged) if to_bridge else (bridged, own)
        if old in properties.fields:
            properties.fields[new].CopyFrom(properties.fields.pop(old))
    for path, values in NEWER_VALUES.get(type_, {}).items():
        outer, _, inner = path.partition(".")
        if outer in properties.fields:
            old, new = values if to_bridge else values[::-1]
            value = properties.fields[outer].struct_value.fields[inner]
            if value.string_value == old:
                value.string_value = new
    holder, names = SINGLE.get(type_, ("", ()))
    structs = [properties]
    if holder:
        structs = (
            [item.struct_value for item in properties.fields[holder].list_value.values] if holder in properties else []
        )
    for struct in structs:
        for name in names:
            _wrap(struct, name) if to_bridge else _unwrap(struct, name)


def _wrap(struct: struct_pb2.Struct, name: str) -> None:
    """Turn the object under a name into a list with one item, under the bridge's name."""
    if name in struct.fields:
        value = struct_pb2.Value()
        value.CopyFrom(struct.fields.pop(name))
        if value.WhichOneof("kind") == "struct_value":
            struct.fields[f"{name}s"].list_value.values.add().CopyFrom(value)
        else:
            struct.fields[f"{name}s"].CopyFrom(value)


def _unwrap(struct: struct_pb2.Struct, name: str) -> None:
    """Turn the bridge's list of at most one item back into an object."""
    if f"{name}s" in struct.fields:
        value = struct_pb2.Value()
        value.CopyFrom(struct.fields.pop(f"{name}s"))
        if value.WhichOneof("kind") != "list_value":
            struct.fields[name].CopyFrom(value)
        elif value.list_value.values:
            struct.fields[name].CopyFrom(value.list_value.values[0])


def main() -> None:
    """Serve until the process is ended."""
    server_url, journal, *types = sys.argv[1:]
    provider = BridgedProvider(server_url, Journal(Path(journal)), map(terraform_name, types))
    server = grpc.server(ThreadPoolExecutor(32), options=_UNLIMITED)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    print(f"aws:{server.add_insecure_port('127.0.0.1:0')}", flush=True)
    server.start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        server.wait_for_termination()
    finally:
        provider.end()


if __name__ == "__main__":
    main()
