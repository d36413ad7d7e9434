"""Which workloads of this program have a security group, and which connect to which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from components.applications import PIPELINES, PORTAL, Application
from components.catalogue import Workload

DATABASE_PORT: Final = 5432


class Member(StrEnum):
    """A holder of a security group. The value is part of the group's name."""

    BACKSTAGE = "backstage"
    PREFECT_API = "prefect-api"
    PREFECT_WORKER = "prefect-worker"
    PREFECT_DEPLOYER = "prefect-deployer"
    DATABASE_TASKS = "database-tasks"
    DATABASE = "database"


MEMBERS: Final[Mapping[Workload, Member]] = {
    Workload.BACKSTAGE: Member.BACKSTAGE,
    Workload.BACKSTAGE_DB_BOOTSTRAP: Member.DATABASE_TASKS,
    Workload.BACKSTAGE_DB_INSPECT: Member.DATABASE_TASKS,
    Workload.PREFECT_API: Member.PREFECT_API,
    Workload.PREFECT_WORKER: Member.PREFECT_WORKER,
    Workload.PREFECT_DEPLOYER: Member.PREFECT_DEPLOYER,
}
"""Workload -> member whose security group its tasks have."""

TARGETS: Final[Mapping[Application, Member]] = {PORTAL: Member.BACKSTAGE, PIPELINES: Member.PREFECT_API}
"""Application -> member to whose security group the load balancer connects."""


@dataclass(frozen=True)
class Flow:
    """Connections that one member opens to another."""

    source: Member
    target: Member
    port: int


FLOWS: Final = (
    Flow(Member.PREFECT_WORKER, Member.PREFECT_API, PIPELINES.port),
    Flow(Member.PREFECT_DEPLOYER, Member.PREFECT_API, PIPELINES.port),
    Flow(Member.BACKSTAGE, Member.DATABASE, DATABASE_PORT),
    Flow(Member.PREFECT_API, Member.DATABASE, DATABASE_PORT),
    Flow(Member.DATABASE_TASKS, Member.DATABASE, DATABASE_PORT),
)

_HTTPS: Final = "AWS, and the APIs that it uses"
OUTWARD: Final[Mapping[Member, Mapping[int, str]]] = {
    Member.BACKSTAGE: {443: _HTTPS},
    Member.PREFECT_API: {443: _HTTPS},
    # Neo4j Aura publishes no address ranges: https://neo4j.com/docs/aura/
    Member.PREFECT_WORKER: {443: _HTTPS, 7687: "Neo4j Aura"},
    Member.PREFECT_DEPLOYER: {443: _HTTPS},
    Member.DATABASE_TASKS: {443: _HTTPS},
}
"""Member -> port -> what it reaches on the internet; the database can't reach the internet."""
