"""Computes what the platform costs per month, running and parked, from a table of rates with their sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from rich.table import Table

from components.catalogue import SECRETS
from components.containers import CONTAINERS, SERVICES
from components.settings import Settings

PRICES: Final = Path(__file__).with_name("prices.yaml")
_STORED_GB: Final = 5
"""The assumed size of the database in GB."""
_LEAST_AWAKE: Final = 0.5
"""The Aurora capacity units that an active database uses at least, even if its minimum is lower."""


@dataclass(frozen=True)
class Item:
    """Something that costs money. `rate` is its key in the table; the amounts are in the rate's unit."""

    title: str
    rate: str
    running: float
    parked: float


@cache
def prices() -> Mapping[str, Any]:
    """Return the table: `region`, `hours` in a month, and `rates` by key (`per`, `dollars`, `source`, `read`)."""
    table: Mapping[str, Any] = yaml.safe_load(PRICES.read_text(encoding="utf-8"))
    return table


def items(settings: Settings) -> list[Item]:
    """Return what a platform with these settings pays for, by the hour or by the month."""
    containers = [CONTAINERS[workload] for workload in SERVICES]
    chip = {"X86_64": "x86", "ARM64": "arm"}[settings.cpu_architecture]
    addresses = len(settings.zones)
    awake = max(float(settings.database_minimum_capacity), _LEAST_AWAKE)
    kept = settings.database_when_parked == "paused"
    return [
        Item("services' CPUs", f"{chip}-processor", sum(one.cpu for one in containers) / 1024, 0),
        Item("services' memory, GB", f"{chip}-memory", sum(one.memory for one in containers) / 1024, 0),
        Item("NAT gateways", "nat-gateway", settings.nat_gateways, 0),
        Item("public addresses", "public-address", addresses + settings.nat_gateways, addresses),
        Item("load balancer", "load-balancer", 1, 1),
        Item("database, capacity units while awake", "database-unit", awake, 0),
        Item("database on disk, GB", "database-storage", _STORED_GB, _STORED_GB if kept else 0),
        Item("database in a snapshot, GB", "database-snapshot", 0, 0 if kept else _STORED_GB),
        Item("secrets", "secret", len(SECRETS), len(SECRETS)),
        Item("private zone", "private-zone", 1, 1),
    ]


def monthly(item: Item, amount: float) -> float:
    """Return the cost of an amount of an item per month, in dollars."""
    rate = prices()["rates"][item.rate]
    dollars: float = amount * rate["dollars"] * (prices()["hours"] if rate["per"] == "hour" else 1)
    return dollars


def table(settings: Settings) -> Table:
    """Return the table of costs for people; a `~` marks amounts that are based on an estimate."""
    shown = Table(title="Dollars per month", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in ("", "running", "parked"):
        shown.add_column(name, justify="right" if name else "left")
    paid = items(settings)
    for item in paid:
        about = "~" if prices()["rates"][item.rate].get("estimate") else ""
        amounts = (item.running, item.parked)
        shown.add_row(item.title, *(f"{about}{monthly(item, amount):.0f}" if amount else "0" for amount in amounts))
    sums = (sum(monthly(item, item.running) for item in paid), sum(monthly(item, item.parked) for item in paid))
    shown.add_row("total", *(f"~{dollars:.0f}" for dollars in sums))
    return shown


def notes(settings: Settings) -> Iterator[str]:
    """Yield notes that explain the table."""
    rates = prices()["rates"].values()
    oldest, newest = min(rate["read"] for rate in rates), max(rate["read"] for rate in rates)
    yield (
        f"Rates of {prices()['region']}, looked up from {oldest} to {newest} (sources: operations/park/prices.yaml); "
        f"~: based on an estimate. For {prices()['hours']} hours, without traffic, requests and tax."
    )
    if settings.region != prices()["region"]:
        yield f"This stack is in {settings.region}, where rates differ."
