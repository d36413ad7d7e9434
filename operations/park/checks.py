"""The checks before and after the platform is parked or unparked."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

import httpx

from components.applications import PIPELINES
from components.containers import WORK_POOL
from components.naming import final_snapshot
from operations import verify_login
from operations.park.account import Account, Snapshot
from operations.stored_secret import StoredSecret
from operations.verdicts import Check, Verdict
from operations.web import Web, send
from stackfiles.failures import Failure

_TASKS: Final = Check("park/tasks", "tasks that no service started")
_FLOWS: Final = Check("park/flows", "flows")
_BACKUP: Final = Check("park/backup", "backup of today")
_DATABASE: Final = Check("park/database", "database")
_MARKER: Final = Check("park/marker", "park mode's marker")
_SERVICES: Final = Check("park/services", "services")
_NAT: Final = Check("park/nat", "NAT gateways and addresses")
_TARGETS: Final = Check("park/targets", "load balancer's targets")
_PREFECT_CREDENTIAL: Final = "prefect/api-auth"
_UNFINISHED: Final = ("PENDING", "RUNNING", "CANCELLING")
"""The states of flows that stopping would interrupt (https://docs.prefect.io/v3/concepts/states)."""


def before_parking(account: Account, web: Web, pool_paused: bool) -> list[Verdict]:
    """Check that parking interrupts nothing, and that the database can be restored.

    `pool_paused` means that somebody has checked Prefect.
    """
    return [
        _check_tasks(account),
        _check_flows(account, web, pool_paused),
        *_check_database_before(account),
    ]


def before_unparking(account: Account, _web: Web, _pool_paused: bool) -> list[Verdict]:
    """Check that there is a database, or that one can be restored from the last one's snapshot."""
    return [_check_start(account)]


def parked(account: Account, web: Web) -> list[Verdict]:
    """Check that nothing runs that is paid by the hour, except the load balancer, and that the hosts answer so."""
    running = [one for one in account.services() if one.desired or one.running or one.pending]
    left = [*account.nat_gateways(), *account.addresses()]
    return [
        _check_marker(account, "parked"),
        _SERVICES.failed("; ".join(f"{one.name} has {one.running} running, {one.pending} pending" for one in running))
        if running
        else _SERVICES.passed("no task is wanted, running or pending"),
        _NAT.failed(f"still there: {', '.join(left)}") if left else _NAT.passed("gone"),
        _check_parked_database(account),
        *_check_hosts(account, web),
    ]


def unparked(account: Account, web: Web) -> list[Verdict]:
    """Check that the services run, that their targets are healthy, and that the hosts lead to the sign-in."""
    services = account.services()
    waiting = [one for one in services if (one.desired, one.running, one.pending, one.deployments) != (1, 1, 0, 1)]
    states = [f"{one.name}: {state}" for one in services for state in account.unhealthy_targets(one)]
    gateways, wanted = account.nat_gateways(), account.stack.settings.nat_gateways
    told = "; ".join(f"{one.name} has {one.running} of {one.desired} running" for one in waiting)
    return [
        _check_marker(account, "unparked"),
        _NAT.passed(", ".join(gateways))
        if len(gateways) == wanted
        else _NAT.failed(f"{len(gateways)} NAT gateways; accepted: {wanted}"),
        _check_running_database(account),
        _SERVICES.failed(told or "there are none")
        if waiting or not services
        else _SERVICES.passed(", ".join(one.name for one in services)),
        _TARGETS.failed(", ".join(states)) if states else _TARGETS.passed("healthy"),
        *_check_hosts(account, web),
    ]


def _check_hosts(account: Account, web: Web) -> list[Verdict]:
    """Check that the hosts answer as the stack's file says, and that they can't be bypassed."""
    return verify_login.run(account.stack, web, {}, why_no_distributions="`verify-login` checks it")


def _check_marker(account: Account, wanted: str) -> Verdict:
    found = account.marker()
    return _MARKER.passed(found) if found == wanted else _MARKER.failed(f"says `{found}`")


def _check_tasks(account: Account) -> Verdict:
    if tasks := account.single_tasks():
        return _TASKS.failed(f"{', '.join(tasks)}; wait until they end, or stop them")
    return _TASKS.passed("none")


def _check_flows(account: Account, web: Web, pool_paused: bool) -> Verdict:
    """Check that no flow is running and none can start."""
    if not any(service.running for service in account.services()):
        return _FLOWS.passed("no service is running, so no flow is either")
    if account.marker() == "parked":
        return _FLOWS.passed("checked when parking began; its host has been closed since then")
    if pool_paused:
        return _FLOWS.passed("paused and ended, according to --pool-paused")
    if not account.stack.settings.open_prefect_machine_api:
        return _FLOWS.failed(
            "can't be checked from here, because openPrefectMachineApi is false: pause the work pool "
            f"`{WORK_POOL}` in Prefect, check that no flow is running, then add --pool-paused"
        )
    pool = _ask_prefect(account, web, "GET", f"work_pools/{WORK_POOL}")
    running = _ask_prefect(
        account, web, "POST", "flow_runs/count", {"flow_runs": {"state": {"type": {"any_": _UNFINISHED}}}}
    )
    if running:
        return _FLOWS.failed(f"{running} haven't ended; stopping would kill them after 120 s")
    if not pool.get("is_paused"):
        return _FLOWS.failed(f"the work pool `{WORK_POOL}` isn't paused: prefect work-pool pause {WORK_POOL}")
    return _FLOWS.passed(f"the work pool `{WORK_POOL}` is paused, and no flow is running")


def _ask_prefect(account: Account, web: Web, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
    """Ask Prefect's API with its credential (https://docs.prefect.io/v3/api-ref/rest-api/server).

    Raises:
        Failure: it doesn't answer, or there is no credential.
    """
    stack = account.stack
    credential = StoredSecret(account.secrets, stack.names.secret(_PREFECT_CREDENTIAL)).value()
    if credential is None:
        raise Failure(f"{stack.names.secret(_PREFECT_CREDENTIAL)} has no value, so Prefect can't be asked")
    encoded = base64.b64encode(credential.get_secret_value().encode()).decode()
    url, headers = f"https://{stack.hosts[PIPELINES]}/api/{path}", {"Authorization": f"Basic {encoded}"}
    try:
        with web.client() as client:
            response = send(client, method, url, headers=headers, json=body)
            if response.status_code == HTTPStatus.OK:
                return response.json()
    except (httpx.TransportError, ValueError) as error:
        raise Failure(f"Prefect can't be asked ({type(error).__name__})") from None
    raise Failure(f"Prefect answers {response.status_code} to {path}")


def _check_database_before(account: Account) -> list[Verdict]:
    database, settings = account.database(), account.stack.settings
    if database is None:
        return [_DATABASE.passed("there is none")]
    verdicts = [_check_backup(account.newest_backup())]
    if settings.database_when_parked == "deleted":
        verdicts.append(
            _DATABASE.failed("it has deletion protection: apply databaseDeletable `true` before you park")
            if database.protected
            else _DATABASE.passed(f"leaves {_final_snapshot(account)}")
        )
    return verdicts


def _check_backup(newest: Snapshot | None) -> Verdict:
    if newest is None or newest.made is None:
        return _BACKUP.failed("there is no snapshot that a database could be restored from")
    if datetime.now(UTC) - newest.made > timedelta(days=1):
        return _BACKUP.failed(f"the newest is {newest.name}, from {newest.made:%Y-%m-%d %H:%M} UTC; create one by hand")
    return _BACKUP.passed(f"{newest.name}, from {newest.made:%Y-%m-%d %H:%M} UTC")


def _check_start(account: Account) -> Verdict:
    """Check that the configured database exists, or that AWS can create it."""
    settings = account.stack.settings
    generation = settings.database_generation
    if account.database() or not generation:
        return _DATABASE.passed("exists" if generation else "none is configured")
    if account.snapshot(_final_snapshot(account)):
        return _DATABASE.failed(
            f"generation {generation} was deleted and left its snapshot; accepted: databaseGeneration {generation + 1}"
        )
    name = settings.start_snapshot(account.database_name)
    if name is None:
        return _DATABASE.failed(
            "databaseRestoreMode is `clean`, but an empty database has no users: continue as in a first deploy "
            "(docs/workloads.md, from its second update); accepted here: from_final_snapshot"
        )
    start = account.snapshot(name)
    if start is None or not start.usable:
        state = "doesn't exist" if start is None else f"is {start.status}{'' if start.encrypted else ', not encrypted'}"
        return _DATABASE.failed(f"the snapshot {name} {state}; accepted: one that is available and encrypted")
    if _version(settings.database_engine_version) < _version(start.version):
        return _DATABASE.failed(
            f"databaseEngineVersion is {settings.database_engine_version}, but {name} has {start.version}; accepted: "
            "that version or a newer one"
        )
    return _DATABASE.passed(f"generation {generation} starts from {name}")


def _check_parked_database(account: Account) -> Verdict:
    """Check that the database costs only its storage; undecided while AWS doesn't say so yet."""
    settings, database = account.stack.settings, account.database()
    if not settings.database_generation:
        return _DATABASE.passed("none is configured")
    if settings.database_when_parked == "deleted":
        left = account.snapshot(_final_snapshot(account))
        if database:
            return _DATABASE.failed(f"is {database.status}")
        return (
            _DATABASE.passed(f"deleted; it left {left.name}")
            if left and left.usable
            else _DATABASE.failed(f"{_final_snapshot(account)} is {left.status if left else 'missing'}")
        )
    if database is None:
        return _DATABASE.failed("is missing")
    capacity, connections = (account.measured(name) for name in ("ServerlessDatabaseCapacity", "DatabaseConnections"))
    if capacity == 0:
        return _DATABASE.passed("paused")
    awake = "AWS doesn't report its capacity yet" if capacity is None else f"still at {capacity:g} capacity units"
    return _DATABASE.undecided(
        f"{awake}, {connections or 0:.0f} connections; it pauses 5 minutes after the last one ends: check again then"
    )


def _check_running_database(account: Account) -> Verdict:
    database = account.database()
    if database is None and account.stack.settings.database_generation:
        return _DATABASE.failed("is missing")
    if database and database.status != "available":
        return _DATABASE.failed(f"is {database.status}")
    return _DATABASE.passed("available" if database else "none is configured")


def _final_snapshot(account: Account) -> str:
    return final_snapshot(account.database_name, account.stack.settings.database_generation)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdecimal())
