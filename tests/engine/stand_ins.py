"""Stand-ins for the aws and cloudflare providers, attached to the engine in place of the real ones.

    python -m tests.engine.stand_ins FOLDER

prints the value for `PULUMI_DEBUG_PROVIDERS` and serves until it is killed; `attach` does the same in process.
In the folder:

    account/       existing resources (see account.py); outlives the process
    account-id     the account that the credentials belong to; without it, any account that the stack allows
    journal.jsonl  the calls, in order: `method`, `urn`, `type`, `id`, `preview`, `outcome`, and for an update
                   `changed`, the names of the changed inputs; never a value
    faults.json    a list of faults (see `Fault`), read again when it changes
    secrets.json   ARN of a secret -> its value, the answer of `getSecretVersion`

Like the bridged providers (pulumi-terraform-bridge, pkg/tfbridge/provider.go, Configure) they support previews and
don't accept secrets: the engine sends values in clear and marks the answers as secret as far as it can.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from rehearsal.engine import datasources
from rehearsal.engine.computed import attributes
from rehearsal.engine.planned_inputs import planned
from rehearsal.engine.program_fault import ProgramFault
from rehearsal.engine.properties import from_struct, to_struct
from tests.engine.account import ACCOUNT, IDENTITY, Account, Resource, made, old_first, replaces

SECRET_VERSION: Final = "aws:secretsmanager/getSecretVersion:getSecretVersion"
PACKAGES: Final = ("aws", "cloudflare")


@dataclass(frozen=True)
class Fault:
    """A fault at the n-th call of a method outside previews (counted since the file was written).

    `action`: `refuse` answers with an error and does nothing; `wait` acts once the fault is removed from the file;
    `die` ends the process before anything is done; `die-after` once it is done, but before the engine hears of it;
    `roll-back` does nothing and answers as if it were done, as with an ECS service that rolls back. A `Read` can be
    given the first two, an `Invoke` (whose `type` is its token; it counts in previews too) only `wait`.
    """

    method: str
    nth: int
    action: str
    type: str = ""


class Faults:
    """The faults that a test has set."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp = 0
        self._faults: list[Fault] = []
        self._calls: list[int] = []

    def due(self, method: str, type_: str) -> Fault | None:
        """Count a call and return its fault if one is due."""
        self._read()
        found = None
        for index, fault in enumerate(self._faults):
            if fault.method == method and fault.type in ("", type_):
                self._calls[index] += 1
                found = fault if self._calls[index] == fault.nth else found
        return found

    def __contains__(self, fault: Fault) -> bool:
        self._read()
        return fault in self._faults

    def _read(self) -> None:
        stamp = self._file.stat().st_mtime_ns if self._file.exists() else 0
        if stamp != self._stamp:
            self._stamp = stamp
            self._faults = [Fault(**fault) for fault in json.loads(self._file.read_text())] if stamp else []
            self._calls = [0] * len(self._faults)


class Cloud:
    """State that both providers share: the account, the journal and the faults."""

    def __init__(self, folder: Path) -> None:
        self.account = Account(folder / "account")
        self.lock = threading.Lock()
        self._faults = Faults(folder / "faults.json")
        self._journal = folder / "journal.jsonl"
        self._secrets = folder / "secrets.json"
        self._account_id = folder / "account-id"

    def admits(self, allowed: Sequence[str]) -> bool:
        """Tell whether a stack allows the credentials' account; an empty list allows any."""
        return not allowed or not self._account_id.exists() or self._account_id.read_text().strip() in allowed

    def fault(self, method: str, type_: str) -> Fault | None:
        """Return the fault that is due at a call."""
        with self.lock:
            return self._faults.due(method, type_)

    def lasts(self, fault: Fault) -> bool:
        """Tell whether a fault is still in the file."""
        with self.lock:
            return fault in self._faults

    def note(self, method: str, **entry: Any) -> None:  # noqa: ANN401 - JSON
        """Write a call into the journal."""
        line = json.dumps({"method": method, **entry})
        with self.lock, self._journal.open("a", encoding="utf-8") as journal:
            journal.write(line + "\n")

    def secret_version(self, arn: str) -> dict[str, Any]:
        """Return a secret's current value as `getSecretVersion` does."""
        value = json.loads(self._secrets.read_text())[arn]
        current = "AWSCURRENT"
        return {"arn": arn, "id": f"{arn}|{current}", "secretId": arn, "secretString": value, "versionStage": current}


class StandIn(provider_pb2_grpc.ResourceProviderServicer):
    """One provider."""

    def __init__(self, package: str, cloud: Cloud) -> None:
        self._package = package
        self._cloud = cloud
        self._region = "eu-central-1"
        self._accounts: list[str] = []

    def Handshake(self, _request: object, context: grpc.ServicerContext) -> provider_pb2.ProviderHandshakeResponse:
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, _request: object, context: grpc.ServicerContext) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def GetPluginInfo(self, _request: object, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version="0.0.1")

    def Cancel(self, _request: object, context: grpc.ServicerContext) -> empty_pb2.Empty:
        self._cloud.note("Cancel", package=self._package)
        return empty_pb2.Empty()

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        same = from_struct(request.old_inputs) == from_struct(request.news)
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_NONE if same else provider_pb2.DiffResponse.DIFF_SOME
        )

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        config: dict[str, Any] = from_struct(request.args)
        self._region = config.get("region", self._region)
        accounts = config.get("allowedAccountIds", [])
        self._accounts = json.loads(accounts) if isinstance(accounts, str) else accounts
        self._cloud.note("Configure", package=self._package, region=self._region, accounts=self._accounts)
        if not self._cloud.admits(self._accounts):
            # The words of the real provider (hashicorp/aws-sdk-go-base, ValidateAccountID).
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "AWS account ID not allowed")
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> provider_pb2.InvokeResponse:
        arguments: dict[str, Any] = from_struct(request.args)
        self._cloud.note("Invoke", token=request.tok, preview=request.preview)
        self._hold(self._cloud.fault("Invoke", request.tok), token=request.tok)
        response = provider_pb2.InvokeResponse()
        try:
            answer = (
                self._cloud.secret_version(arguments["secretId"])
                if request.tok == SECRET_VERSION
                else datasources.answer(
                    request.tok,
                    datasources.Lookup(arguments, str(self._accounts[0]) if self._accounts else "", self._region),
                )
            )
        except (ProgramFault, KeyError, OSError) as error:
            response.failures.add(property="", reason=f"no answer to {request.tok}: {type(error).__name__}")
            return response
        getattr(response, "return").update(answer)  # the field's name is a Python keyword
        return response

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        response = provider_pb2.CheckResponse(inputs=request.news)
        if not attributes(_type(request.urn)):
            response.failures.add(property="", reason=f"no resource type {_type(request.urn)}")
        return response

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        type_ = _type(request.urn)
        changed = _changed(request)
        replacing = [key for key in changed if replaces(type_, key)]
        response = provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            replaces=replacing,
            diffs=changed,
            hasDetailedDiff=True,
            deleteBeforeReplace=bool(replacing) and old_first(type_, from_struct(request.news)),
        )
        kinds = provider_pb2.PropertyDiff
        for key in changed:
            kind = kinds.UPDATE_REPLACE if key in replacing else kinds.UPDATE
            response.detailedDiff[key].CopyFrom(kinds(kind=kind, inputDiff=True))
        return response

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        type_, inputs = _type(request.urn), from_struct(request.properties)
        if request.preview:
            self._cloud.note("Create", urn=request.urn, type=type_, preview=True)
            return provider_pb2.CreateResponse(properties=to_struct(planned(type_, inputs, self._region)))
        resource = made(type_, request.urn, inputs, self._region, str(self._accounts[0]) if self._accounts else ACCOUNT)

        def create() -> None:
            if type_ in IDENTITY and any(other.identity == resource.identity for other in self._cloud.account):
                context.abort(grpc.StatusCode.ALREADY_EXISTS, f"creating {resource.identity}: it exists already")
            self._cloud.account.put(resource)

        self._act("Create", request.urn, resource.id, context, create)
        return provider_pb2.CreateResponse(id=resource.id, properties=to_struct(resource.properties))

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        self._cloud.note("Read", urn=request.urn, type=_type(request.urn), id=request.id)
        fault = self._cloud.fault("Read", _type(request.urn))
        self._hold(fault, urn=request.urn, type=_type(request.urn))
        if fault and fault.action == "refuse":
            context.abort(grpc.StatusCode.UNAVAILABLE, f"{request.urn}: the service doesn't answer (a test's fault)")
        # An import gives the id from the type's documentation, and the region after it if that isn't the provider's.
        id_, _, region = request.id.partition("@")
        account, type_ = self._cloud.account, _type(request.urn)
        resource = account.find(type_, id_) or account.imported(type_, id_)
        if resource is None:
            return provider_pb2.ReadResponse()
        known, properties = from_struct(request.inputs), resource.properties
        inputs = {key: properties[key] for key in known if key in properties} or resource.inputs()
        if not known and not region:
            inputs.pop("region", None)
        return provider_pb2.ReadResponse(
            id=resource.id, properties=to_struct(resource.properties), inputs=to_struct(inputs)
        )

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        type_, inputs = _type(request.urn), from_struct(request.news)
        olds, old_inputs = from_struct(request.olds), from_struct(request.old_inputs)
        computed = {key: value for key, value in olds.items() if key not in old_inputs}
        properties = {**computed, **inputs}
        if "tagsAll" in computed:
            properties["tagsAll"] = inputs.get("tags", {})
        if request.preview:
            self._cloud.note("Update", urn=request.urn, type=type_, id=request.id, preview=True)
            properties = planned(type_, properties, self._region)
        else:
            resource = Resource(request.id, type_, request.urn, properties, sorted(inputs))
            self._act(
                "Update", request.urn, request.id, context, lambda: self._cloud.account.put(resource), _changed(request)
            )
        return provider_pb2.UpdateResponse(properties=to_struct(properties))

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        type_ = _type(request.urn)

        def delete() -> None:
            kept = self._cloud.account.find(type_, request.id)
            if kept and kept.properties.get("skipDestroy") is True:
                return
            if self._cloud.account.in_use(type_, request.id):
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"deleting {request.id}: ResourceInUse")
            self._cloud.account.remove(type_, request.id)

        self._act("Delete", request.urn, request.id, context, delete)
        return empty_pb2.Empty()

    def _act(
        self,
        method: str,
        urn: str,
        id_: str,
        context: grpc.ServicerContext,
        work: Callable[[], None],
        changed: list[str] | None = None,
    ) -> None:
        """Change the account, unless a fault is due."""
        type_ = _type(urn)
        fault = self._cloud.fault(method, type_)
        action = fault.action if fault else ""
        entry = {"urn": urn, "type": type_, "id": id_, "preview": False}
        if changed is not None:
            entry["changed"] = changed
        self._hold(fault, urn=urn, type=type_)
        if action in ("refuse", "die"):
            self._cloud.note(method, **entry, outcome=action)
            if action == "die":
                os._exit(1)
            context.abort(grpc.StatusCode.UNAVAILABLE, f"{type_}: the service doesn't answer (a test's fault)")
        if action == "roll-back":
            self._cloud.note(method, **entry, outcome=action)
            return
        with self._cloud.lock:
            work()
        self._cloud.note(method, **entry, outcome="done")
        if action == "die-after":
            os._exit(1)

    def _hold(self, fault: Fault | None, **entry: str) -> None:
        """Wait while a fault holds a call."""
        if fault and fault.action == "wait":
            self._cloud.note("Wait", **entry)
            while self._cloud.lasts(fault):
                time.sleep(0.05)


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _changed(request: provider_pb2.DiffRequest | provider_pb2.UpdateRequest) -> list[str]:
    """Return the inputs that differ, in alphabetical order; unknown ones count as different."""
    olds, news = from_struct(request.old_inputs), from_struct(request.news)
    return sorted(key for key in {*olds, *news} - {*request.ignoreChanges} if olds.get(key) != news.get(key))


@dataclass(frozen=True)
class Attached:
    """Both providers, being served. Keep a reference, or the servers are garbage-collected."""

    servers: tuple[grpc.Server, ...]
    addresses: str
    """The value for `PULUMI_DEBUG_PROVIDERS`."""

    def stop(self) -> None:
        """Stop serving."""
        for server in self.servers:
            server.stop(None)


def attach(folder: Path) -> Attached:
    """Serve both providers from this process."""
    # Their classes say what each type computes. Loading them takes seconds, so only processes that need them do.
    import pulumi_aws  # noqa: F401
    import pulumi_cloudflare  # noqa: F401

    folder.mkdir(parents=True, exist_ok=True)
    cloud = Cloud(folder)
    servers = []
    addresses = []
    for package in PACKAGES:
        server = grpc.server(ThreadPoolExecutor(32))
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(StandIn(package, cloud), server)
        addresses.append(f"{package}:{server.add_insecure_port('127.0.0.1:0')}")
        server.start()
        servers.append(server)
    return Attached(tuple(servers), ",".join(addresses))


if __name__ == "__main__":
    attached = attach(Path(sys.argv[1]))
    print(attached.addresses, flush=True)
    for served in attached.servers:
        served.wait_for_termination()
